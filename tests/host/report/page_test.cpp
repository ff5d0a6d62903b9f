#include "host/report/page.hpp"

#include <gtest/gtest.h>

#include <set>

#include "host/report/catalogue.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/host/report/sample_runs.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

/// Whether the sample training run, which was given no L_mm and no certificate, has values for the figure.
bool is_of_samples(const FigureKind& kind) {
    const bool concerns = kind.across == Across::step || kind.across == Across::logits_norm;
    return concerns && kind.id != "relative-gap" && kind.id != "alignment-limit-norm";
}

class ReportPage : public ::testing::Test {
  protected:
    template <class Change>
    ntpgeo::Run run(const std::string& name, Change change,
                    const std::vector<std::int64_t>& steps = sample_steps()) {
        write_sample_run(folder_ / name, steps, change);
        return read_runs({folder_ / name}).front();
    }
    ntpgeo::Run run(const std::string& name) {
        return run(name, [](json&) {});
    }

    void expect_no_text(const std::string& page, const std::string& part) {
        EXPECT_EQ(page.find(part), std::string::npos) << "in the page: " << part;
    }

    ScratchFolder folder_;
};

TEST_F(ReportPage, ShowsEveryFigureThatARunHasValuesFor) {
    const std::string page = report_page({run("adam")});
    EXPECT_EQ(malformed(page), "");
    std::size_t expected = 0;
    for (const FigureKind& kind : figure_kinds()) {
        if (!is_of_samples(kind)) continue;
        expect_contains(page, "<figure id=\"" + std::string(kind.id) + "\">");
        ++expected;
    }
    EXPECT_EQ(occurrences(page, "<figure "), expected);
    EXPECT_EQ(occurrences(page, "role=\"img\""), expected);
    expect_contains(page, "Every record is drawn; nothing was thinned.");
}

TEST_F(ReportPage, NamesWhatTheRunsLack) {
    const std::string page = report_page({run("adam")});
    expect_contains(
        page,
        "null or missing in every record of these runs: the cosine of P<sub>⊥</sub>(L) with L<sub>mm</sub>,");
    expect_contains(page, " and the certified relative gap.");
    expect_no_text(page, "<figure id=\"relative-gap\">");
}

TEST_F(ReportPage, IsSelfContained) {
    const std::string page = report_page({run("adam"), run("lbfgs")});
    EXPECT_EQ(occurrences(page, "://"), occurrences(page, "xmlns=\"http://www.w3.org/2000/svg\""));
    for (const char* outside : {"<script", "<link", "<img", "@import", "url(", "@font-face"})
        expect_no_text(page, outside);
}

TEST_F(ReportPage, IsTheSameForTheSameRuns) {
    const std::vector<ntpgeo::Run> runs = {run("adam"), run("lbfgs")};
    EXPECT_EQ(report_page(runs), report_page(runs));
}

TEST_F(ReportPage, EscapesAllThatComesFromTheRuns) {
    const std::string evil = "<script>\"'&\u202E\x01";
    json config = sample_config();
    config["dataset"]["source"] = evil;
    config["device"] = evil;
    config["stages"][0]["optimizer"] = evil;
    config["stages"][0]["precision"] = evil;
    for (const char* name : {"<script>alert('1')</script> & \"a\"", "b\u202E\xff"}) {
        write_sample_run(folder_ / name);
        std::ofstream(folder_ / name / "config.json") << config.dump();
    }
    // A slash ends a folder's name, so that the first of these is "script> & …" in a folder
    // "<script>alert('1')<".
    std::vector<std::filesystem::path> paths = {folder_ / "<script>alert('1')</script> & \"a\"",
                                                folder_ / "b\u202E\xff"};
    const std::vector<ntpgeo::Run> runs = read_runs(paths);
    for (const std::string& page : {report_page(runs), standalone_figure(runs, "excess")}) {
        EXPECT_EQ(malformed(page), "");
        expect_no_text(page, "<script");
        expect_no_text(page, "\u202E");
        expect_contains(page, "script&gt; &amp; &quot;a&quot;");
        expect_contains(page, "b\\u{202e}\\xff");
    }
    expect_contains(report_page(runs), "&lt;script&gt;&quot;&#39;&amp;\\u{202e}\\u{1}");
}

