#include "host/report/concept_tables.hpp"

#include <gtest/gtest.h>

#include "host/files/dataset_file.hpp"
#include "host/files/safetensors.hpp"
#include "host/report/page.hpp"
#include "host/terminal/numbers.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/host/report/sample_runs.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

/// Six words; words 0 to 2 follow nine contexts, words 3 to 5 four, word 3 alone one. So S̃'s first direction
/// tells the first three from the last.
class ConceptPart : public ::testing::Test {
  protected:
    ConceptPart() {
        std::vector<std::vector<std::int32_t>> supports(9, {0, 1, 2});
        supports.insert(supports.end(), 4, {3, 4, 5});
        supports.push_back({3});
        std::vector<std::vector<double>> probs;
        for (const auto& support : supports)
            probs.emplace_back(support.size(), 1.0 / static_cast<double>(support.size()));
        dataset_ = make_dataset(6, supports, probs);
        dataset_.vocab = {"one", "<b>&", "tw o", "\xff", "five", "six"};
        write("data.safetensors");
    }
    void write(const std::string& name) { write_dataset(folder_ / name, dataset_); }

    /// A run on a data set with W = W̄ of one column and H = ones.
    ntpgeo::Run run(const std::string& name, const std::string& data = "data.safetensors") {
        nlohmann::json config = sample_config();
        const std::filesystem::path path = folder_ / data;
        config["dataset"] = {{"path", path.string()},
                             {"hash", content_hash(read_dataset(path))},
                             {"vocab_size", 6},
                             {"nnz", nnz_in_config_}};
        write_run(folder_ / name, config.dump(), sample_record(0).dump() + "\n");
        const std::vector<double> words = {3, 2, 1, -1, -2, -3},
                                  contexts(static_cast<std::size_t>(dataset_.contexts()), 1.0);
        write_safetensors(
            folder_ / name / "result.safetensors",
            {tensor_to_write("W", {6, 1}, words), tensor_to_write("H", {dataset_.contexts(), 1}, contexts)},
            {{"format", "ntpgeo.result.1"}});
        return read_runs({folder_ / name}).front();
    }
    static ConceptTables tables(const std::vector<ntpgeo::Run>& runs) {
        DataSetFiles data_sets(runs);
        return concept_tables(runs, data_sets);
    }
    void expect_left_out(const std::vector<ntpgeo::Run>& runs, const std::string& sentence) {
        const ConceptTables left = tables(runs);
        ASSERT_FALSE(left.reasons.empty());
        EXPECT_EQ(left.reasons.front(), sentence);
        EXPECT_EQ(left.html, "");
        const std::string page = report_page(runs);
        EXPECT_EQ(malformed(page), "");
        expect_contains(page, sentence);
    }

    ScratchFolder folder_;
    Dataset dataset_;
    std::int64_t nnz_in_config_ = 40;
};

/// A word as the page writes it.
std::string token(const std::string& escaped) {
    return "<span class=\"token\">" + escaped + "</span>";
}

TEST_F(ConceptPart, ShowsTheWordsAtBothEndsAndTheLargestClusters) {
    const std::vector<ntpgeo::Run> runs = {run("adam")};
    const ConceptTables concepts = tables(runs);
    EXPECT_TRUE(concepts.reasons.empty());
    const std::string &html = concepts.html, of_run = html.substr(html.find("<h3>W\u0304Hᵀ"));
    EXPECT_EQ(occurrences(html, "<table>"), 4U);  // two of S̃, two of the run
    // Of S̃ the first three words stand at one end, untold apart; 4 and 5 at the other before word 3.
    const std::string first = token("one") + " " + token("&lt;b&gt;&amp;") + " " + token("&#39;tw o&#39;");
    expect_contains(html, "<td class=\"text\">" + first + "</td>");
    // Of the run, W's own order; one pattern of signs for each half.
    expect_contains(of_run, "<th class=\"number\">1</th>");
    EXPECT_EQ(of_run.find("<th class=\"number\">2</th>"), std::string::npos);  // W has one column
    expect_contains(of_run, token("six") + " " + token("five"));
    expect_contains(of_run, "<code>+</code></th><td class=\"number\">3</td>");
    expect_contains(of_run, "<code>−</code></th><td class=\"number\">3</td>");
    expect_contains(of_run, "where <bdi>adam</bdi> ended");
    EXPECT_EQ(html.find("σ"), std::string::npos);  // which is of P_⊥(L) alone

    const std::string page = report_page(runs);
    EXPECT_EQ(malformed(page), "");
    const auto place = page.find("<h2>Concepts</h2>");
    EXPECT_LT(page.find("<h2>Figures</h2>"), place);
    EXPECT_LT(place, page.find("<h2>Notation</h2>"));
    EXPECT_EQ(page.find("<b>&"), std::string::npos);
    EXPECT_EQ(page.find('\xff'), std::string::npos);
}

