// ntpgeo report RUN... -o report.html (design 2.1)
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
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
#include "host/report/mark.hpp"
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

/// The end of the file's name from its last dot on, in small letters; "" where it has none.
std::string suffix_of(const std::filesystem::path& file) {
    const std::string name = file.filename().string();
    const std::size_t dot = name.rfind('.');
    if (dot == std::string::npos || name == "." || name == "..") return "";
    std::string suffix = name.substr(dot);
    std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                   [](unsigned char c) { return static_cast<char>(c < 0x80 ? std::tolower(c) : c); });
    return suffix;
}

/// A file is what its name says: a page HTML, a figure SVG. A name without a suffix says nothing.
void require_suffix_of_the_format(const ReportOptions& options) {
    const std::string suffix = suffix_of(options.output),
                      output = printable(std::string_view(options.output));
    if (suffix.empty()) return;
    if (options.figure.empty()) {
        if (suffix == ".html" || suffix == ".htm") return;
        throw InputError(fmt::format(
            "report: -o {}: a report is one HTML file; give a name in .html or .htm{}", output,
            suffix == ".svg" ? ", or --figure NAME for one figure as SVG" : " (a browser prints it as PDF)"));
    }
    if (suffix != ".svg")
        throw InputError(fmt::format("report: -o {}: --figure {} is written as SVG; give a name in .svg",
                                     output, options.figure));
}

/// An earlier report may be replaced, and a file that is empty.
void require_replaceable(const std::string& output) {
    const std::string text = beginning_of(output, kMarkedBytes);
    if (!text.empty() && !is_report(text))
        throw InputError(
            fmt::format("report: -o {}: is there already and is no report of ntpgeo; give another name",
                        printable(std::string_view(output))));
}

void report(const ReportOptions& options) {
    require_no_part_of_a_run(options.output, options.runs);
    if (!options.figure.empty()) require_figure(options.figure);
    require_suffix_of_the_format(options);
    require_replaceable(options.output);
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
    verb.add_option(
        "-o,--output", options->output,
        "The file to write, in .html or .htm, or in .svg with --figure, or without a suffix; an earlier "
        "report is replaced",
        {.required = true});
    verb.add_option("--figure", options->figure,
                    "Write this figure alone as an SVG file, in light colours: " + figure_names());
    verb.on_call([options] { report(*options); });
}

}  // namespace ntpgeo
