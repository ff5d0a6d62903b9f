// Reading --config FILE.json and RUN/config.json.
#include <fmt/format.h>

#include <cmath>
#include <set>

#include "host/files/file_error.hpp"
#include "host/run/config.hpp"
#include "host/run/config_names.hpp"
#include "kernels/status.hpp"

namespace ntpgeo {
namespace {

using Json = nlohmann::json;

/// One JSON object whose keys are taken one by one; what is left over is an error.
class Section {
  public:
    Section(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
        if (!json.is_object()) throw InputError(where_ + " must be a JSON object");
    }

    template <class T>
    void take(const char* key, T& value) {
        seen_.insert(key);
        const auto found = json_.find(key);
        if (found == json_.end()) return;
        bool right = false;
        if constexpr (std::is_same_v<T, std::string>)
            right = found->is_string();
        else if constexpr (std::is_same_v<T, double>)
            right = found->is_number();
        else if constexpr (std::is_same_v<T, std::uint64_t>)
            right = found->is_number_unsigned();
        else  // what is not unsigned is negative; what is unsigned may pass 2^63
            right = found->is_number_integer() &&
                    (!found->is_number_unsigned() || found->template get<std::int64_t>() >= 0);
        if (!right)
            fail(key, std::is_same_v<T, std::string> ? "a string"
                      : std::is_same_v<T, double>    ? "a number"
                                                     : "a whole number");
        value = found->template get<T>();
    }
    const Json* child(const char* key) {
        seen_.insert(key);
        const auto found = json_.find(key);
        return found == json_.end() ? nullptr : &*found;
    }
    void ignore(const char* key) { seen_.insert(key); }
    [[noreturn]] void fail(const char* key, const std::string& right) const {
        throw InputError(fmt::format("{}: '{}' must be {}", where_, key, right));
    }
    void finish() const {
        for (const auto& [key, value] : json_.items())
            if (!seen_.contains(key))
                throw InputError(
                    fmt::format("{}: unknown key '{}'", where_, printable(std::string_view(key))));
    }

  private:
    const Json& json_;
    std::string where_;
    std::set<std::string> seen_;
};

void read_lambda(Section& section, Stage& stage) {
    const Json* lambda = section.child("lambda");
    if (!lambda) return;
    const auto number = [](const Json& json) { return json.is_number(); };
    if (lambda->is_number())
        parse_lambda(fmt::format("{}", lambda->get<double>()), stage);
    else if (lambda->is_array() && lambda->size() == 2 && number((*lambda)[0]) && number((*lambda)[1])) {
        const double start = (*lambda)[0].get<double>(), end = (*lambda)[1].get<double>();
        parse_lambda(start == end ? fmt::format("{}", start) : fmt::format("{}:{}", start, end), stage);
    } else {
        section.fail("lambda", "a number or [HI, LO]");
    }
}

void read_stage(const Json& json, const std::string& where, RunConfig& config) {
    Stage& stage = config.training.stage;
    Section section(json, where);
    std::string optimizer = name_of(stage.optimizer), schedule = name_of(stage.schedule), precision = "auto";
    section.take("steps", stage.steps);
    section.take("optimizer", optimizer);
    stage.optimizer = parse_optimizer(optimizer);
    if (stage.optimizer == OptimizerKind::lbfgs) stage.learning_rate = 1;
    section.take("lr", stage.learning_rate);
    section.take("lr_schedule", schedule);
    section.take("warmup", stage.warmup);
    read_lambda(section, stage);
    section.take("precision", precision);
    section.take("beta1", stage.beta1);
    section.take("beta2", stage.beta2);
    section.take("epsilon", stage.epsilon);
    section.take("history", stage.history);
    section.finish();
    stage.schedule = parse_schedule(schedule);
    config.precision_auto = precision == "auto";
    if (!config.precision_auto) stage.precision = parse_precision(precision);
}

}  // namespace

RunConfig config_from_json(const std::string& text, const std::string& where) {
    Json json;
    try {
        json = Json::parse(text);
    } catch (const nlohmann::json::exception&) {
        throw InputError(where + " is not a JSON file");
    }
    RunConfig config;
    Section section(json, where);
    std::string format = "ntpgeo.config.1", command = "train";
    section.take("format", format);
    section.take("command", command);
    if (format != "ntpgeo.config.1" || command != "train")
        throw InputError(where +
                         " is not a configuration of ntpgeo train (format ntpgeo.config.1, command train)");
    if (const Json* dataset = section.child("dataset")) {
        Section part(*dataset, where + ", dataset");
        part.take("path", config.dataset.path);
        part.take("hash", config.dataset.hash);
        for (const char* key : {"vocab_size", "contexts", "nnz", "source", "entropy"}) part.ignore(key);
        part.finish();
    }
    section.take("dim", config.training.dim);
    section.take("seed", config.training.seed);
    section.take("init_scale", config.training.init_scale);
    std::string master = name_of(config.training.master), cadence = config.metrics_every.text(),
                metrics_precision = "fp64";
    section.take("master", master);
    section.take("device", config.device);
    section.take("metrics_every", cadence);
    section.take("metrics_precision", metrics_precision);
    section.take("checkpoint_every", config.checkpoint_every);
    section.take("checkpoint_seconds", config.checkpoint_seconds);
    section.take("keep_checkpoints", config.keep_checkpoints);
    section.ignore("versions");
    if (const Json* stages = section.child("stages")) {
        if (!stages->is_array() || stages->empty()) section.fail("stages", "a list of stages");
        if (stages->size() > 1)
            throw InputError(where + ": more than one stage is not available in this version; give one");
        read_stage((*stages)[0], where + ", stage 1", config);
    }
    section.finish();
    config.training.master = parse_master(master);
    config.metrics_every = Cadence::parse(cadence);
    config.metrics_fp64 = parse_metrics_precision(metrics_precision);
    return config;
}

void check(const RunConfig& config) {
    const auto require = [](bool right, const char* name, const std::string& value, const char* wanted) {
        if (!right) throw InputError(fmt::format("{}: {} is not {}", name, value, wanted));
    };
    const auto whole = [&](std::int64_t value, std::int64_t least, const char* name) {
        require(value >= least, name, std::to_string(value),
                fmt::format("a whole number >= {}", least).c_str());
    };
    const TrainingSettings& training = config.training;
    const Stage& stage = training.stage;
    whole(training.dim, 1, "dim");
    require(training.dim <= 1 << 20, "dim", std::to_string(training.dim), "at most 1048576");
    whole(stage.steps, 0, "steps");
    whole(stage.warmup, 0, "warmup");
    whole(stage.history, 1, "history");
    require(stage.history <= 1000, "history", std::to_string(stage.history), "at most 1000");
    whole(config.checkpoint_every, 0, "checkpoint-every");
    whole(config.keep_checkpoints, 1, "keep-checkpoints");
    const auto positive = [&](double value, const char* name) {
        require(std::isfinite(value) && value > 0, name, fmt::format("{}", value), "a number above 0");
    };
    positive(stage.learning_rate, "lr");
    positive(config.checkpoint_seconds, "checkpoint-seconds");
    positive(stage.epsilon, "epsilon");
    require(std::isfinite(training.init_scale) && training.init_scale >= 0, "init-scale",
            fmt::format("{}", training.init_scale), "a number >= 0");
    require(stage.beta1 >= 0 && stage.beta1 < 1, "beta1", fmt::format("{}", stage.beta1), "in [0, 1)");
    require(stage.beta2 >= 0 && stage.beta2 < 1, "beta2", fmt::format("{}", stage.beta2), "in [0, 1)");
}

}  // namespace ntpgeo
