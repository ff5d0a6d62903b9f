#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/cli/run_program.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/host/report/sample_runs.hpp"

namespace ntpgeo {
namespace {

std::string contents(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void expect_refused(const ProgramResult& result, const std::string& part) {
    EXPECT_EQ(result.status, 2) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(occurrences(result.err, "\n"), 1U) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << "'" << part << "' is not in: " << result.err;
}

TEST(ReportCommand, WritesOnePageOfSeveralRuns) {
    const ScratchFolder folder;
    write_sample_run(folder / "a/run");
    write_sample_run(folder / "b/run");
    const ProgramResult result =
        run_ntpgeo({"report", (folder / "a/run").string(), (folder / "b/run").string(), "-o",
                    (folder / "report.html").string()});
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    EXPECT_NE(result.out.find("report.html"), std::string::npos);
    const std::string page = contents(folder / "report.html");
    EXPECT_EQ(malformed(page), "");
    EXPECT_NE(page.find("a/run"), std::string::npos);
    EXPECT_NE(page.find("b/run"), std::string::npos);
    EXPECT_EQ(folder.names().size(), 3U);  // no temporary file is left
}

TEST(ReportCommand, ReplacesAnEarlierReportWithTheSameBytes) {
    const ScratchFolder folder;
    write_sample_run(folder / "run");
    ASSERT_EQ(run_ntpgeo({"report", (folder / "run").string(), "-o", (folder / "one.html").string()}).status,
              0);
    write_run(folder / "other", "{}", "{\"step\":0,\"excess_loss\":1}\n");
    ASSERT_EQ(
        run_ntpgeo({"report", (folder / "other").string(), "-o", (folder / "two.html").string()}).status, 0);
    ASSERT_NE(contents(folder / "one.html"), contents(folder / "two.html"));
    ASSERT_EQ(run_ntpgeo({"report", (folder / "run").string(), "-o", (folder / "two.html").string()}).status,
              0);
    EXPECT_EQ(contents(folder / "one.html"), contents(folder / "two.html"));
}

TEST(ReportCommand, WritesOneFigureAsSvg) {
    const ScratchFolder folder;
    write_sample_run(folder / "run");
    const ProgramResult result = run_ntpgeo(
        {"report", (folder / "run").string(), "--figure", "overview", "-o", (folder / "f.svg").string()});
    EXPECT_EQ(result.status, 0) << result.err;
    const std::string svg = contents(folder / "f.svg");
    EXPECT_TRUE(svg.starts_with("<svg "));
    EXPECT_EQ(malformed(svg), "");
}

// A page is HTML and a figure SVG: a name that says otherwise is refused before any run is read.
TEST(ReportCommand, WritesNoFileThatIsNotWhatItsNameSays) {
    const ScratchFolder folder;
    write_sample_run(folder / "run");
    write_raw(folder / "kept.pdf", "a PDF");
    const std::string run = (folder / "run").string(), missing = (folder / "missing").string();
    const std::size_t before = folder.names().size();
    for (const char* name :
         {"p.pdf", "p.png", "p.svg", "p.PDF", "kept.pdf", ".pdf", "p.html.gz", "p.xhtml", "p."}) {
        const std::string out = (folder / name).string();
        expect_refused(run_ntpgeo({"report", run, "-o", out}), "give a name in .html or .htm");
        expect_refused(run_ntpgeo({"report", missing, "-o", out}),
                       std::string(name) + ": a report is one HTML file");
    }
    for (const char* name : {"f.pdf", "f.png", "f.html", "f.svgz", "kept.pdf", ".png"}) {
        const std::string out = (folder / name).string();
        expect_refused(run_ntpgeo({"report", missing, "--figure", "overview", "-o", out}),
                       "--figure overview is written as SVG; give a name in .svg");
    }
    expect_refused(run_ntpgeo({"report", missing, "--figure", "nothing", "-o", (folder / "f.pdf").string()}),
                   "no such figure");
    EXPECT_EQ(folder.names().size(), before);
    EXPECT_EQ(contents(folder / "kept.pdf"), "a PDF");

    for (const char* name : {"p.html", "p.htm", "P.HTML", "v1.2.html", "page"}) {
        const ProgramResult result = run_ntpgeo({"report", run, "-o", (folder / name).string()});
        EXPECT_EQ(result.status, 0) << result.err;
        EXPECT_TRUE(contents(folder / name).starts_with("<!DOCTYPE html>")) << name;
    }
    for (const char* name : {"f.svg", "F.SVG", "figure"}) {
        const ProgramResult result =
            run_ntpgeo({"report", run, "--figure", "excess", "-o", (folder / name).string()});
        EXPECT_EQ(result.status, 0) << result.err;
        EXPECT_TRUE(contents(folder / name).starts_with("<svg ")) << name;
    }
}

TEST(ReportCommand, RefusesWrongInputInOneLineAndWritesNothing) {
    const ScratchFolder folder;
    write_sample_run(folder / "run");
    write_run(folder / "empty", "{}", "");
    write_run(folder / "broken", "{}", "{\"step\":0}\nbroken\n{\"step\":1}\n");
    write_raw(folder / "file", "x");
    const std::string run = (folder / "run").string(), out = (folder / "report.html").string();
    const std::size_t before = folder.names().size();
    expect_refused(run_ntpgeo({"report", "-o", out}), "RUN");
    expect_refused(run_ntpgeo({"report", run}), "--output");
    expect_refused(run_ntpgeo({"report", (folder / "missing").string(), "-o", out}), "no such run folder");
    expect_refused(run_ntpgeo({"report", run, (folder / "missing").string(), "-o", out}),
                   "no such run folder");
    expect_refused(run_ntpgeo({"report", (folder / "file").string(), "-o", out}), "not a run folder");
    expect_refused(run_ntpgeo({"report", folder.path().string(), "-o", out}), "not a run folder");
    expect_refused(run_ntpgeo({"report", (folder / "empty").string(), "-o", out}), "holds no record");
    expect_refused(run_ntpgeo({"report", (folder / "broken").string(), "-o", out}), "metrics.jsonl line 2");
    expect_refused(run_ntpgeo({"report", run, run, "-o", out}), "given twice");
    expect_refused(run_ntpgeo({"report", run, "-o", folder.path().string()}), folder.path().string());
    expect_refused(run_ntpgeo({"report", run, "-o", (folder / "missing/report.html").string()}), "missing");
    expect_refused(run_ntpgeo({"report", run, "-o", ""}), "");
    const std::string config = contents(folder / "run/config.json");
    expect_refused(run_ntpgeo({"report", run, "-o", run + "/config.json"}), "is a file of the run");
    EXPECT_EQ(contents(folder / "run/config.json"), config);
    expect_refused(run_ntpgeo({"report", run, "--figure", "nothing", "-o", out}), "overview");
    expect_refused(run_ntpgeo({"report", run, "--figure", "relative-gap", "-o", (folder / "f.svg").string()}),
                   "--figure relative-gap: these runs have no value to draw");
    EXPECT_EQ(folder.names().size(), before);
}

}  // namespace
}  // namespace ntpgeo
