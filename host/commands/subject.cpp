#include "host/commands/subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "host/files/file_error.hpp"
#include "host/files/matrix_file.hpp"
#include "host/files/safetensors.hpp"
#include "host/run/config.hpp"
#include "host/run/run_files.hpp"
#include "host/run/run_folder.hpp"
#include "host/run/run_inputs.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// The data set named on the command line, its hash left open, or else the run's own.
DatasetReference data_of_run(const SubjectOptions& options, const DatasetReference& own,
                             const std::filesystem::path& config) {
    if (options.data) return dataset_reference(*options.data);
    if (own.path.empty())
        throw InputError(
            fmt::format("{}: does not name the run's data set; name it with --data", printable(config)));
    return own;
}

/// How often a run at work may remove its checkpoints between their being found and opened.
constexpr int fewest_looks = 10, most_looks = 1000;

/// What there is to read of a training run, the newest first: a run that goes on beyond its result (resumed
/// with more steps) has checkpoints that are newer.
std::vector<std::filesystem::path> states_of(const RunFolder& folder) {
    std::vector<std::filesystem::path> files = folder.checkpoints();
    const std::filesystem::path result = folder.path() / result_name;
    std::error_code ignored;
    if (!std::filesystem::exists(result, ignored)) return files;
    auto place = files.begin();
    try {
        const std::filesystem::path same = folder.checkpoint_path(read_state_header(result).position.step);
        place = std::find_if(files.begin(), files.end(),
                             [&](const auto& file) { return file.filename() <= same.filename(); });
    } catch (const InputError&) {  // NOLINT(bugprone-empty-catch): the newest for all it says; reading it
                                   // will tell
    }
    files.insert(place, result);
    return files;
}

/// The result of a training run, or its newest checkpoint; where that is damaged, which is said on stderr,
/// what was written before it.
Subject read_training_run(const SubjectOptions& options, const RunFolder& folder) {
    const std::filesystem::path& path = folder.path();
    const RunConfig config = read_config(folder.config_text(), printable(path / config_name));
    const DatasetReference data = data_of_run(options, config.dataset, path / config_name);
    Subject subject;
    const auto read = [&](const std::filesystem::path& file, const SafetensorsFile& tensors) {
        const Position position = read_state_header(tensors, file).position;
        require_stage(config.training, position);
        const double lambda = lambda_at(config.training, position);
        subject = {read_parameters(tensors, file, "W"),
                   read_parameters(tensors, file, "H"),
                   file.native() + ":W",
                   file.native() + ":H",
                   lambda,
                   ridge_of(stage_at(config.training, position), lambda),
                   position.step,
                   position.stage + 1,
                   data};
    };
    std::optional<std::vector<DamagedFile>> damaged;
    for (int look = 0; !damaged && look < most_looks; ++look) {
        const std::vector<std::filesystem::path> files = states_of(folder);
        // A list is not made in one moment: it may miss a checkpoint that goes and the one that comes.
        if (files.empty() && look < fewest_looks) continue;
        if (files.empty()) break;
        damaged = read_newest_whole(files, read, "nothing whole is left of this run");
    }
    if (!damaged)
        throw InputError(fmt::format("{}: has neither a result nor a checkpoint yet", printable(path)));
    for (const DamagedFile& file : *damaged)
        fmt::print(stderr, "note: {}; what was written before it is read\n", file.text());
    return subject;
}

/// λ‖L‖_* of the path is the ridge term of balanced factors, as its points are (design 1.2).
Subject read_exact_run(const SubjectOptions& options, const std::filesystem::path& path) {
    ExactResult result = read_exact_result(path);
    const double lambda = result.lambda.value_or(0);
    if (result.values.empty()) {  // L = 0, which is measured with one column of zeros
        result.words = {result.words.rows, 1,
                        std::vector<double>(static_cast<std::size_t>(result.words.rows))};
        result.contexts = {result.contexts.rows, 1,
                           std::vector<double>(static_cast<std::size_t>(result.contexts.rows))};
    }
    const std::string file = result.file;
    return {std::move(result.words),
            std::move(result.contexts),
            file + ":W",
            file + ":H",
            lambda,
            lambda,
            0,
            std::nullopt,
            data_of_run(options, result.dataset, path / config_name)};
}

Subject read_run_subject(const SubjectOptions& options) {
    const RunFolder folder = RunFolder::open(*options.run);
    const std::string command = folder.config().command();
    if (command == "limit" || command == "path") return read_exact_run(options, *options.run);
    return read_training_run(options, folder);
}

}  // namespace

void add_subject_options(Command& verb, SubjectOptions& options) {
    verb.add_option("RUN", options.run,
                    "The folder of a run: of train (its result, or its newest checkpoint), limit or path");
    verb.add_option("--data", options.data, "The data set (a RUN knows its own)");
    verb.add_option("--words", options.words,
                    "W [V, d]: F.npy, or F.safetensors:NAME (fp16, bf16, fp32, fp64)");
    verb.add_option("--contexts", options.contexts, "H [m, d], in the order of the data set's contexts");
}

Subject read_subject(const SubjectOptions& options, const std::string& verb, bool words_alone) {
    const bool given = options.words || options.contexts;
    if (options.run.has_value() == given)
        throw InputError(verb + (words_alone ? ": give either a RUN, or --words (and --contexts), not both"
                                             : ": give either a RUN, or both --words and --contexts"));
    if (options.run) return read_run_subject(options);
    if (!options.words) throw InputError(verb + ": --contexts is given without --words; give both");
    if (!options.contexts && !words_alone)
        throw InputError(verb + ": --words is given without --contexts; give both");
    if (!options.data || options.data->empty())
        throw InputError(verb + ": --data is missing; name the data set that W and H belong to");
    Subject subject;
    subject.data = dataset_reference(*options.data);
    subject.words = read_matrix(*options.words);
    subject.words_name = *options.words;
    if (options.contexts) {
        subject.contexts = read_matrix(*options.contexts);
        subject.contexts_name = *options.contexts;
    }
    return subject;
}

Dataset read_dataset_of(Subject& subject) {
    return read_known_dataset(subject.data, "the run was made; name the data set with --data");
}

void check_shapes(const Subject& subject, const Dataset& dataset) {
    const auto refuse = [](const std::string& name, const HostMatrix& matrix, const std::string& wrong) {
        throw InputError(fmt::format("{}: is [{}, {}], but {}", printable(std::string_view(name)),
                                     matrix.rows, matrix.columns, wrong));
    };
    const std::string data = printable(std::string_view(subject.data.path));
    if (subject.words.rows != dataset.vocab_size)
        refuse(subject.words_name, subject.words,
               fmt::format("W is [V, d] and {} has V = {} words: its first dimension is off", data,
                           dataset.vocab_size));
    if (subject.contexts_name.empty()) return;
    if (subject.contexts.rows != dataset.contexts())
        refuse(subject.contexts_name, subject.contexts,
               fmt::format("H is [m, d] and {} has m = {} contexts: its first dimension is off", data,
                           dataset.contexts()));
    if (subject.contexts.columns != subject.words.columns)
        refuse(subject.contexts_name, subject.contexts,
               fmt::format("W has d = {} columns: the second dimensions must agree", subject.words.columns));
}

}  // namespace ntpgeo
