// ntpgeo path DS -o RUN (design 2.1): the exact regularization path, certified at every λ.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "host/commands/commands.hpp"
#include "host/commands/exact_options.hpp"
#include "host/files/file_error.hpp"
#include "host/files/outward.hpp"
#include "host/run/interrupt.hpp"
#include "host/run/path_run.hpp"

namespace ntpgeo {
namespace {

std::string figure(const std::optional<double>& value, const char* format) {
    return value ? fmt::format(fmt::runtime(format), *value) : std::string("-");
}

void print_summary(const PathSummary& summary, const ExactConfig& config,
                   const std::filesystem::path& folder) {
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

}  // namespace

void add_path_command(CLI::App& app) {
    auto options = std::make_shared<ExactOptions>();
    options->defaults.command = "path";
    CLI::App* command = app.add_subcommand(
        "path",
        "Compute the exact regularization path min CE + lambda * nuclear norm, certified at every lambda");
    add_exact_options(*command, *options);
    command->callback([options] {
        if (const auto finished = finished_exact_run(*options))
            return print_summary(finished_path(*options->output), *finished, *options->output);
        ExactRun run = open_exact_run(*options);
        const InterruptGuard guard;
        print_summary(run_path(run), run.config, run.output());
    });
}

}  // namespace ntpgeo
