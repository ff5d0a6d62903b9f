#include "host/run/stage_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "host/files/file_error.hpp"
#include "host/files/parse_number.hpp"
#include "host/run/config_names.hpp"
#include "host/run/json_section.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

bool parse_finite(std::string_view text, double& value) {
    return parse_number(text, value) && std::isfinite(value);
}

bool is_one_of(OptimizerKind kind, const std::vector<OptimizerKind>& kinds) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

void read_lambda(Section& section, Stage& stage) {
    const nlohmann::json* lambda = section.child("lambda");
    if (!lambda) return;
    const auto number = [](const nlohmann::json& json) { return json.is_number(); };
    const auto parse = [&](const std::string& text) {
        at_place(section.where(), [&] { parse_lambda(text, stage); });
    };
    if (lambda->is_number())
        parse(fmt::format("{}", lambda->get<double>()));
    else if (lambda->is_array() && lambda->size() == 2 && number((*lambda)[0]) && number((*lambda)[1])) {
        const double start = (*lambda)[0].get<double>(), end = (*lambda)[1].get<double>();
        parse(start == end ? fmt::format("{}", start) : fmt::format("{}:{}", start, end));
    } else {
        section.fail("lambda", "a number or [HI, LO]");
    }
}

}  // namespace

double default_rate(OptimizerKind kind) {
    return kind == OptimizerKind::lbfgs ? 1 : Stage{}.learning_rate;
}

void parse_lambda(const std::string& text, Stage& stage) {
    const std::size_t colon = text.find(':');
    const bool range = colon != std::string::npos;
    const std::string_view all = text;
    double start = 0, end = 0;
    const bool read =
        parse_finite(all.substr(0, colon), start) && (!range || parse_finite(all.substr(colon + 1), end));
    if (!range) end = start;
    if (!read || start < 0 || end < 0)
        throw InputError("lambda: '" + printable(all) + "' is neither a number >= 0 nor HI:LO");
    if (range && !(end > 0 && start >= end))
        throw InputError("lambda: '" + printable(all) +
                         "' does not fall from HI to LO > 0 (a geometric decay)");
    stage.lambda_start = start;
    stage.lambda_end = end;
}

void parse_stage_precision(const std::string& text, Stage& stage) {
    stage.precision_auto = text == "auto";
    if (!stage.precision_auto) stage.precision = parse_precision(text);
}

const std::vector<OptimizerSetting>& optimizer_settings() {
    const std::vector<OptimizerKind> adams{OptimizerKind::adam, OptimizerKind::adamw};
    static const std::vector<OptimizerSetting> all{
        {"momentum", {OptimizerKind::momentum}, "momentum"},
        {"beta1", adams, "adam (or adamw)"},
        {"beta2", adams, "adam (or adamw)"},
        {"epsilon", adams, "adam (or adamw)"},
        {"history", {OptimizerKind::lbfgs}, "lbfgs"},
    };
    return all;
}

nlohmann::ordered_json stage_to_json(const Stage& stage) {
    nlohmann::ordered_json json = {{"steps", stage.steps},
                                   {"optimizer", name_of(stage.optimizer)},
                                   {"lr", stage.learning_rate},
                                   {"lr_schedule", name_of(stage.schedule)},
                                   {"warmup", stage.warmup},
                                   {"lambda", {stage.lambda_start, stage.lambda_end}},
                                   {"precision", stage.precision_auto ? "auto" : name_of(stage.precision)},
                                   {"kernel", name_of(stage.kernel)}};
    if (stage.frozen != Frozen::nothing) json["freeze"] = name_of(stage.frozen);
    if (stage.optimizer == OptimizerKind::momentum) json["momentum"] = stage.momentum;
    if (stage.optimizer == OptimizerKind::adam || stage.optimizer == OptimizerKind::adamw) {
        json["beta1"] = stage.beta1;
        json["beta2"] = stage.beta2;
        json["epsilon"] = stage.epsilon;
    }
    if (stage.optimizer == OptimizerKind::lbfgs) json["history"] = stage.history;
    return json;
}

