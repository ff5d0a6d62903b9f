// What a page says of its figures: the run's own numbers, what is left out, and how it prints.
#include <gtest/gtest.h>

#include <functional>

#include "host/report/chart.hpp"
#include "host/report/page.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/host/report/sample_runs.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

class ReportWords : public ::testing::Test {
  protected:
    ntpgeo::Run run(
        const std::string& name, const std::function<void(json&)>& change = [](json&) {}) {
        write_sample_run(folder_ / name, sample_steps(), change);
        return read_runs({folder_ / name}).front();
    }

    ScratchFolder folder_;
};

/// The words of a figure on a page.
std::string caption_of(const std::string& page, const std::string& id) {
    const std::size_t begin = page.find("<figcaption>", page.find("<figure id=\"" + id + "\">"));
    return page.substr(begin, page.find("</figcaption>", begin) - begin);
}

// The strengths of a record fall with k, and are in that order from the first on; those of the other run
// rise.
TEST_F(ReportWords, SaysHowTheStrengthsOfARunFollowTheSingularValues) {
    const auto with = [&](const std::string& name, const std::function<json(std::int64_t)>& strengths) {
        return run(name, [&](json& record) { record["direction_strengths"] = strengths(record["step"]); });
    };
    // Half of the last strength is reached from k = 3 on in the order 3, 2, 1.
    const auto rising = with("rising", [](std::int64_t step) {
        return step < 10 ? json{0, 0, 1} : step < 100 ? json{0, 2, 1} : json{3, 2, 1};
    });
    std::string caption = caption_of(report_page({rising}), "directions");
    expect_contains(caption,
                    "over its 3 directions, the rank correlation of the last strength with the singular "
                    "value of S\u0303 is 1.00, and that of how early half the last strength was reached is "
                    "−1.00:");
    expect_contains(caption, "Equal singular values count by their number k");
    EXPECT_EQ(caption.find("learned"), std::string::npos);
    const auto level = with("level", [](std::int64_t) { return json{2, 2, 2}; });
    expect_contains(caption_of(report_page({level}), "directions"),
                    "is none (all of one agree), and that of");
    const auto alone = with("alone", [](std::int64_t) { return json{2}; });
    expect_contains(caption_of(report_page({alone}), "directions"), "there is no rank correlation.");
    // Each of several runs has its own.
    const std::string both = report_page({rising, level});
    expect_contains(caption_of(both, "directions-1"), "is 1.00");
    expect_contains(caption_of(both, "directions-2"), "is none");
}

TEST(RankingWords, KnowTheSingularValuesThatAgree) {
    const std::vector<std::vector<double>> columns = {{0, 2}, {0, 3}, {0, 1}};
    EXPECT_NE(ranking_words(columns, {}).find("is 0.50"), std::string::npos);
    // Ranks 1, 1, −2 over 2 against 0, 1, −1.
    EXPECT_NE(ranking_words(columns, {5, 5, 1}).find("is 0.87"), std::string::npos);
    EXPECT_NE(ranking_words(columns, {5, 5, 5}).find("is none"), std::string::npos);
    EXPECT_NE(ranking_words(columns, {5, 4}).find("over its 2 directions"), std::string::npos);
}

TEST_F(ReportWords, NamesTheRunsThatAFigureLeavesOut) {
    std::vector<ntpgeo::Run> runs;
    for (int i = 0; i < 7; ++i) runs.push_back(run("run" + std::to_string(i)));
    runs.push_back(run("bare<", [](json& record) {
        record["dominance"] = nullptr;
        record["singular_values"] = nullptr;
    }));
    const std::string page = report_page(runs),
                      note = "Not drawn, since no record has a value that the axes can place: ";
    EXPECT_EQ(malformed(page), "");
    expect_contains(caption_of(page, "dominance"), note + "<bdi>bare&lt;</bdi>.");
    expect_contains(caption_of(page, "singular-values-7"), note + "<bdi>bare&lt;</bdi>.");
    EXPECT_EQ(caption_of(page, "excess").find(note), std::string::npos);
    for (int i = 0; i < 7; ++i) expect_contains(page, ">run" + std::to_string(i) + "</text>");
    const std::string svg = standalone_figure(runs, "dominance");
    EXPECT_EQ(malformed(svg), "");
    expect_contains(svg, " bare&lt;.</text>");
    EXPECT_EQ(standalone_figure(runs, "excess").find("Not drawn"), std::string::npos);
}

TEST_F(ReportWords, KeepsHeadingsWithTheirFiguresInPrint) {
    const std::string page = report_page({run("adam")});
    const std::string print = page.substr(page.rfind("@media print"));
    const auto rule_of = [&](const std::string& declaration) {
        const std::size_t at = print.find(declaration), open = print.rfind('{', at);
        return print.substr(print.rfind('}', open) + 1, open - print.rfind('}', open) - 1);
    };
    for (const char* heading : {"h1", "h2", "h3", "caption"})
        expect_contains(rule_of("break-after:avoid"), heading);
    expect_contains(rule_of("break-inside:avoid"), "figure");
}

}  // namespace
}  // namespace ntpgeo
