// ntpgeo analyze --data DS (RUN | --words FILE --contexts FILE) (design 2.1): the figures of any W and H.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "engine/machine/device.hpp"
#include "engine/machine/memory.hpp"
#include "engine/runs/analysis.hpp"
#include "engine/runs/record_cost.hpp"
#include "engine/settings/parse_number.hpp"
#include "host/commands/call_flags.hpp"
#include "host/commands/commands.hpp"
#include "host/commands/setting_flags.hpp"
#include "host/commands/subject.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "host/ranks/ranks.hpp"
#include "host/ranks/shares.hpp"
#include "host/run/record.hpp"
#include "host/run/rehearsal.hpp"
#include "host/run/run_folder.hpp"
#include "host/run/run_inputs.hpp"
#include "host/terminal/numbers.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

struct AnalyzeOptions {
    SubjectOptions subject;
    std::optional<std::string> output, limit, keep;
    std::optional<std::int64_t> step, shards;
    std::string device = "auto";
    bool dry_run = false;
    CallFlags call;
};

/// How many snapshots stay: "all", "last" or a number.
std::int64_t kept_snapshots(const std::string& text) {
    if (text == "all") return std::numeric_limits<std::int64_t>::max();
    if (text == "last") return 1;
    std::int64_t count = 0;
    if (!parse_number(text, count) || count < 1)
        throw InputError(fmt::format("--keep: '{}' must be all, last, or a number >= 1",
                                     printable(std::string_view(text))));
    return count;
}

void settle_limit(const LimitReference& own, const std::string& name, LimitReference& limit) {
    if (own.path.empty() && !limit.path.empty())
        throw InputError(name + ": was begun without --limit; leave it out, or give a new name");
    if (own.path.empty()) return;
    // Another folder is welcome where it holds the same limit, which its hash will tell.
    if (limit.path.empty()) limit.path = own.path;
    limit.hash = own.hash;
}

/// A folder of analyze, opened to add the record of `step`: locked, and without a torn last line. What it
/// stands on must be the same data set; `limit` is what the command line named (its hash left open), and
/// becomes the folder's own where it named none. Throws InputError, one line, where the folder is another
/// verb's, stands on another data set, was begun without the limit that is named now, or has a record of
/// `step` or later; the folder's records are then as they were.
RunFolder open_snapshots(const std::filesystem::path& path, std::int64_t step, const DatasetReference& data,
                         LimitReference& limit) {
    RunFolder folder = RunFolder::open(path);
    const std::string name = printable(path);
    const ConfigFile config = folder.config();
    if (config.command() != "analyze")
        throw InputError(
            fmt::format("{}: holds a run of {}; --step adds to what analyze made; give a new name", name,
                        printable(std::string_view(config.command()))));
    if (!same_contents(config.inputs().dataset.hash, data))
        throw InputError(
            fmt::format("{}: was begun with another data set (its content hash is another); give a "
                        "new name",
                        name));
    settle_limit(config.inputs().limit, name, limit);
    folder.lock();
    const auto [first, last] =
        folder.cut_metrics(std::numeric_limits<std::int64_t>::max(), {.logarithmic = false, .count = 1});
    const std::int64_t newest = last.integer("step").value_or(-1);
    if (newest >= step)
        throw InputError(fmt::format("{}: has a record of step {} already; steps must rise, and {} does not",
                                     name, newest, step));
    return folder;
}

/// Of a record: where its bytes would go, and about how long it would take.
void rehearse_analysis(const AnalyzeOptions& options, const Subject& subject, const Dataset& dataset,
                       const std::string& device) {
    const auto backend = make_backend(device);
    LimitReference reference = limit_reference(options.limit);
    const auto limit = load_limit(reference, dataset, subject.data);
    const std::int64_t dim = subject.words.columns;
    const std::int64_t bytes = analysis_bytes(*backend, dataset, dim, limit ? limit->rank : 0);
    print_problem(dataset, device, available_memory(*backend));
    print_bytes("labels", labels_bytes(dataset));
    print_bytes("W and H", (dataset.vocab_size + dataset.contexts()) * dim * bytes_of(Real::fp64),
                fmt::format("of width {} in fp64, and as much on the host", dim));
    print_bytes("all of it", bytes, "at most, with what the figures take");
    std::fflush(stdout);
    require_memory(*backend, bytes, "analyze");
    const AnalysisOperations operations = analysis_operations(dataset, dim);
    const double rate = operations_per_second(*backend);
    print_line("time",
               fmt::format("about {}; {} where singular values lie close together",
                           duration_text(operations.expected / rate), duration_text(operations.most / rate)));
    print_line("written", "nothing: a dry run");
}

/// What is measured, as every rank reads it.
struct Given {
    Subject subject;
    Dataset dataset;
    std::string device;
    std::int64_t kept = 0;  ///< snapshots
    bool adds = false;      ///< to a folder of earlier steps
    std::int64_t shards = 0;
    LimitReference reference;

