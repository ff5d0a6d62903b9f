// ntpgeo analyze --data DS (RUN | --words FILE --contexts FILE) (design 2.1): the figures of any W and H.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "engine/geometry/figures.hpp"
#include "host/commands/commands.hpp"
#include "host/commands/setting_flags.hpp"
#include "host/commands/subject.hpp"
#include "host/files/dataset_file.hpp"
#include "host/run/device.hpp"
#include "host/run/exact_result.hpp"
#include "host/run/record.hpp"
#include "host/run/snapshot_folder.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using Json = nlohmann::ordered_json;

struct AnalyzeOptions {
    SubjectOptions subject;
    std::optional<std::string> output, limit;
    std::optional<std::int64_t> step;
    std::string device = "auto";
};

Json configuration(const Subject& subject, const Dataset& dataset, const std::string& dataset_hash,
                   const LimitReference& limit, const std::string& device) {
    Json config;
    config["format"] = "ntpgeo.config.1";
    config["command"] = "analyze";
    config["dataset"] = describe_dataset(
        {std::filesystem::absolute(subject.data).lexically_normal().string(), dataset_hash}, dataset);
    if (!limit.path.empty()) config["limit"] = describe_limit(limit);
    config["words"] = subject.words_name;
    config["contexts"] = subject.contexts_name;
    config["dim"] = subject.words.columns;
    config["device"] = device;
    config["versions"] = versions();
    return config;
}

/// The record of W and H, made on `device`.
Record measure(const Subject& subject, const Dataset& dataset, const LimitFactors* limit,
               const std::string& device) {
    const auto start = std::chrono::steady_clock::now();
    const auto backend = make_backend(device);
    FigureMeter meter(*backend, dataset, limit);
    const Array words = upload_array(*backend, subject.words.values),
                contexts = upload_array(*backend, subject.contexts.values);
    const Figures figures =
        meter.measure(words.matrix(Real::fp64, subject.words.rows, subject.words.columns),
                      contexts.matrix(Real::fp64, subject.contexts.rows, subject.contexts.columns),
                      subject.ridge, Precision::fp64, 0, subject.step);
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return training_record({.step = subject.step,
                            .time_s = elapsed,
                            .lambda = subject.lambda,
                            .stage = subject.stage,
                            .device = backend->device(),
                            .metrics_precision = "fp64"},
                           figures);
}

void analyze(const AnalyzeOptions& options) {
    const std::string device = resolve_device(options.device);
    if (options.step && !options.output)
        throw InputError("analyze: --step adds a record to a folder; name it: -o RUN");
    const bool adds = options.step && RunFolder::holds_run(*options.output);
    if (options.output && !adds) RunFolder::require_free(*options.output);
    Subject subject = read_subject(options.subject, "analyze", false);
    if (options.step) subject.step = *options.step;
    const Dataset dataset = read_dataset(subject.data);
    check_shapes(subject, dataset);

    const std::string hash = content_hash(subject.data);
    LimitReference reference = limit_reference(options.limit);
    std::optional<RunFolder> folder;
    if (adds) folder = open_snapshots(*options.output, subject.step, hash, reference);
    const std::optional<LimitFactors> limit = load_limit(reference, dataset, hash);
    const Record record = measure(subject, dataset, limit ? &*limit : nullptr, device);
    if (adds) {
        folder->append_metrics(record);
    } else if (options.output) {
        folder = RunFolder::create(*options.output, configuration(subject, dataset, hash, reference, device),
                                   record);
        folder->lock();
    }
    if (folder)
        folder->log(fmt::format("step {}: {}, {}", subject.step, subject.words_name, subject.contexts_name));
    fmt::print("{}\n", json_of(record));
}

}  // namespace

void add_analyze_command(CLI::App& app) {
    auto options = std::make_shared<AnalyzeOptions>();
    CLI::App* command = app.add_subcommand(
        "analyze",
        "Measure the geometry of a run's, or of any network's, W and H; prints one record as JSON");
    add_subject_options(*command, options->subject);
    command->add_option("--limit", options->limit,
                        "The folder that ntpgeo limit made of this data set: alignment with L_mm as well");
    command->add_option("-o,--output", options->output, "Keep the record as a run folder that report reads");
    command
        ->add_option("--step", options->step,
                     "Call the record that of step N; -o may then be a folder of earlier steps, to add to")
        ->transform(whole_number(0));
    command->add_option("--device", options->device, "auto (default), cpu or cuda[:i]");
    command->callback([options] { analyze(*options); });
}

}  // namespace ntpgeo
