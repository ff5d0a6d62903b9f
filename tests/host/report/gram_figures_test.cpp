#include "host/report/gram_figures.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "host/files/dataset_file.hpp"
#include "host/files/safetensors.hpp"
#include "host/report/page.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/host/report/sample_runs.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

/// Four words, five contexts in classes {0, 1} (contexts 1, 3, 4), {2} and {3}, and runs on them.
class GramPictures : public ::testing::Test {
  protected:
    GramPictures() : data_(folder_ / "data.safetensors") {
        Dataset dataset = make_dataset(4, {{2}, {0, 1}, {3}, {0, 1}, {0, 1}},
                                       {{1}, {0.5, 0.5}, {1}, {0.25, 0.75}, {0.5, 0.5}});
        dataset.vocab = {"one", "<b>", "\xff", "four"};
        write_dataset(data_, dataset);
        // W's mean row is (1, 1); W̄ has rows (1,0), (−1,0), (0,1), (0,−1).
        write("train", "train", {2, 1, 0, 1, 1, 2, 1, 0}, {1, 0, 0, 2, 1, 1, 0, 3, 0, 1});
    }
    void write(const std::string& name, const std::string& command, const std::vector<double>& words,
               const std::vector<double>& contexts) {
        json config = sample_config();
        config["command"] = command;
        config["dataset"] = {
            {"path", data_.string()}, {"hash", content_hash(read_dataset(data_))}, {"vocab_size", 4}};
        if (command == "limit") write_sample_limit(folder_ / name);
        write_run(
            folder_ / name, config.dump(),
            command == "limit" ? "{\"iterations\":1,\"nuclear_norm\":2}\n" : sample_record(0).dump() + "\n");
        write_safetensors(
            folder_ / name / "result.safetensors",
            {tensor_to_write("W", {static_cast<std::int64_t>(words.size()) / 2, 2}, words),
             tensor_to_write("H", {static_cast<std::int64_t>(contexts.size()) / 2, 2}, contexts)},
            {{"format", "ntpgeo.result.1"}});
    }
    [[nodiscard]] std::vector<ntpgeo::Run> runs(const std::vector<std::string>& names) const {
        std::vector<std::filesystem::path> paths;
        for (const std::string& name : names) paths.push_back(folder_ / name);
        return read_runs(paths);
    }
    void expect_reason(const std::vector<std::string>& names, const std::string& reason) const {
        const std::string page = report_page(runs(names));
        EXPECT_EQ(malformed(page), "");
        expect_contains(page, reason);
    }

    ScratchFolder folder_;
    std::filesystem::path data_;
};