    [[nodiscard]] GivenFactors factors() const {
        return {subject.words.values, subject.contexts.values, subject.words.columns, subject.step,
                subject.lambda,       subject.ridge,           subject.stage};
    }
};

std::string config_text(const Given& given) {
    const Subject& subject = given.subject;
    ConfigWriter file("analyze", subject.data, given.dataset);
    file.add(given.reference);
    file.add("words", text_of_path(subject.words_name));
    file.add("contexts", text_of_path(subject.contexts_name));
    file.add("dim", subject.words.columns);
    file.add("device", given.device);
    if (given.shards > 0) file.add("shards", given.shards);
    return file.text();
}

Given read_given(const AnalyzeOptions& options, const Ranks& ranks) {
    Given given;
    given.device = resolve_device(device_of_ranks(options.device, ranks));
    if (options.step && !options.output)
        throw InputError("analyze: --step adds a record to a folder; name it: -o RUN");
    if (options.keep && !options.output)
        throw InputError("analyze: --keep keeps W and H in a folder; name it: -o RUN");
    given.kept = options.keep ? kept_snapshots(*options.keep) : 0;
    given.adds = options.step && RunFolder::holds_run(*options.output);
    if (options.output && !given.adds) RunFolder::require_free(*options.output, "analyze");
    given.subject = read_subject(options.subject, "analyze", false);
    if (options.step) given.subject.step = *options.step;
    given.dataset = read_dataset_of(given.subject);
    check_shapes(given.subject, given.dataset);
    given.shards = settled_shards(options.shards.value_or(0), given.dataset, ranks);
    given.reference = limit_reference(options.limit);
    return given;
}

void analyze(const AnalyzeOptions& options) {
    const Ranks ranks = Ranks::join(options.call.settings().rank_timeout);
    Given given;
    ranks.together([&] { given = read_given(options, ranks); });
    ranks.compute_on(given.device);
    std::optional<RunFolder> folder;
    std::optional<LimitFactors> limit;
    ranks.at_first([&] {
        if (options.dry_run) return rehearse_analysis(options, given.subject, given.dataset, given.device);
        if (given.adds)
            folder = open_snapshots(*options.output, given.subject.step, given.subject.data, given.reference);
        limit = load_limit(given.reference, given.dataset, given.subject.data);
    });
    if (options.dry_run) return;
    const auto backend = make_backend(given.device);
    std::optional<SharedAnalysis> shared;
    if (given.shards > 0)
        shared =
            share_analysis(*backend, given.dataset, given.factors(), TeamSums(ranks.team(), given.shards));
    ranks.at_first([&] {
        const Record record = analysis_record(*backend, given.dataset, limit ? &*limit : nullptr,
                                              given.factors(), shared ? &*shared : nullptr);
        const Subject& subject = given.subject;
        if (given.adds) {
            // Before its record: none is without the snapshot that was to be kept of it.
            if (given.kept > 0)
                folder->write_snapshot(subject.step, subject.words, subject.contexts, given.kept);
            folder->append_metrics(record);
        } else if (options.output) {
            folder = RunFolder::create(*options.output, config_text(given), record);
            if (given.kept > 0)
                folder->write_snapshot(subject.step, subject.words, subject.contexts, given.kept);
        }
        if (folder)
            folder->log(fmt::format("step {}: {}, {}", subject.step,
                                    printable(std::string_view(subject.words_name)),
                                    printable(std::string_view(subject.contexts_name))));
        fmt::print("{}\n", json_of(record));
    });
}

}  // namespace

void add_analyze_command(Command& program) {
    auto options = std::make_shared<AnalyzeOptions>();
    Command verb = program.add_command(
        "analyze",
        "Measure the geometry of a run's, or of any network's, W and H; prints one record as JSON");
    add_subject_options(verb, options->subject);
    verb.add_option("--limit", options->limit,
                    "The folder that ntpgeo limit made of this data set: alignment with L_mm as well");
    verb.add_option("-o,--output", options->output, "Keep the record as a run folder that report reads");
    verb.add_option("--step", options->step,
                    "Call the record that of step N; -o may then be a folder of earlier steps, to add to",
                    {.check = whole_number(0)});
    verb.add_option("--keep", options->keep,
                    "Keep W and H of the newest N snapshots, of all or of the last one in the folder, too",
                    {.type_name = "all|last|N"});
    verb.add_option("--device", options->device, "auto: a GPU where there is one",
                    {.type_name = device_choices, .default_text = options->device});
    verb.add_flag("--dry-run", options->dry_run,
                  "Measure and write nothing; say where memory would go and about how long it would take");
    verb.add_option(
        "--shards", options->shards,
        "Virtual shards that the pass over the logits is cut into: any number of ranks up to it has "
        "the same record (default: 16 under a launcher, none without)",
        {.check = whole_number(1)});
    options->call.add(verb, false);
    verb.on_call_of_ranks([options] { analyze(*options); });
}

}  // namespace ntpgeo
