#include "host/report/run_reader.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/host/report/sample_runs.hpp"

namespace ntpgeo {
namespace {

/// The message with which reading a run of these files is refused.
std::string refused_run(const std::string& metrics, const std::string& config = "{}") {
    const ScratchFolder folder;
    write_run(folder / "run", config, metrics);
    return refusal<InputError>([&] { read_run(folder / "run"); });
}

TEST(ReadRun, ReadsColumnsWithNullsAndMissingKeysAsNaN) {
    const ScratchFolder folder;
    write_run(
        folder / "run", "{}",
        R"({"step":0,"excess_loss":1.5,"dominance":null})"
        "\n"
        R"({"step":10,"dominance":2.0,"singular_values":[3.0,null],"gap_kind":"polar","other":{"a":[1]}})"
        "\n"
        R"({"step":20,"excess_loss":0.5,"dominance":3,"singular_values":[4.0,1.0]})"
        "\n");
    const ntpgeo::Run run = read_run(folder / "run");
    EXPECT_EQ(run.kind, RunKind::training);
    EXPECT_EQ(run.records, 3U);
    EXPECT_EQ(*run.column("step"), (std::vector<double>{0, 10, 20}));
    EXPECT_EQ(run.texts("gap_kind"), (std::vector<std::string>{"", "polar", ""}));
    const auto& excess = *run.column("excess_loss");
    EXPECT_EQ(excess[0], 1.5);
    EXPECT_TRUE(std::isnan(excess[1]));
    EXPECT_EQ(excess[2], 0.5);
    EXPECT_TRUE(std::isnan((*run.column("dominance"))[0]));
    const auto& values = run.array("singular_values");
    ASSERT_EQ(values.size(), 2U);
    EXPECT_TRUE(std::isnan(values[0][0]));
    EXPECT_EQ(values[0][1], 3.0);
    EXPECT_TRUE(std::isnan(values[1][1]));
    EXPECT_EQ(values[1][2], 1.0);
    EXPECT_EQ(run.column("collapse"), nullptr);
    EXPECT_TRUE(std::isnan(run.last("collapse")));
    EXPECT_EQ(run.last("dominance"), 3.0);
    EXPECT_FALSE(run.cut_tail);
}

TEST(ReadRun, DropsTheIncompleteTailOfAKilledRun) {
    const ScratchFolder folder;
    write_run(folder / "run", "{}", "{\"step\":0,\"dominance\":1}\n{\"step\":1,\"domin");
    const ntpgeo::Run run = read_run(folder / "run");
    EXPECT_EQ(run.records, 1U);
    EXPECT_TRUE(run.cut_tail);
}

TEST(ReadRun, TakesACompleteLastLineWithoutItsNewline) {
    const ScratchFolder folder;
    write_run(folder / "run", "{}", "{\"step\":0}\n{\"step\":1}");
    const ntpgeo::Run run = read_run(folder / "run");
    EXPECT_EQ(run.records, 2U);
    EXPECT_FALSE(run.cut_tail);
}

TEST(ReadRun, RefusesEveryOtherMalformedLineByFileAndLine) {
    expect_contains(refused_run("{\"step\":0}\n{\"step\":1,\"domin\n{\"step\":2}\n"),
                    "metrics.jsonl line 2: not a JSON object");
    expect_contains(refused_run("{\"step\":0}\n{\"step\":1,\"domin\n"), "line 2: not a JSON object");
    expect_contains(refused_run("{\"step\":0}\n\n{\"step\":1}\n"), "line 2: not a JSON object");
    expect_contains(refused_run("[0]\n"), "line 1: not a JSON object");
    expect_contains(refused_run("{\"step\":0,\"dominance\":NaN}\n"), "line 1: not a JSON object");
    expect_contains(refused_run("{\"step\":0,\"dominance\":\"2\"}\n"),
                    "line 1: \"dominance\" must be a number or null");
    expect_contains(refused_run("{\"step\":0,\"singular_values\":3}\n"),
                    "\"singular_values\" must be an array");
    expect_contains(refused_run("{\"dominance\":2}\n"), "line 1: no \"step\"");
    expect_contains(refused_run("{\"step\":-1}\n"), "\"step\" must be an integer, 0 or more");
    expect_contains(refused_run("{\"step\":0.5}\n"), "\"step\" must be an integer");
    expect_contains(refused_run("{\"step\":5}\n{\"step\":7}\n{\"step\":5}\n"),
                    "line 3: step 5 again (it is also in line 1)");
}

TEST(ReadRun, RefusesARunWithoutRecords) {
    expect_contains(refused_run(""), "holds no record");
    expect_contains(refused_run("{\"st"), "holds no record");
}

TEST(ReadRun, RefusesAConfigThatIsNoObject) {
    expect_contains(refused_run("{\"step\":0}\n", "[1]"), "config.json: not a JSON object");
    expect_contains(refused_run("{\"step\":0}\n", "{\"dim\":"), "config.json: not a JSON object");
}

TEST(ReadRun, RefusesWhatIsNoRunFolder) {
    const ScratchFolder folder;
    const auto message = [](const std::filesystem::path& path) {
        return refusal<InputError>([&] { read_run(path); });
    };
    expect_contains(message(folder / "missing"), "no such run folder");
    write_raw(folder / "file", "x");
    expect_contains(message(folder / "file"), "not a run folder but a file");
    expect_contains(message(folder.path()), "not a run folder (it has no config.json)");
    std::filesystem::create_directory(folder / "half");
    write_raw(folder / "half/config.json", "{}");
    expect_contains(message(folder / "half"), "it has no metrics.jsonl");
}

TEST(ReadRun, PutsRecordsInTheOrderOfTheirSteps) {
    const ScratchFolder folder;
    write_run(folder / "run", "{}",
              "{\"step\":100,\"dominance\":2,\"singular_values\":[5]}\n{\"step\":20,\"dominance\":1,"
              "\"singular_values\":[4]}\n");
    const ntpgeo::Run run = read_run(folder / "run");
    EXPECT_EQ(*run.column("step"), (std::vector<double>{20, 100}));
    EXPECT_EQ(*run.column("dominance"), (std::vector<double>{1, 2}));
    EXPECT_EQ(run.array("singular_values")[0], (std::vector<double>{4, 5}));
}

TEST(ReadRuns, TellsRunsOfOneNameApartByTheirFolders) {
    const ScratchFolder folder;
    for (const char* name : {"a/x/run", "b/x/run", "b/other"}) write_sample_run(folder.path() / name);
    const auto runs = read_runs({folder / "a/x/run/", folder / "b/x/run", folder / "b/../b/other"});
    EXPECT_EQ(runs[0].label, "a/x/run");
    EXPECT_EQ(runs[1].label, "b/x/run");
    EXPECT_EQ(runs[2].label, "other");
}

TEST(ReadRuns, RefusesARunGivenTwice) {
    const ScratchFolder folder;
    write_sample_run(folder.path() / "run");
    EXPECT_THROW(read_runs({folder / "run", folder / "run/"}), InputError);
}

}  // namespace
}  // namespace ntpgeo
