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
#include "host/commands/option_checks.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/matrix_file.hpp"
#include "host/files/safetensors.hpp"
#include "host/run/device.hpp"
#include "host/run/record.hpp"
#include "host/run/training_run.hpp"
#include "kernels/status.hpp"

namespace ntpgeo {
namespace {

struct AnalyzeOptions {
    std::optional<std::string> data, run, words, contexts, output;
    std::string device = "auto";
};

/// W and H with where they come from.
struct Subject {
    HostMatrix words, contexts;
    std::string words_name, contexts_name;
    double lambda = 0, ridge = 0;
    std::int64_t step = 0, stage = 0;
};

/// The result of a run, or its newest checkpoint.
Subject read_run(const std::filesystem::path& path, std::string& data) {
    const RunFolder folder = RunFolder::open(path);
    const RunConfig config = config_from_json(folder.config_text(), printable(path / "config.json"));
    if (data.empty()) {
        data = config.dataset.path;
        if (content_hash(data) != config.dataset.hash)
            throw InputError(
                fmt::format("{}: has changed since the run was made; name the data set with --data",
                            printable(std::string_view(data))));
    }
    const std::filesystem::path result = path / "result.safetensors";
    const auto checkpoint = folder.newest_checkpoint();
    const bool has_result = std::filesystem::exists(result);
    if (!has_result && !checkpoint)
        throw InputError(fmt::format("{}: has neither a result nor a checkpoint yet", printable(path)));
    // A run that goes on beyond its result (resumed with more steps) has a checkpoint that is newer.
    const bool from_result = has_result && (!checkpoint || read_state_header(result).position.step >=
                                                               read_state_header(*checkpoint).position.step);
    const std::filesystem::path file = from_result ? result : *checkpoint;
    const SafetensorsFile tensors(file);
    const Position position = read_state_header(file).position;
    require_stage(config.training, position);
    const double lambda = lambda_at(config.training, position);
    return {tensors.read_matrix("W"),
            tensors.read_matrix("H"),
            printable(file) + ":W",
            printable(file) + ":H",
            lambda,
            ridge_of(stage_at(config.training, position), lambda),
            position.step,
            position.stage + 1};
}

Subject read_subject(const AnalyzeOptions& options, std::string& data) {
    const bool given = options.words || options.contexts;
    if (options.run.has_value() == given)
        throw InputError("analyze: give either a RUN, or both --words and --contexts");
    if (options.run) return read_run(*options.run, data);
    if (!options.words) throw InputError("analyze: --contexts is given without --words; give both");
    if (!options.contexts) throw InputError("analyze: --words is given without --contexts; give both");
    if (data.empty())
        throw InputError("analyze: --data is missing; name the data set that W and H belong to");
    return {read_matrix(*options.words), read_matrix(*options.contexts),
            printable(std::string_view(*options.words)), printable(std::string_view(*options.contexts))};
}

void check_shapes(const Subject& subject, const Dataset& dataset, const std::string& data) {
    const auto refuse = [](const std::string& name, const HostMatrix& matrix, const std::string& wrong) {
        throw InputError(fmt::format("{}: is [{}, {}], but {}", name, matrix.rows, matrix.columns, wrong));
    };
    if (subject.words.rows != dataset.vocab_size)
        refuse(subject.words_name, subject.words,
               fmt::format("W is [V, d] and {} has V = {} words: its first dimension is off", data,
                           dataset.vocab_size));
    if (subject.contexts.rows != dataset.contexts())
        refuse(subject.contexts_name, subject.contexts,
               fmt::format("H is [m, d] and {} has m = {} contexts: its first dimension is off", data,
                           dataset.contexts()));
    if (subject.contexts.columns != subject.words.columns)
        refuse(subject.contexts_name, subject.contexts,
               fmt::format("W has d = {} columns: the second dimensions must agree", subject.words.columns));
}

void analyze(const AnalyzeOptions& options) {
    const auto start = std::chrono::steady_clock::now();
    const std::string device = resolve_device(options.device);
    if (options.output) RunFolder::require_free(*options.output);
    std::string data = options.data.value_or("");
    const Subject subject = read_subject(options, data);
    const Dataset dataset = read_dataset(data);
    check_shapes(subject, dataset, printable(std::string_view(data)));

    const auto backend = make_backend(device);
    FigureMeter meter(*backend, dataset);
    const Array words = upload_array(*backend, subject.words.values),
                contexts = upload_array(*backend, subject.contexts.values);
    const Figures figures =
        meter.measure(words.matrix(Real::fp64, subject.words.rows, subject.words.columns),
                      contexts.matrix(Real::fp64, subject.contexts.rows, subject.contexts.columns),
                      subject.ridge, Precision::fp64, 0, subject.step);
    const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto record = train_record(figures, {.step = subject.step,
                                               .time_s = elapsed,
                                               .lambda = subject.lambda,
                                               .stage = subject.stage,
                                               .device = backend->device(),
                                               .precision = "",
                                               .metrics_precision = "fp64",
                                               .entropy = meter.entropy(),
                                               .proxy_kind = meter.proxy_kind()});
    if (options.output) {
        nlohmann::ordered_json config;
        config["format"] = "ntpgeo.config.1";
        config["command"] = "analyze";
        config["dataset"] = describe_dataset(
            {std::filesystem::absolute(data).lexically_normal().string(), content_hash(data)}, dataset);
        config["words"] = subject.words_name;
        config["contexts"] = subject.contexts_name;
        config["dim"] = subject.words.columns;
        config["device"] = device;
        config["versions"] = versions();
        RunFolder::create(*options.output, config, record);
    }
    fmt::print("{}\n", record.dump());
}

}  // namespace

void add_analyze_command(CLI::App& app) {
    auto options = std::make_shared<AnalyzeOptions>();
    CLI::App* command = app.add_subcommand(
        "analyze",
        "Measure the geometry of a run's, or of any network's, W and H; prints one record as JSON");
    command->add_option("RUN", options->run, "A training run's folder: its result, or its newest checkpoint");
    command->add_option("--data", options->data, "The data set (a RUN knows its own)");
    command->add_option("--words", options->words,
                        "W [V, d]: F.npy, or F.safetensors:NAME (fp16, bf16, fp32, fp64)");
    command->add_option("--contexts", options->contexts, "H [m, d], in the order of the data set's contexts");
    command->add_option("-o,--output", options->output, "Keep the record as a run folder that report reads");
    command->add_option("--device", options->device, "auto (default), cpu or cuda[:i]");
    refuse_until_later(*command, {"--limit", "--step"});
    command->callback([options] { analyze(*options); });
}

}  // namespace ntpgeo