TEST_F(ReportPage, PrintsSettingsAndTheLastRecord) {
    const std::string page = report_page({run("adam")});
    for (const char* part :
         {"text a.txt", "20\u202F000", "61\u202F234", "adam → lbfgs", "0.01 → 1",
          "0.001 … 10<sup>−9</sup> → 0", "fp32 → fp64, master fp64", ">1500<", "0.7125", "6 min 15 s"}) {
        expect_contains(page, part);
    }
}

TEST_F(ReportPage, BearsAnEmptyConfig) {
    write_run(folder_ / "bare", "{}", "{\"step\":0,\"dominance\":2}\n");
    const std::string page = report_page({read_runs({folder_ / "bare"})});
    EXPECT_EQ(malformed(page), "");
    EXPECT_EQ(occurrences(page, "<figure "), 1U);
    EXPECT_GT(occurrences(page, "<span class=\"absent\">–</span>"), 10U);
}

TEST_F(ReportPage, BearsAConfigOfOtherTypes) {
    write_run(folder_ / "odd",
              R"({"dataset":[1],"dim":{"a":1},"stages":[3,null,{"lambda":"x","lr":[]}],"device":null})",
              "{\"step\":0,\"dominance\":2}\n");
    EXPECT_EQ(malformed(report_page({read_runs({folder_ / "odd"})})), "");
}

TEST_F(ReportPage, BearsARunWithNothingToDraw) {
    write_run(folder_ / "bare", "{}", "{\"step\":0}\n");
    const std::string page = report_page({read_runs({folder_ / "bare"})});
    EXPECT_EQ(malformed(page), "");
    EXPECT_EQ(occurrences(page, "<figure "), 0U);
}

TEST_F(ReportPage, LeavesAGapAndANoteWhereALogarithmicAxisHasNoPlace) {
    const ntpgeo::Run gaps = run("adam", [](json& record) {
        if (record["step"] == 20 || record["step"] == 50) record["collapse"] = 0.0;
        if (record["step"] == 200) record["dominance"] = nullptr;
        if (record["step"] == 10) record["alignment_proxy"] = 1.0;
    });
    const std::string page = report_page({gaps});
    expect_contains(page, "0 or negative and have no place on the logarithmic axis, 2 of 12 records: adam.");
    expect_contains(page, "Null, and so a gap, at 1 of 12 records: adam.");
    expect_contains(page, "1 or more and have no place on the axis, 1 of 12 records: adam.");
    const auto curve = [&](const std::string& id) {
        const std::string figure = page.substr(page.find("<figure id=\"" + id + "\">"));
        const std::size_t begin = figure.find("<path class=\"curve");
        return figure.substr(begin, figure.find("/>", begin) - begin);
    };
    EXPECT_EQ(occurrences(curve("collapse"), "M"), 2U);
    EXPECT_EQ(occurrences(curve("dominance"), "M"), 2U);
    EXPECT_EQ(occurrences(curve("in-support-error"), "M"), 1U);
}

TEST_F(ReportPage, SaysWhyAFigureOfZerosIsNotDrawn) {
    const ntpgeo::Run zeros = run("adam", [](json& record) { record["collapse"] = 0.0; });
    const std::string page = report_page({zeros});
    expect_no_text(page, "<figure id=\"collapse\">");
    expect_contains(page, "their axis has no place for any of their values: the collapse.");
}

