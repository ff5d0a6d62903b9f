#include "host/run/config.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/parse_number.hpp"
#include "host/run/config_names.hpp"
#include "host/run/device.hpp"
#include "host/run/precision_choice.hpp"
#include "host/run/stage_config.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "ntpgeo.config.1";
}  // namespace

Cadence Cadence::parse(const std::string& text) {
    Cadence cadence;
    cadence.logarithmic = text.rfind("log:", 0) == 0;
    const std::string_view number = std::string_view(text).substr(cadence.logarithmic ? 4 : 0);
    if (!parse_number(number, cadence.count) || cadence.count < 1)
        throw InputError("metrics-every: '" + printable(std::string_view(text)) +
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

void resolve(RunConfig& config, const Dataset& dataset, const Backend& backend) {
    config.device = resolve_device(config.device);
    resolve_products(config.training, dataset, backend);
}

Dataset read_known_dataset(DatasetReference& reference, std::string_view since) {
    const std::string hash = content_hash(reference.path);
    if (!reference.hash.empty() && hash != reference.hash)
        throw InputError(
            fmt::format("{}: has changed since {}", printable(std::string_view(reference.path)), since));
    reference.hash = hash;
    return read_dataset(reference.path);
}

Json describe_dataset(const DatasetReference& reference, const Dataset& dataset) {
    return {{"path", reference.path},         {"hash", reference.hash}, {"vocab_size", dataset.vocab_size},
            {"contexts", dataset.contexts()}, {"nnz", dataset.nnz()},   {"source", dataset.source},
            {"entropy", entropy(dataset)}};
}

Json describe_limit(const LimitReference& reference) {
    return {{"path", reference.path}, {"hash", reference.hash}};
}

Json versions() {
    return {{"ntpgeo", NTPGEO_VERSION}, {"compiler", __VERSION__}};
}

Json to_json(const RunConfig& config, const Dataset& dataset) {
    const TrainingSettings& training = config.training;
    Json json;
    json["format"] = format_name;
    json["command"] = "train";
    json["dataset"] = describe_dataset(config.dataset, dataset);
    if (!config.limit.path.empty()) json["limit"] = describe_limit(config.limit);
    json["dim"] = training.dim;
    json["seed"] = training.seed;
    json["init_scale"] = training.init_scale;
    json["master"] = name_of(training.master);
    json["device"] = config.device;
    json["metrics_every"] = config.metrics_every.text();
    json["metrics_precision"] = config.metrics_fp64 ? "fp64" : "same";
    json["certify_every"] = config.certify_every;
    json["checkpoint_every"] = config.checkpoint_every;
    json["checkpoint_seconds"] = config.checkpoint_seconds;
    json["keep_checkpoints"] = config.keep_checkpoints;
    json["stages"] = Json::array();
    for (const Stage& stage : training.stages) json["stages"].push_back(stage_to_json(stage));
    json["versions"] = versions();
    return json;
}

bool inputs_are_gone(const DatasetReference& dataset, const LimitReference& limit) {
    std::error_code error;
    return !std::filesystem::exists(dataset.path, error) ||
           (!limit.path.empty() && !std::filesystem::exists(limit.path, error));
}

std::string first_difference(const RunConfig& stored, const RunConfig& wanted) {
    const TrainingSettings &a = stored.training, &b = wanted.training;
    if (stored.dataset.hash != wanted.dataset.hash) return "the data set";
    if (stored.limit.hash != wanted.limit.hash) return "limit";
    if (a.dim != b.dim) return "dim";
    if (a.seed != b.seed) return "seed";
    if (a.init_scale != b.init_scale) return "init-scale";
    if (a.master != b.master) return "master";
    if (stored.device != wanted.device) return "device";
    if (stored.metrics_every.text() != wanted.metrics_every.text()) return "metrics-every";
    if (stored.metrics_fp64 != wanted.metrics_fp64) return "metrics-precision";
    if (stored.certify_every != wanted.certify_every) return "certify-every";
    if (stored.checkpoint_every != wanted.checkpoint_every) return "checkpoint-every";
    if (stored.checkpoint_seconds != wanted.checkpoint_seconds) return "checkpoint-seconds";
    if (stored.keep_checkpoints != wanted.keep_checkpoints) return "keep-checkpoints";
    if (a.stages.size() != b.stages.size()) return "the number of stages";
    for (std::size_t k = 0; k < a.stages.size(); ++k) {
        const Stage &s = a.stages[k], &t = b.stages[k];
        const std::string prefix = stage_prefix(a, k);
        const bool last = k + 1 == a.stages.size();
        if (const std::string difference = stage_difference(s, t); !difference.empty())
            return prefix + difference;
        if (t.steps != s.steps && !last) return prefix + "steps (only those of the last stage may grow)";
        if (t.steps < s.steps) return prefix + "steps (they may only grow)";
        if (t.steps > s.steps && depends_on_total(s))
            return prefix + "steps (a schedule of this run depends on their number)";
    }
    return "";
}

}  // namespace ntpgeo