TEST_F(ConceptPart, SetsWordsAtTheirNoiseAndThoseThatNeverFollowApart) {
    // "six" follows nothing any more; the run's W has one large coordinate on each side.
    dataset_ = make_dataset(6, {{0}, {0}, {1}, {2}, {3}, {4}, {4}}, {{1}, {1}, {1}, {1}, {1}, {1}, {1}});
    dataset_.vocab = {"one", "two", "three", "four", "five", "six"};
    write("data.safetensors");
    const ntpgeo::Run adam = run("adam");
    const std::vector<double> words = {9, 1, 0, -1, -9, 0}, contexts(7, 1.0);
    write_safetensors(folder_ / "adam/result.safetensors",
                      {tensor_to_write("W", {6, 1}, words), tensor_to_write("H", {7, 1}, contexts)},
                      {{"format", "ntpgeo.result.1"}});
    const std::string html = tables({adam}).html, of_run = html.substr(html.find("<h3>W\u0304Hᵀ"));
    expect_contains(of_run,
                    "<code>0</code></th><td class=\"number\">3</td><td class=\"text\">" + token("three"));
    expect_contains(of_run, "(3 of 3 patterns)");
    expect_contains(of_run,
                    "<th>never follow</th><td class=\"number\">1</td><td class=\"text\">" + token("six"));
    expect_contains(
        of_run, "<td class=\"text\">" + token("one") + "</td><td class=\"text\">" + token("five") + "</td>");
    EXPECT_EQ(occurrences(html, token("six")), 2U);  // of S̃ and of the run
}

TEST_F(ConceptPart, ReadsADataSetOnceForAllItsRunsAndNamesSeveral) {
    std::vector<ntpgeo::Run> runs;
    for (const char* name : {"a", "b", "c"}) runs.push_back(run(name));
    DataSetFiles data_sets(runs);
    ASSERT_EQ(data_sets.size(), 1U);
    const Dataset* const read = data_sets.read(0);
    std::filesystem::remove(folder_ / "data.safetensors");
    EXPECT_EQ(data_sets.read(0), read);
    const ConceptTables concepts = concept_tables(runs, data_sets);
    EXPECT_EQ(occurrences(concepts.html, "<h3>"), 4U);  // S̃ and three runs
    EXPECT_TRUE(concepts.reasons.empty());

    write("data.safetensors");
    dataset_.vocab[0] = "other";
    write("other.safetensors");
    expect_contains(tables({run("a"), run("d", "other.safetensors")}).html,
                    "<h3>S\u0303: <bdi>other</bdi></h3>");
}

TEST_F(ConceptPart, IsLeftOutWithASentence) {
    dataset_.vocab.clear();
    write("wordless.safetensors");
    expect_left_out({run("a", "wordless.safetensors")},
                    "No concepts of <bdi>wordless</bdi>: it does not know its words.");
    const ntpgeo::Run of_gone = run("b");
    write("data.safetensors");
    expect_left_out({of_gone},
                    "No concepts of <bdi>data</bdi>: its file has changed since the runs read it.");
    std::filesystem::resize_file(folder_ / "data.safetensors", 100);
    expect_contains(tables({of_gone}).reasons.front(), "data.safetensors: truncated");
    std::filesystem::remove(folder_ / "data.safetensors");
    expect_left_out({of_gone},
                    "No concepts of <bdi>data</bdi>: its file is gone from where the runs read it.");
    nnz_in_config_ = 2'000'001;
    expect_contains(tables({run("c", "wordless.safetensors")}).reasons.front(),
                    "more than " + count_text(2'000'000) + " entries");
}

TEST_F(ConceptPart, OfARunWhoseResultDoesNotFitIsLeftOutAlone) {
    const ntpgeo::Run broken = run("broken");
    write_raw(folder_ / "broken/result.safetensors", "no tensors");
    const ConceptTables concepts = tables({broken});
    EXPECT_EQ(occurrences(concepts.html, "<h3>"), 1U);
    ASSERT_EQ(concepts.reasons.size(), 1U);
    expect_contains(concepts.reasons[0], "No concepts of <bdi>broken</bdi>: ");
    // Every support full: S̃ is 0 and has no directions.
    dataset_ = make_dataset(2, {{0, 1}}, {{0.25, 0.75}});
    dataset_.vocab = {"a", "b"};
    write("full.safetensors");
    const ntpgeo::Run full = run("full", "full.safetensors");
    std::filesystem::remove(folder_ / "full/result.safetensors");
    EXPECT_EQ(tables({full}).html, "");
}

}  // namespace
}  // namespace ntpgeo
