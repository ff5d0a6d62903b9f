// ntpgeo limit DS -o RUN and ntpgeo path DS -o RUN (design 2.1): L_mm with its certificate, and the exact
// regularization path, certified at every λ.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/machine/device.hpp"
#include "engine/runs/exact.hpp"
#include "host/commands/call_flags.hpp"
#include "host/commands/commands.hpp"
#include "host/commands/setting_flags.hpp"
#include "host/files/file_error.hpp"
#include "host/ranks/ranks.hpp"
#include "host/ranks/shares.hpp"
#include "host/run/rehearsal.hpp"
#include "host/run/run_inputs.hpp"
#include "host/run/runs.hpp"
#include "host/run/shared_run.hpp"
#include "host/terminal/interruption.hpp"
#include "host/terminal/numbers.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

struct ExactOptions {
    std::optional<std::string> data, output, limit;
    bool resume = false, dry_run = false;
    CallFlags call;
    SettingFlags settings;
    ExactConfig defaults;  ///< what the help says, and where numbers are tried; names the verb
};

void add_exact_options(Command& verb, ExactOptions& options) {
    const std::vector<Setting> settings = settings_of(options.defaults);
    const auto add = [&](int from, int to) {
        options.settings.add(verb, settings, SettingFlags::Checked::numbers, from, to);
    };
    verb.add_option("DS", options.data, "The data set");
    verb.add_option("-o,--output", options.output, "The run's folder");
    add(0, 0);
    verb.add_flag("--resume", options.resume, "Go on with the run in the folder");
    options.call.add(verb);
    verb.add_flag("--dry-run", options.dry_run,
                  "Write nothing; say where memory would go and time an iteration (-o may be left out)");
    add(1, 2);
    if (options.defaults.command != "path") return;
    verb.add_option("--limit", options.limit,
                    "The folder of a limit run, to measure against L_mm (solved first where that is cheap)");
    add(3, 3);
}

void apply(const ExactOptions& options, ExactConfig& config) {
    if (options.data) config.dataset = dataset_reference(*options.data);
    if (const auto& grid = options.settings.text("lambdas")) config.lambdas = lambda_grid(*grid);
    options.settings.apply(settings_of(config));
    if (options.limit) config.limit = limit_reference(options.limit);
}

ExactConfig exact_configuration(const ExactOptions& options, const std::string& stored) {
    const std::string& command = options.defaults.command;
    if (stored.empty() && !options.data)
        throw InputError(command + ": the data set is missing; name its file");
    ExactConfig config;
    config.command = command;
    if (stored.empty())
        config.lambdas = lambda_grid(default_grid);
    else
        config = read_exact_config(stored, command,
                                   printable(std::filesystem::path(*options.output) / "config.json"));
    apply(options, config);
    return config;
}

ExactRun open(const ExactOptions& options, const Ranks& ranks) {
    const std::string& command = options.defaults.command;
    const auto problem = command == name_of(ExactProblem::limit) ? ExactProblem::limit : ExactProblem::path;
    bool begun = false;
    const std::string since = "the run was made; only the data set it was made of goes on";
    const RunVerb<ExactConfig> verb = {
        .command = command,
        .configure =
            [&](const std::string& stored) {
                begun = !stored.empty();
                ExactConfig config = exact_configuration(options, stored);
                config.device = device_of_ranks(config.device, ranks);
                return config;
            },
        .read = [&](const std::string& text,
                    const std::string& where) { return read_exact_config(text, command, where); },
        .is_finished = [](const RunFolder& folder,
                          const ExactConfig&) { return holds_final_result(folder.path()); },
        .settle =
            [&](ExactConfig& config, const Dataset& data, const Backend&) {
                require_shards_of_begun(begun, config.shards, ranks);
                if (config.shards == 0 && !ranks.launched()) return;
                config.shards = settled_shards(
                    config.shards,
                    {{"words", data.vocab_size}, {rows_of(problem), exact_rows(problem, data)}}, ranks);
            },
        .suits_cpu =
            [&](const Dataset& data) { return exact_suits_cpu(exact_rows(problem, data), data.vocab_size); },
        .changed_since_begun = since,
        .changed_since_written = since,
        .leave_out = "leave it out",
    };
    return open_run(verb, options.output, options.resume, options.dry_run);
}