TEST_F(GramPictures, AreCosinesOfTheFactorsByClass) {
    const std::vector<ntpgeo::Run> read = runs({"train"});
    DataSetFiles data_sets(read);
    const GramFigures grams = gram_figures(read, data_sets);
    EXPECT_TRUE(grams.reasons.empty());
    ASSERT_EQ(grams.maps.size(), 2U);
    const HeatMap& contexts = grams.maps[1];
    EXPECT_EQ(contexts.groups, (std::vector<std::int64_t>{3, 1, 1}));
    ASSERT_EQ(contexts.panels.size(), 2U);  // the run and the proxy
    // Order 1, 3, 4, 0, 2: rows (0,2), (0,3), (0,1), (1,0), (1,1).
    const double half = std::sqrt(0.5);
    const std::vector<double> wanted = {1, 1,    1, 0, half, 1, 1,    1,    0,    half, 1,    1, 1,
                                        0, half, 0, 0, 0,    1, half, half, half, half, half, 1};
    ASSERT_EQ(contexts.panels[0].cosines.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
        EXPECT_NEAR(contexts.panels[0].cosines[i], wanted[i], 1e-15);
    // Of the proxy, one class is one column.
    for (const int at : {0, 1, 2, 6, 7, 12}) EXPECT_NEAR(contexts.panels[1].cosines[at], 1, 1e-12);
    // Words 0 and 1 are opposite in the run and one in the proxy, where they occur together.
    const HeatMap& words = grams.maps[0];
    EXPECT_EQ(std::count_if(words.panels[0].cosines.begin(), words.panels[0].cosines.end(),
                            [](double c) { return std::abs(c + 1) < 1e-14; }),
              4);
    EXPECT_EQ(std::count_if(words.panels[1].cosines.begin(), words.panels[1].cosines.end(),
                            [](double c) { return std::abs(c - 1) < 1e-12; }),
              6);
}

TEST_F(GramPictures, StandOnThePageAndOnTheirOwnWithEscapedWords) {
    write("limit", "limit", {1, 0, 1, 0, -1, 1, -1, -1}, {1, 0, 1, 1, 0, 1, 1, 1, 1, 1});
    const std::string page = report_page(runs({"train", "limit"}));
    EXPECT_EQ(malformed(page), "");
    expect_contains(page, "id=\"gram-words\"");
    expect_contains(page, "&lt;b&gt;</span>");
    EXPECT_EQ(page.find("<b>\xff"), std::string::npos);
    EXPECT_EQ(occurrences(page, "<use href="), 6U);
    for (const char* name : {"gram-words", "gram-contexts"}) {
        const std::string svg = standalone_figure(runs({"train", "limit"}), name);
        EXPECT_EQ(malformed(svg), "");
        EXPECT_EQ(svg.find("var("), std::string::npos);
        EXPECT_EQ(occurrences(svg, "<use href="), 3U);
    }
}

TEST_F(GramPictures, AreLeftOutWithTheReason) {
    std::filesystem::rename(data_, folder_ / "moved");
    expect_reason({"train"}, "its file is gone from where the runs read it");
    expect_contains(refusal<InputError>([&] { standalone_figure(runs({"train"}), "gram-words"); }),
                    "--figure gram-words: No Gram matrices of data: its file is gone from where");
    std::filesystem::copy_file(folder_ / "moved", data_);
    Dataset changed = read_dataset(data_);
    changed.vocab[3] = "five";
    write_dataset(data_, changed);
    expect_reason({"train"}, "its file has changed since the runs read it");
    std::ofstream(data_, std::ios::app) << "x";
    expect_reason({"train"}, "data.safetensors: ");
    json config = sample_config();
    write_run(folder_ / "wide", config.dump(), sample_record(0).dump() + "\n");
    expect_reason({"wide"}, "its vocabulary has 2000 words, and they are drawn up to 200");
    config["dataset"] = nullptr;
    config["command"] = 3;
    write_run(folder_ / "bare", config.dump(), sample_record(0).dump() + "\n");
    expect_reason({"bare"}, "names its file");
}

TEST_F(GramPictures, NameTheRunsWhoseResultIsMissingOrDoesNotFit) {
    std::filesystem::remove(folder_ / "train/result.safetensors");
    expect_reason({"train"}, "<bdi>train</bdi>: it has no result yet.");
    write("train", "train", {1, 2, 3, 4}, {1, 0, 0, 2, 1, 1, 0, 3, 0, 1});
    expect_reason({"train"}, "its W and H do not fit the data set.");
    write_raw(folder_ / "train/result.safetensors", "no tensors");
    expect_reason({"train"}, "No Gram matrices of <bdi>train</bdi>: ");
}

TEST_F(GramPictures, DrawEveryRunAndLimitAndSayWhatTheyLeaveOut) {
    std::vector<std::string> names;
    for (int i = 1; i <= 7; ++i) {
        names.push_back("run" + std::to_string(i));
        write(names.back(), "train", {2, 1, 0, 1, 1, 2, 1, 0}, {1, 0, 0, 2, 1, 1, 0, 3, 0, 1});
    }
    for (const char* limit : {"limit1", "limit2"}) {
        names.emplace_back(limit);
        write(limit, "limit", {1, 0, 1, 0, -1, 1, -1, -1}, {1, 0, 1, 1, 0, 1, 1, 1, 1, 1});
    }
    for (const std::string& name : names) {
        expect_contains(report_page(runs(names)), ">" + name + "</tspan>");
        expect_contains(standalone_figure(runs(names), "gram-words"), ">" + name + "</tspan>");
    }
    const std::vector<ntpgeo::Run> all = runs(names);
    DataSetFiles data_sets(all);
    const GramFigures grams = gram_figures(all, data_sets);
    EXPECT_EQ(grams.maps[0].panels.size(), 10U);  // with the proxy
    EXPECT_TRUE(grams.reasons.empty());

    write("snapshots", "analyze", {2, 1, 0, 1, 1, 2, 1, 0}, {1, 0, 0, 2, 1, 1, 0, 3, 0, 1});
    std::filesystem::remove(folder_ / "snapshots/result.safetensors");
    expect_reason({"run1", "snapshots"},
                  "No Gram matrices of <bdi>snapshots</bdi>: <code>analyze</code> keeps no W and H.");
    expect_contains(standalone_figure(runs({"run1", "snapshots"}), "gram-contexts"),
                    ">No Gram matrices of snapshots: analyze keeps no W and H.</text>");
    json config = sample_config();
    config["command"] = "path";
    config["dataset"] = {
        {"path", data_.string()}, {"hash", content_hash(read_dataset(data_))}, {"vocab_size", 4}};
    write_sample_path(folder_ / "path");
    std::ofstream(folder_ / "path/config.json") << config.dump();
    expect_reason({"run1", "path"}, "No Gram matrices of <bdi>path</bdi>: they are drawn of training runs");
}

TEST(HeatLevel, RisesEvenlyInTheRootOfTheMagnitudeUpToItsReach) {
    EXPECT_EQ(heat_level(0.0069, 1), 0);  // (1/12)² = 0.00694…
    EXPECT_EQ(heat_level(-0.0069, 1), 0);
    EXPECT_EQ(heat_level(0.007, 1), 1);
    EXPECT_EQ(heat_level(-0.2501, 1), -6);
    EXPECT_EQ(heat_level(0.72, 1), 10);
    EXPECT_EQ(heat_level(1, 1), 11);
    EXPECT_EQ(heat_level(0.72, 0.72), 11);
    EXPECT_EQ(heat_level(-0.72, 0.72), -11);
    EXPECT_EQ(heat_level(0.72, 0), 0);
}

TEST(HeatRange, IsThatOffTheDiagonal) {
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    const HeatRange range = heat_range({"G", "", {1, 0.72, -0.25, 0.72, 1, 0.5, -0.25, 0.5, 1}});
    EXPECT_EQ(range.least, -0.25);
    EXPECT_EQ(range.greatest, 0.72);
    EXPECT_EQ(range.reach(), 0.72);
    EXPECT_EQ(heat_range({"G", "", {1, nothing, 0.5, nothing, nothing, nothing, 0.5, nothing, 1}}).least,
              0.5);
    EXPECT_TRUE(std::isnan(heat_range({"G", "", {1}}).greatest));
    EXPECT_EQ(heat_range({"G", "", {1, 1e-12, 1e-12, 1}}).reach(), 0);  // rounding
}

/// The panel of these cosines.
std::string panel_of(const std::vector<double>& cosines) {
    HeatMap map;
    map.id = "g";
    map.panels = {{"G", "", cosines}};
    return draw_panel(map, 0).elements;
}

TEST(DrawPanel, HasABarThatEndsAtItsOwnRange) {
    const std::string narrow = panel_of({1, 0.72, -0.25, 0.72, 1, 0.5, -0.25, 0.5, 1});
    expect_contains(narrow, ">0.72</text>");
    expect_contains(narrow, ">−0.25</text>");
    expect_contains(narrow, ">0</text>");
    expect_contains(narrow, "class=\"fill-warm-11\"");
    EXPECT_EQ(narrow.find("fill-cool-8"), std::string::npos);  // the bar is no longer than the range
    const std::string wide = panel_of({1, 1, 0.72, 1, 1, 0.5, 0.72, 0.5, 1});
    expect_contains(wide, ">1</text>");
    expect_contains(wide, ">0.5</text>");
    expect_contains(wide, "class=\"warm-10\" d=\"M0 2.5h1\"");  // 0.72 is not drawn as 1 is
    expect_contains(wide, "class=\"warm-11\" d=\"M0 1.5h1\"");
    expect_contains(panel_of({1, 0, 0, 1}), "all cosines off the diagonal are 0");
    expect_contains(panel_of({1}), "no cosine off the diagonal");
}

TEST(DrawPanel, MergesEqualNeighboursAndMirrors) {
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    HeatMap map;
    map.id = "g";
    map.panels = {
        {"G",
         "",
         {1, 1, 1, nothing, 1, 1, 1, nothing, 1, 1, 1, nothing, nothing, nothing, nothing, nothing}}};
    const std::string elements = draw_panel(map, 0).elements;
    expect_contains(elements, "class=\"warm-11\" d=\"M0 1.5h1M0 2.5h2\"");
    expect_contains(elements, "class=\"diagonal\" d=\"M0 0.5h1M1 1.5h1M2 2.5h1\"");
    expect_contains(elements, "class=\"blank\" d=\"M0 3.5h4\"");
    EXPECT_NE(draw_heat_legend(map).elements.find("zero row"), std::string::npos);
    map.panels = {{"G", "", {1, 0, 0, 1}}};
    EXPECT_EQ(draw_heat_legend(map).elements.find("zero row"), std::string::npos);
}

}  // namespace
}  // namespace ntpgeo