Stage stage_from_json(const nlohmann::json& json, const std::string& where) {
    Stage stage;
    Section section(json, where);
    std::string optimizer = name_of(stage.optimizer), schedule = name_of(stage.schedule), precision = "auto",
                frozen = name_of(stage.frozen), kernel = name_of(stage.kernel);
    section.take("steps", stage.steps);
    section.take("optimizer", optimizer);
    at_place(where, [&] { stage.optimizer = parse_optimizer(optimizer); });
    stage.learning_rate = default_rate(stage.optimizer);
    section.take("lr", stage.learning_rate);
    section.take("lr_schedule", schedule);
    section.take("warmup", stage.warmup);
    read_lambda(section, stage);
    section.take("precision", precision);
    section.take("kernel", kernel);
    section.take("freeze", frozen);
    section.take("momentum", stage.momentum);
    section.take("beta1", stage.beta1);
    section.take("beta2", stage.beta2);
    section.take("epsilon", stage.epsilon);
    section.take("history", stage.history);
    section.finish();
    for (const OptimizerSetting& setting : optimizer_settings())
        if (section.has(setting.name) && !is_one_of(stage.optimizer, setting.kinds))
            throw InputError(fmt::format("{}: '{}' belongs to the optimizer {}; leave it out", where,
                                         setting.name, setting.owners));
    at_place(where, [&] {
        stage.schedule = parse_schedule(schedule);
        stage.frozen = parse_frozen(frozen);
        stage.kernel = parse_kernel(kernel);
        parse_stage_precision(precision, stage);
    });
    return stage;
}

std::string stage_prefix(const TrainingSettings& training, std::size_t index) {
    return training.stages.size() > 1 ? fmt::format("stage {}, ", index + 1) : "";
}

void check_stage(const Stage& stage, const std::string& prefix) {
    const auto require = [&](bool right, const char* name, const std::string& value,
                             const std::string& wanted) {
        if (!right) throw InputError(fmt::format("{}{}: {} is not {}", prefix, name, value, wanted));
    };
    const auto whole = [&](std::int64_t value, std::int64_t least, const char* name) {
        require(value >= least, name, std::to_string(value), fmt::format("a whole number >= {}", least));
    };
    const auto positive = [&](double value, const char* name) {
        require(std::isfinite(value) && value > 0, name, fmt::format("{}", value), "a number above 0");
    };
    const auto fraction = [&](double value, const char* name) {
        require(value >= 0 && value < 1, name, fmt::format("{}", value), "in [0, 1)");
    };
    whole(stage.steps, 0, "steps");
    require(stage.steps <= most_steps, "steps", std::to_string(stage.steps),
            fmt::format("at most {}", most_steps));
    whole(stage.warmup, 0, "warmup");
    whole(stage.history, 1, "history");
    require(stage.history <= 1000, "history", std::to_string(stage.history), "at most 1000");
    positive(stage.learning_rate, "lr");
    positive(stage.epsilon, "epsilon");
    fraction(stage.momentum, "momentum");
    fraction(stage.beta1, "beta1");
    fraction(stage.beta2, "beta2");
}

std::string stage_difference(const Stage& stored, const Stage& wanted) {
    if (stored.optimizer != wanted.optimizer) return "optimizer";
    if (stored.learning_rate != wanted.learning_rate) return "lr";
    if (stored.schedule != wanted.schedule) return "lr-schedule";
    if (stored.warmup != wanted.warmup) return "warmup";
    if (stored.lambda_start != wanted.lambda_start || stored.lambda_end != wanted.lambda_end) return "lambda";
    if (stored.precision != wanted.precision) return "precision";
    const auto kernel = [](const Stage& stage) {  // runs from before there was a choice name none
        return stage.kernel == LossKernel::automatic ? LossKernel::plain : stage.kernel;
    };
    if (kernel(stored) != kernel(wanted)) return "kernel";
    if (stored.frozen != wanted.frozen) return "freeze";
    if (stored.momentum != wanted.momentum) return "momentum";
    if (stored.beta1 != wanted.beta1) return "beta1";
    if (stored.beta2 != wanted.beta2) return "beta2";
    if (stored.epsilon != wanted.epsilon) return "epsilon";
    if (stored.history != wanted.history) return "history";
    return "";
}

}  // namespace ntpgeo
