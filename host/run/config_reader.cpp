// Reading --config FILE.json and RUN/config.json.
#include <fmt/format.h>

#include <cmath>

#include "host/files/file_error.hpp"
#include "host/run/config.hpp"
#include "host/run/config_names.hpp"
#include "host/run/json_section.hpp"
#include "host/run/stage_config.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

using Json = nlohmann::json;

void take_dataset(Section& section, DatasetReference& reference) {
    const Json* dataset = section.child("dataset");
    if (!dataset) return;
    Section part(*dataset, section.where() + ", dataset");
    part.take("path", reference.path);
    part.take("hash", reference.hash);
    for (const char* key : {"vocab_size", "contexts", "nnz", "source", "entropy"}) part.ignore(key);
    part.finish();
}

void take_limit(Section& section, LimitReference& reference) {
    const Json* limit = section.child("limit");
    if (!limit) return;
    Section part(*limit, section.where() + ", limit");
    part.take("path", reference.path);
    part.take("hash", reference.hash);
    part.finish();
}

RunConfig config_from_json(const std::string& text, const std::string& where) {
    const Json json = parse_json(text, where);
    RunConfig config;
    Section section(json, where);
    std::string format = "ntpgeo.config.1", command = "train";
    section.take("format", format);
    section.take("command", command);
    if (format != "ntpgeo.config.1" || command != "train")
        throw InputError(where +
                         " is not a configuration of ntpgeo train (format ntpgeo.config.1, command train)");
    take_dataset(section, config.dataset);
    take_limit(section, config.limit);
    section.take("dim", config.training.dim);
    section.take("seed", config.training.seed);
    section.take("init_scale", config.training.init_scale);
    std::string master = name_of(config.training.master), cadence = config.metrics_every.text(),
                metrics_precision = "fp64";
    section.take("master", master);
    section.take("device", config.device);
    section.take("metrics_every", cadence);
    section.take("metrics_precision", metrics_precision);
    section.take("certify_every", config.certify_every);
    section.take("checkpoint_every", config.checkpoint_every);
    section.take("checkpoint_seconds", config.checkpoint_seconds);
    section.take("keep_checkpoints", config.keep_checkpoints);
    section.ignore("versions");
    if (const Json* stages = section.child("stages")) {
        if (!stages->is_array() || stages->empty() || stages->size() > most_stages)
            section.fail("stages", fmt::format("a list of 1 to {} stages", most_stages));
        config.training.stages.clear();
        for (std::size_t k = 0; k < stages->size(); ++k)
            config.training.stages.push_back(
                stage_from_json((*stages)[k], fmt::format("{}, stage {}", where, k + 1)));
    }
    section.finish();
    at_place(where, [&] {
        config.training.master = parse_master(master);
        config.metrics_every = Cadence::parse(cadence);
        config.metrics_fp64 = parse_metrics_precision(metrics_precision);
    });
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
    whole(training.dim, 1, "dim");
    require(training.dim <= 1 << 20, "dim", std::to_string(training.dim), "at most 1048576");
    require(std::isfinite(training.init_scale) && training.init_scale >= 0, "init-scale",
            fmt::format("{}", training.init_scale), "a number >= 0");
    whole(config.certify_every, 0, "certify-every");
    whole(config.checkpoint_every, 0, "checkpoint-every");
    whole(config.keep_checkpoints, 1, "keep-checkpoints");
    require(std::isfinite(config.checkpoint_seconds) && config.checkpoint_seconds > 0, "checkpoint-seconds",
            fmt::format("{}", config.checkpoint_seconds), "a number above 0");
    for (std::size_t k = 0; k < training.stages.size(); ++k)
        check_stage(training.stages[k], stage_prefix(training, k));
}

}  // namespace ntpgeo