TEST_F(ReportPage, ThinsLongRunsAndSaysSo) {
    std::vector<std::int64_t> steps;
    for (std::int64_t step = 0; step <= 5000; ++step) steps.push_back(step);
    const std::string page = report_page({run(
        "long", [](json&) {}, steps)});
    expect_contains(page, "Curves of more than 400 records are thinned before drawing");
    expect_contains(page, " of 5001 records: long.");
    expect_no_text(page, "nothing was thinned");
    EXPECT_LT(page.size(), 400'000U);
}

TEST_F(ReportPage, SaysThatAnIncompleteLastLineWasLeftOut) {
    write_run(folder_ / "killed", "{}", "{\"step\":0,\"dominance\":2}\n{\"ste");
    expect_contains(report_page({read_runs({folder_ / "killed"})}),
                    "is incomplete, as a killed run leaves it");
}

TEST_F(ReportPage, LabelsSeveralRunsAndDrawsSingularValuesOfEach) {
    const std::string page = report_page({run("adam"), run("lbfgs")});
    EXPECT_EQ(malformed(page), "");
    expect_contains(page, "<figure id=\"singular-values-1\">");
    expect_contains(page, "<figure id=\"singular-values-2\">");
    for (const char* label :
         {">adam</text>", ">lbfgs</text>", ">adam · sparse</text>", ">lbfgs · low-rank</text>"}) {
        expect_contains(page, label);
    }
}

TEST_F(ReportPage, HasUniqueIdsOnThePage) {
    const std::string page = report_page({run("adam"), run("lbfgs")});
    std::set<std::string> ids;
    for (std::size_t at = page.find(" id=\""); at != std::string::npos; at = page.find(" id=\"", at + 1)) {
        const std::string id = page.substr(at + 5, page.find('"', at + 5) - at - 5);
        EXPECT_TRUE(ids.insert(id).second) << id;
    }
}

TEST_F(ReportPage, DrawsAtMostFiniteCoordinates) {
    const ntpgeo::Run extreme = run("extreme", [](json& record) {
        record["dominance"] = record["step"] == 0 ? 1e-300 : 1e300;
        record["min_margin"] = record["step"] == 0 ? -1.7e308 : 1.0;
        record["stable_rank"] = 3.0;
        record["class_cosine"] = record["step"] == 0 ? 1.0 - 1e-15 : 1.0 - 1.1e-15;
    });
    const std::string page = report_page({extreme});
    for (const char* bad : {"nan", "inf ", "\"inf", "-inf"}) {
        std::string coordinates = page.substr(page.find("<figure "));
        EXPECT_EQ(coordinates.find(std::string("\"") + bad), std::string::npos) << bad;
        EXPECT_EQ(coordinates.find(std::string("M") + bad), std::string::npos) << bad;
        EXPECT_EQ(coordinates.find(std::string("L") + bad), std::string::npos) << bad;
    }
    expect_contains(page, "too large for the axis, 1 of 12 records: extreme.");
}

TEST_F(ReportPage, TellsLongNamesWithEqualEndsApart) {
    const std::string middle(60, 'x');
    const std::vector<ntpgeo::Run> runs = {run("run-a" + middle + "1" + middle + "-end"),
                                           run("run-a" + middle + "2" + middle + "-end")};
    const auto charts = make_charts(figure_kinds().front(), runs);
    EXPECT_NE(charts.front().series[0].label_run, charts.front().series[1].label_run);
}

TEST_F(ReportPage, GrowsAFigureWhoseLabelsNeedTheHeight) {
    std::vector<ntpgeo::Run> runs;
    for (int i = 0; i < 24; ++i) runs.push_back(run("run-" + std::to_string(i)));
    const auto charts = make_charts(figure_kinds()[1], runs);
    EXPECT_GT(draw_chart(charts.front()).height, 48 * 14.0);
}

TEST_F(ReportPage, StandaloneFiguresCarryTheirColours) {
    const std::vector<ntpgeo::Run> one = {run("adam")}, two = {run("adam"), run("lbfgs")};
    for (const FigureKind& kind : figure_kinds()) {
        if (!is_of_samples(kind)) continue;
        const std::string svg = standalone_figure(two, kind.id);
        EXPECT_EQ(malformed(svg), "") << kind.id;
        expect_no_text(svg, "var(");
    }
    const std::string overview = standalone_figure(one, "overview");
    EXPECT_EQ(malformed(overview), "");
    EXPECT_EQ(occurrences(overview, "<g "), 6U);
    expect_contains(overview, "Singular values");
    expect_contains(standalone_figure(two, "overview"), "Stable rank");
}

TEST_F(ReportPage, StandaloneFiguresRefuseUnknownNamesWithThoseThatAreKnown) {
    const std::vector<ntpgeo::Run> runs = {run("adam")};
    const std::string message = refusal<InputError>([&] { standalone_figure(runs, "nothing"); });
    for (const FigureKind& kind : figure_kinds()) expect_contains(message, std::string(kind.id));
    expect_contains(message, "overview");
    EXPECT_THROW(standalone_figure(runs, "relative-gap"), InputError);
}

TEST(WellFormedness, IsCheckedByACheckerThatBites) {
    EXPECT_EQ(malformed("<!DOCTYPE html>\n<a b=\"1 > 2\"><c/>x &amp; y</a>"), "");
    for (const char* bad :
         {"<a>", "<a></b>", "</a>", "<a>&</a>", "<a b=\"<\"/>", "<a", "<a>\x01</a>", "<a><b></a></b>"}) {
        EXPECT_NE(malformed(bad), "") << bad;
    }
}

}  // namespace
}  // namespace ntpgeo
