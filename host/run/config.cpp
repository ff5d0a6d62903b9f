#include "host/run/config.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "host/run/config_names.hpp"
#include "host/run/device.hpp"
#include "kernels/status.hpp"

namespace ntpgeo {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "ntpgeo.config.1";
/// V·m·d up to which `--precision auto` multiplies in fp64 on the CPU: a step of some tenths of a second on
/// two cores.
constexpr double fp64_products = 1e9;

bool parse_number(std::string_view text, double& value) {
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && stop == text.data() + text.size() && std::isfinite(value);
}

}  // namespace

Cadence Cadence::parse(const std::string& text) {
    Cadence cadence;
    cadence.logarithmic = text.rfind("log:", 0) == 0;
    const std::string_view number = std::string_view(text).substr(cadence.logarithmic ? 4 : 0);
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), cadence.count);
    if (error != std::errc() || stop != number.data() + number.size() || cadence.count < 1)
        throw InputError("metrics-every: '" + text +
                         "' is neither a whole number >= 1 nor log:PER_DECADE with one");
    return cadence;
}

std::string Cadence::text() const {
    return (logarithmic ? "log:" : "") + std::to_string(count);
}

bool Cadence::due(std::int64_t step) const {
    if (step < 1) return step == 0;
    if (!logarithmic) return step % count == 0;
    // The exponent whose power of ten lies nearest, and whether rounding it gives this step.
    const double position = std::log10(static_cast<double>(step)) * static_cast<double>(count);
    for (const double k :
         {std::floor(position) - 1, std::floor(position), std::ceil(position), std::ceil(position) + 1})
        if (k >= 0 && std::llround(std::pow(10.0, k / static_cast<double>(count))) == step) return true;
    return false;
}

void parse_lambda(const std::string& text, Stage& stage) {
    const std::size_t colon = text.find(':');
    const bool range = colon != std::string::npos;
    const std::string_view all = text;
    double start = 0, end = 0;
    const bool read =
        parse_number(all.substr(0, colon), start) && (!range || parse_number(all.substr(colon + 1), end));
    if (!range) end = start;
    if (!read || start < 0 || end < 0)
        throw InputError("lambda: '" + text + "' is neither a number >= 0 nor HI:LO");
    if (range && !(end > 0 && start >= end))
        throw InputError("lambda: '" + text + "' does not fall from HI to LO > 0 (a geometric decay)");
    stage.lambda_start = start;
    stage.lambda_end = end;
}

void resolve(RunConfig& config, const Dataset& dataset) {
    config.device = resolve_device(config.device);
    if (!config.precision_auto) return;
    Stage& stage = config.training.stage;
    const double products = static_cast<double>(dataset.vocab_size) *
                            static_cast<double>(dataset.contexts()) *
                            static_cast<double>(config.training.dim);
    // With a ridge the gradient vanishes by cancellation, and L-BFGS feels fp32's rounding first
    // (design 1.2).
    const bool delicate = stage.optimizer == OptimizerKind::lbfgs && stage.lambda_end > 0;
    stage.precision = products <= fp64_products || delicate ? Precision::fp64 : Precision::fp32;
    config.precision_auto = false;
}

Json describe_dataset(const DatasetReference& reference, const Dataset& dataset) {
    return {{"path", reference.path},         {"hash", reference.hash}, {"vocab_size", dataset.vocab_size},
            {"contexts", dataset.contexts()}, {"nnz", dataset.nnz()},   {"source", dataset.source},
            {"entropy", entropy(dataset)}};
}

Json versions() {
    return {{"ntpgeo", NTPGEO_VERSION}, {"compiler", __VERSION__}};
}

Json to_json(const RunConfig& config, const Dataset& dataset) {
    const TrainingSettings& training = config.training;
    const Stage& stage = training.stage;
    Json json;
    json["format"] = format_name;
    json["command"] = "train";
    json["dataset"] = describe_dataset(config.dataset, dataset);
    json["dim"] = training.dim;
    json["seed"] = training.seed;
    json["init_scale"] = training.init_scale;
    json["master"] = name_of(training.master);
    json["device"] = config.device;
    json["metrics_every"] = config.metrics_every.text();
    json["metrics_precision"] = config.metrics_fp64 ? "fp64" : "same";
    json["checkpoint_every"] = config.checkpoint_every;
    json["checkpoint_seconds"] = config.checkpoint_seconds;
    json["keep_checkpoints"] = config.keep_checkpoints;
    Json one = {{"steps", stage.steps},
                {"optimizer", name_of(stage.optimizer)},
                {"lr", stage.learning_rate},
                {"lr_schedule", name_of(stage.schedule)},
                {"warmup", stage.warmup},
                {"lambda", {stage.lambda_start, stage.lambda_end}},
                {"precision", config.precision_auto ? "auto" : name_of(stage.precision)}};
    if (stage.optimizer == OptimizerKind::adam) {
        one["beta1"] = stage.beta1;
        one["beta2"] = stage.beta2;
        one["epsilon"] = stage.epsilon;
    }
    if (stage.optimizer == OptimizerKind::lbfgs) one["history"] = stage.history;
    json["stages"] = Json::array({one});
    json["versions"] = versions();
    return json;
}

std::string first_difference(const RunConfig& stored, const RunConfig& wanted) {
    const TrainingSettings &a = stored.training, &b = wanted.training;
    const Stage &s = a.stage, &t = b.stage;
    if (stored.dataset.hash != wanted.dataset.hash) return "the data set";
    if (a.dim != b.dim) return "dim";
    if (a.seed != b.seed) return "seed";
    if (a.init_scale != b.init_scale) return "init-scale";
    if (a.master != b.master) return "master";
    if (stored.device != wanted.device) return "device";
    if (stored.metrics_every.text() != wanted.metrics_every.text()) return "metrics-every";
    if (stored.metrics_fp64 != wanted.metrics_fp64) return "metrics-precision";
    if (stored.checkpoint_every != wanted.checkpoint_every) return "checkpoint-every";
    if (stored.checkpoint_seconds != wanted.checkpoint_seconds) return "checkpoint-seconds";
    if (stored.keep_checkpoints != wanted.keep_checkpoints) return "keep-checkpoints";
    if (s.optimizer != t.optimizer) return "optimizer";
    if (s.learning_rate != t.learning_rate) return "lr";
    if (s.schedule != t.schedule) return "lr-schedule";
    if (s.warmup != t.warmup) return "warmup";
    if (s.lambda_start != t.lambda_start || s.lambda_end != t.lambda_end) return "lambda";
    if (s.precision != t.precision) return "precision";
    if (s.beta1 != t.beta1) return "beta1";
    if (s.beta2 != t.beta2) return "beta2";
    if (s.epsilon != t.epsilon) return "epsilon";
    if (s.history != t.history) return "history";
    if (t.steps < s.steps) return "steps (they may only grow)";
    if (t.steps > s.steps && depends_on_total(s))
        return "steps (a schedule of this run depends on their number)";
    return "";
}

}  // namespace ntpgeo
