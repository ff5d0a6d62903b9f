// ntpgeo report RUN... -o report.html (design 2.1)
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "host/commands/commands.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/report/page.hpp"
#include "host/report/run_reader.hpp"
#include "host/report/standalone.hpp"

namespace ntpgeo {
namespace {

struct ReportOptions {
    std::vector<std::string> runs;
    std::string output, figure;
};

void report(const ReportOptions& options) {
    const std::vector<Run> runs = read_runs({options.runs.begin(), options.runs.end()});
    const bool page = options.figure.empty();
    write_file_atomically(options.output, page ? report_page(runs) : standalone_figure(runs, options.figure));
    fmt::print("{}: {} of {} run{}\n", printable(std::string_view(options.output)),
               page ? "report" : options.figure, runs.size(), runs.size() == 1 ? "" : "s");
}

}  // namespace

void add_report_command(CLI::App& app) {
    auto options = std::make_shared<ReportOptions>();
    CLI::App* command =
        app.add_subcommand("report", "Draw the figures of one or several runs as one HTML file");
    command
        ->add_option("RUN", options->runs,
                     "Run folders, as train, analyze, path and limit wrote them; all share the plots")
        ->required();
    command->add_option("-o,--output", options->output, "The file to write; one that is there is replaced")
        ->required();
    command->add_option("--figure", options->figure,
                        "Write this figure alone as an SVG file, in light colours: " + figure_names());
    command->callback([options] { report(*options); });
}

}  // namespace ntpgeo
