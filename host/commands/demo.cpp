// ntpgeo demo (design 2.1): stories → limit → path → train → report, in under a minute on two cores.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/runs/record_cost.hpp"
#include "host/commands/commands.hpp"
#include "host/commands/data_sets.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "host/files/temporaries.hpp"
#include "host/report/mark.hpp"
#include "host/report/page.hpp"
#include "host/run/run_files.hpp"
#include "host/run/runs.hpp"
#include "host/terminal/interruption.hpp"
#include "host/terminal/numbers.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;
constexpr const char* demo_grid = "1e-2:1e-8:1";
// Wider than any point of that path, so that all of it is within training's reach.
constexpr std::int64_t demo_dim = 128;
constexpr std::int64_t demo_steps = 2000;
constexpr double demo_first_lambda = 1e-2, demo_last_lambda = 1e-8;
constexpr const char* marker = ".ntpgeo-demo";
constexpr const char *data_name = "stories.safetensors", *report_name = "report.html";
constexpr fs::perms any_write = fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write;
constexpr const char* run_names[] = {"limit", "path", "train"};

[[noreturn]] void refuse_entry(const fs::path& path, const char* what) {
    throw InputError(fmt::format("{}: {}; move it, or name another folder with -o", printable(path), what));
}

/// What an earlier demo made of a run in its folder: its files, found and not yet touched. Throws InputError
/// where anything else is there, too, or a process at work.
std::vector<fs::path> files_of_run(const fs::path& folder) {
    if (!fs::is_directory(fs::symlink_status(folder))) refuse_entry(folder, "is not what the demo made");
    if (RunFolder::holds_run(folder)) RunFolder::open(folder).lock();
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename();
        if (!entry.is_regular_file() || !(is_name_of_run(name) || is_temporary_name(name)))
            refuse_entry(entry.path(), "is not what the demo made");
        files.push_back(entry.path());
    }
    return files;
}

/// Removes what an earlier demo made, and nothing else. Throws InputError, before anything is removed, where
/// something else has a name that this demo needs.
void clear(const fs::path& folder) {
    std::error_code ignored;
    std::vector<fs::path> made;
    for (const char* name : run_names) {
        const fs::path run = folder / name;
        if (!fs::exists(fs::symlink_status(run, ignored))) continue;
        for (fs::path& file : files_of_run(run)) made.push_back(std::move(file));
        made.push_back(run);
    }
    const fs::path report = folder / report_name, data = folder / data_name;
    made.push_back(report);
    made.push_back(data);
    const std::string page = beginning_of(report, kMarkedBytes);
    if (!page.empty() && !is_report(page)) refuse_entry(report, "is no report of ntpgeo");
    if (!may_become_dataset(data)) refuse_entry(data, "is no data set");
    for (const fs::path& path : made)
        if (fs::exists(path, ignored) && (fs::status(path).permissions() & any_write) == fs::perms::none)
            refuse_entry(path, "is write-protected");
    for (const fs::path& path : made) fs::remove(path);
}

/// The demo's folder, with its mark and none of what it will make. Only in a folder with that mark is
/// anything replaced; a kill on the way leaves it.
void prepare(const fs::path& folder) {
    if (folder.empty()) throw InputError("the empty path names no folder; give the name of a new folder");
    std::error_code error;
    if (fs::exists(folder / marker, error)) return clear(folder);
    if (fs::exists(folder, error) && !(fs::is_directory(folder, error) && fs::is_empty(folder, error)))
        throw InputError(fmt::format(
            "{}: is there already and is no earlier demo; name another folder with -o", printable(folder)));
    if (!fs::create_directory(folder, error) && error)
        throw InputError(fmt::format("{}: cannot be made: {}; name another folder with -o", printable(folder),
                                     error.message()));
    write_file_atomically(folder / marker, "Made by ntpgeo demo, which may replace what it made here.\n");
}

std::string figure(const Record& record, const char* key) {
    const std::optional<double> value = record.number(key);
    return value ? fmt::format("{:.3g}", *value) : std::string("none");
}

/// The demo at work: its data set, a run of each kind beside it, and the report of all three.
class Demo {
  public:
    explicit Demo(const fs::path& folder) : folder_(folder), device_(resolve_device("auto")) {
        prepare(folder_);
    }

    void run() {
        make_data();
        const LimitSummary limit = find_limit();
        limit_ = limit_reference((folder_ / "limit").string());
        const auto factors = load_limit(limit_, dataset_, data_);
        const PathSummary path = walk_path(factors);
        const RunSummary training = train(factors);
        const fs::path report = folder_ / report_name;
        write_file_atomically(
            report, report_page(read_runs({folder_ / "limit", folder_ / "path", folder_ / "train"})));
        tell_limit(limit.record);
        tell_path(path.records);
        tell_training(training);
        fmt::print("report: {}\n", printable(report));
    }

