// ntpgeo limit DS -o RUN (design 2.1): L_mm with its certificate.
#include <fmt/format.h>

#include <memory>

#include "host/commands/commands.hpp"
#include "host/commands/exact_options.hpp"
#include "host/files/file_error.hpp"
#include "host/files/outward.hpp"
#include "host/run/interrupt.hpp"
#include "host/run/limit_run.hpp"

namespace ntpgeo {
namespace {

void print_summary(const LimitSummary& summary, const ExactConfig& config,
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
        fmt::print("relative gap        {:.2e}{}\n", rounded_up(number("relative_gap"), 3),
                   summary.reached
                       ? ""
                       : fmt::format(", where it falls no further; {:.2e} was asked for", config.tolerance));
        fmt::print("rank                {}\n", summary.record.integer("rank").value());
        fmt::print("proxy               nuclear norm {:.10g}, cosine with L_mm {:.8f}\n",
                   number("proxy_nuclear_norm"), number("proxy_alignment"));
        fmt::print("proxy test          {}\n", proxy_verdict(summary.record));
        fmt::print("iterations          {}\n", summary.record.integer("iterations").value());
    }
    fmt::print("run                 {}\n", where);
}

}  // namespace

void add_limit_command(CLI::App& app) {
    auto options = std::make_shared<ExactOptions>();
    options->defaults.command = "limit";
    CLI::App* command = app.add_subcommand(
        "limit",
        "Compute L_mm, the direction that the low-rank part takes, with a certificate of its nuclear norm");
    add_exact_options(*command, *options);
    command->callback([options] {
        if (const auto finished = finished_exact_run(*options))
            return print_summary({{}, true, true}, *finished, *options->output);
        ExactRun run = open_exact_run(*options);
        const InterruptGuard guard;
        print_summary(run_limit(run), run.config, run.output());
    });
}

}  // namespace ntpgeo
