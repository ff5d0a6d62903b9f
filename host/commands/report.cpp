// ntpgeo report RUN... -o report.html (design 2.1)
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "host/commands/commands.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/report/page.hpp"
#include "host/report/run_reader.hpp"
#include "host/run/run_folder.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

struct ReportOptions {
    std::vector<std::string> runs;
    std::string output, figure;
};

/// What a run's folder is made of is no place for its report.
void require_no_part_of_a_run(const std::filesystem::path& output, const std::vector<std::string>& runs) {
    if (!RunFolder::is_own_name(output.filename().string())) return;
    const std::filesystem::path folder = output.has_parent_path() ? output.parent_path() : ".";
    std::error_code unknown;  // a folder that is not there is none of the runs
    if (std::any_of(runs.begin(), runs.end(), [&](const std::string& run) {
            return std::filesystem::equivalent(folder, run, unknown);
        }))
        throw InputError(fmt::format("report: -o {}: is a file of the run; give another name",
                                     printable(std::string_view(output.native()))));
}

void report(const ReportOptions& options) {
    require_no_part_of_a_run(options.output, options.runs);
    const std::vector<Run> runs = read_runs({options.runs.begin(), options.runs.end()});
    const bool page = options.figure.empty();
    write_file_atomically(options.output, page ? report_page(runs) : standalone_figure(runs, options.figure));
    fmt::print("{}: {} of {} run{}\n", printable(std::string_view(options.output)),
               page ? "report" : options.figure, runs.size(), runs.size() == 1 ? "" : "s");
}

}  // namespace

void add_report_command(Command& program) {
    auto options = std::make_shared<ReportOptions>();
    Command verb = program.add_command("report", "Draw the figures of one or several runs as one HTML file");
    verb.add_option("RUN", options->runs,
                    "Run folders, as train, analyze, path and limit wrote them; all share the plots",
                    {.required = true});
    verb.add_option("-o,--output", options->output, "The file to write; one that is there is replaced",
                    {.required = true});
    verb.add_option("--figure", options->figure,
                    "Write this figure alone as an SVG file, in light colours: " + figure_names());
    verb.on_call([options] { report(*options); });
}

}  // namespace ntpgeo