void print_limit(const LimitSummary& summary, const ExactConfig& config,
                 const std::filesystem::path& folder) {
    const std::string where = printable(folder);
    if (summary.was_finished) {
        fmt::print("{}: finished already\n", where);
        return;
    }
    const auto number = [&](const char* key) { return summary.record.number(key).value(); };
    if (!summary.record.number("bound")) {
        fmt::print("L_mm = 0: every support is the whole vocabulary, so that nothing has to be separated\n");
    } else {
        fmt::print("nuclear norm        {:.10g}, certified from {:.10g}\n",
                   rounded_up(number("nuclear_norm"), 10), rounded_down(number("bound"), 10));
        const double gap = rounded_up(number("relative_gap"), 3);
        fmt::print("relative gap        {:.2e}{}\n", gap,
                   summary.at_rest
                       ? fmt::format(", where fp64 steps no longer lower the residual; {:.2e} was "
                                     "asked for",
                                     config.tolerance)
                       : "");
        if (!summary.reached && !summary.at_rest)
            fmt::print(
                "                    stopped after {} iterations at a gap of {:.2e}; {:.2e} was asked "
                "for, and --resume goes on\n",
                summary.record.integer("iterations").value(), gap, config.tolerance);
        fmt::print("rank                {}\n", summary.record.integer("rank").value());
        fmt::print("proxy               nuclear norm {:.10g}, cosine with L_mm {:.8f}\n",
                   number("proxy_nuclear_norm"), number("proxy_alignment"));
        fmt::print("proxy test          {}\n", proxy_verdict(summary.record));
        fmt::print("iterations          {}\n", summary.record.integer("iterations").value());
    }
    fmt::print("run                 {}\n", where);
}

std::string figure(const std::optional<double>& value, const char* format) {
    return value ? fmt::format(fmt::runtime(format), *value) : std::string("-");
}

void print_path(const PathSummary& summary, const ExactConfig& config, const std::filesystem::path& folder) {
    fmt::print("{:>9} {:>6} {:>9} {:>5} {:>11} {:>10} {:>9} {:>9}\n", "lambda", "steps", "gap", "rank",
               "excess loss", "dominance", "cos L_mm", "cos proxy");
    std::int64_t largest = 0;
    bool all = true;
    for (const auto& record : summary.records) {
        const auto number = [&](const char* key) { return record.number(key).value(); };
        const std::int64_t rank = record.integer("rank").value();
        largest = std::max(largest, rank);
        all = all && number("relative_gap") <= config.tolerance;
        fmt::print("{:>9.2e} {:>6} {:>9.1e} {:>5} {:>11.4e} {:>10} {:>9} {:>9}\n", number("lambda"),
                   record.integer("iterations").value(), rounded_up(number("relative_gap"), 2), rank,
                   number("excess_loss"), figure(record.number("dominance"), "{:.4g}"),
                   figure(record.number("alignment_limit"), "{:.5f}"),
                   figure(record.number("alignment_proxy"), "{:.5f}"));
    }
    if (!all)
        fmt::print(
            "not every point reaches {:.1e}: where the gap falls no further, the path goes on with what it "
            "has\n",
            config.tolerance);
    if (largest > 0)
        fmt::print("width               d = {} holds every point of this path: no run needs more\n", largest);
    else
        fmt::print("width               every point of this path is L = 0\n");
    fmt::print("run                 {}{}\n", printable(folder),
               summary.was_finished ? " (finished already)" : "");
}

/// The options of a verb, whose run is opened, worked at by `body` and printed.
template <class Body>
void add_exact_command(Command& program, ExactProblem problem, const std::string& help, const Body& body) {
    const std::string name = name_of(problem);
    auto options = std::make_shared<ExactOptions>();
    options->defaults.command = name;
    Command verb = program.add_command(name, help);
    add_exact_options(verb, *options);
    verb.on_call_of_ranks([options, problem, body] {
        const Ranks ranks = Ranks::join(options->call.settings().rank_timeout, options->output);
        const InterruptGuard guard(options->call.settings().time_limit);
        ExactRun run;
        ranks.at_first([&] {
            run = open(*options, ranks);
            if (options->dry_run) return rehearse(problem, run.config, run.dataset, *run.backend);
        });
        if (options->dry_run) return;
        InterruptGuard::take_stop_signals();
        const bool works = share_run(ranks, run, [&](const std::string& text, const std::string& where) {
            return read_exact_config(text, name_of(problem), where);
        });
        if (works || ranks.is_first()) body(run, ranks, works);
    });
}

}  // namespace

void add_limit_command(Command& program) {
    add_exact_command(
        program, ExactProblem::limit,
        "Compute L_mm, the direction that the low-rank part takes, with a certificate of its nuclear norm",
        [](ExactRun& run, const Ranks& ranks, bool works) {
            const LimitSummary summary = works ? run_limit(run, ranks) : LimitSummary{{}, true, false, true};
            if (ranks.is_first()) print_limit(summary, run.config, run.output());
        });
}

void add_path_command(Command& program) {
    add_exact_command(
        program, ExactProblem::path,
        "Compute the exact regularization path min CE + lambda * nuclear norm, certified at every lambda",
        [](ExactRun& run, const Ranks& ranks, bool works) {
            const PathSummary summary = works ? run_path(run, ranks) : finished_path(run.output());
            if (ranks.is_first()) print_path(summary, run.config, run.output());
        });
}

}  // namespace ntpgeo
