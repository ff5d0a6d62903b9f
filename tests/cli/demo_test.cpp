// `ntpgeo demo`: the whole of it once, and what it may replace.
#include <gtest/gtest.h>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

TEST(Demo, TellsWhatWasSeenAndReplacesNoFolderButItsOwn) {
    const ScratchFolder folder;
    const fs::path demo = folder / "demo";
    const ProgramResult result = run_well({"demo", "-o", demo});
    // stderr holds progress at most.
    std::istringstream messages(result.err);
    for (std::string line; std::getline(messages, line);) EXPECT_TRUE(line.starts_with("step ")) << line;

    std::vector<std::string> lines;
    std::istringstream stream(result.out);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    ASSERT_GT(lines.size(), 6U);
    const std::vector<std::string> told(lines.end() - 5, lines.end());
    EXPECT_EQ(*(lines.end() - 6), "");
    expect_contains(told[0], "contexts over");
    expect_contains(told[1], "excess loss fell from");
    expect_contains(told[2], "dominance grew from");
    expect_contains(told[3], "collapse went from");
    EXPECT_EQ(told[4], "report: " + (demo / "report.html").string());
    expect_contains(read_file(demo / "report.html"), "<svg");

    // The claims of the lines above, from the records.
    const Json first = records(demo / "train").front(), last = records(demo / "train").back();
    EXPECT_LT(last["excess_loss"].get<double>(), 1e-3 * first["excess_loss"].get<double>());
    EXPECT_GT(last["dominance"].get<double>(), 2 * first["dominance"].get<double>());
    EXPECT_LT(last["collapse"].get<double>(), 0.1 * first["collapse"].get<double>());

    // A second demo begins by emptying the folder of the first.
    write_raw(demo / "stray", "old");
    RunningProgram second(on_one_thread({"demo", "-o", demo}));
    EXPECT_TRUE(second.wait_until(
        [&] { return !fs::exists(demo / "stray") && fs::exists(demo / "train/config.json"); }));
    EXPECT_FALSE(fs::exists(demo / "report.html"));
    // Ctrl-C stops it as it stops any training.
    EXPECT_TRUE(second.wait_until([&] { return fs::exists(demo / "train/metrics.jsonl"); }));
    second.send(SIGINT);
    EXPECT_EQ(second.wait().status, 130);
    EXPECT_FALSE(names_beginning(demo / "train", "checkpoint-").empty());
}

TEST(Demo, RefusesAnyOtherFolder) {
    const ScratchFolder folder;
    fs::create_directory(folder / "mine");
    write_raw(folder / "mine/file", "mine\n");
    write_raw(folder / "file", "mine\n");
    const auto before = contents(folder.path()), mine = contents(folder / "mine");
    expect_one_line(run_quickly({"demo", "-o", folder / "mine"}), 2, "is no earlier demo");
    expect_one_line(run_quickly({"demo", "-o", folder / "file"}), 2, "is no earlier demo");
    expect_one_line(run_quickly({"demo", "-o", folder / "missing/demo"}), 2, "cannot be made");
    expect_one_line(run_quickly({"demo", "-o", ""}), 2, "empty path");
    expect_one_line(run_quickly({"demo", "--colour"}), 2, "--colour");
    EXPECT_EQ(contents(folder.path()), before);
    EXPECT_EQ(contents(folder / "mine"), mine);
}

}  // namespace
}  // namespace ntpgeo