  private:
    void make_data() {
        const fs::path file = folder_ / data_name;
        std::string lines;
        dataset_ = make_stories(StoriesSettings{}, lines);
        check_dataset(dataset_, "stories");
        write_dataset(file, dataset_);
        data_ = {absolute_path(file), content_hash(dataset_)};
        fmt::print("{}", lines);
        std::fflush(stdout);
    }

    [[nodiscard]] ExactConfig exact_config(const char* command) const {
        ExactConfig config;
        config.command = command;
        config.dataset = data_;
        config.device = device_;
        return config;
    }

    [[nodiscard]] LimitSummary find_limit() const {
        ExactRun run(exact_config("limit"), dataset_, std::nullopt, folder_ / "limit");
        return run_limit(run, Ranks::alone());
    }

    [[nodiscard]] PathSummary walk_path(const std::optional<LimitFactors>& limit) const {
        ExactConfig config = exact_config("path");
        config.lambdas = lambda_grid(demo_grid);
        config.limit = limit_;
        ExactRun run(std::move(config), dataset_, limit, folder_ / "path");
        return run_path(run, Ranks::alone());
    }

    /// Adam with the ridge of the path falling over the run: it should end near the path.
    [[nodiscard]] RunSummary train(const std::optional<LimitFactors>& limit) const {
        RunConfig config;
        config.dataset = data_;
        config.device = device_;
        config.limit = limit_;
        config.training.dim = demo_dim;
        Stage& stage = config.training.stages[0];
        stage.steps = demo_steps;
        stage.learning_rate = 0.03;
        stage.schedule = RateSchedule::cosine;
        stage.lambda_start = demo_first_lambda;
        stage.lambda_end = demo_last_lambda;
        OpenRun<RunConfig> run(std::move(config), dataset_, limit, folder_ / "train");
        settle(run.config, dataset_, *run.backend);
        return run_training(run, Ranks::alone());
    }

    void tell_limit(const Record& record) const {
        fmt::print("\n{} contexts over {} words with {} support sets\n", dataset_.contexts(),
                   dataset_.vocab_size, support_classes(dataset_).count());
        fmt::print("limit: the nuclear norm of L_mm is between {:.8g} and {:.8g}, a relative gap of {:.3g}\n",
                   rounded_down(record.number("bound").value(), 8),
                   rounded_up(record.number("nuclear_norm").value(), 8),
                   rounded_up(record.number("relative_gap").value(), 3));
        fmt::print("       {}; their cosine is {}\n", proxy_verdict(record),
                   figure(record, "proxy_alignment"));
    }

    static void tell_path(const std::vector<Record>& records) {
        const auto gap = [](const Record& record) { return record.number("relative_gap").value(); };
        const Record& widest =
            *std::max_element(records.begin(), records.end(),
                              [&](const Record& a, const Record& b) { return gap(a) < gap(b); });
        fmt::print("path:  {} exact solutions down to lambda {:.0e}, certified to a relative gap of {:.1e}\n",
                   records.size(), records.back().number("lambda").value(), rounded_up(gap(widest), 2));
        fmt::print("       the last has dominance {} and alignment {} with L_mm\n",
                   figure(records.back(), "dominance"), figure(records.back(), "alignment_limit"));
    }

    static void tell_training(const RunSummary& training) {
        const Record &first = training.first, &last = training.last;
        fmt::print(
            "train: {} steps of adam at d = {} with the same lambda falling, excess loss from {} to {}\n",
            training.position.step, demo_dim, figure(first, "excess_loss"), figure(last, "excess_loss"));
        fmt::print("       dominance grew from {} to {}: the low-rank part outgrows the sparse part\n",
                   figure(first, "dominance"), figure(last, "dominance"));
        fmt::print(
            "       collapse went from {} to {}: contexts with one next-token set share one direction\n",
            figure(first, "collapse"), figure(last, "collapse"));
        fmt::print("       alignment with L_mm rose from {} to {}: training heads for the limit\n",
                   figure(first, "alignment_limit"), figure(last, "alignment_limit"));
    }

    fs::path folder_;
    std::string device_;
    Dataset dataset_;
    DatasetReference data_;
    LimitReference limit_;
};

}  // namespace

void add_demo_command(Command& program) {
    auto output = std::make_shared<std::string>("ntpgeo-demo");
    Command verb = program.add_command(
        "demo", "Stories, their limit, the path to it, training and a report, in under a minute");
    verb.add_option("-o,--output", *output, "The folder to make; what an earlier demo made in it is replaced",
                    {.default_text = *output});
    verb.on_call([output] {
        const InterruptGuard guard;
        InterruptGuard::take_stop_signals();
        Demo(*output).run();
    });
}

}  // namespace ntpgeo
