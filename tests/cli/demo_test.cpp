// `ntpgeo demo`: the whole of it once, and what it may replace.
#include <gtest/gtest.h>

#include <regex>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

/// The text with a # for each number: in their last digits they are the machine's.
std::string without_numbers(const std::string& text) {
    return std::regex_replace(text, std::regex("-?[0-9][0-9.]*(e-?[0-9]+)?"), "#");
}

TEST(Demo, TellsWhatWasSeenAndReplacesNoFolderButItsOwn) {
    const ScratchFolder folder;
    const fs::path demo = folder / "demo";
    const ProgramResult result = run_well({"demo", "-o", demo});
    // stderr holds progress at most.
    std::istringstream messages(result.err);
    for (std::string line; std::getline(messages, line);)
        EXPECT_TRUE(line.starts_with("step ") || line.starts_with("point ") || line.starts_with("iteration "))
            << line;

    std::vector<std::string> lines;
    std::istringstream stream(result.out);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    const std::vector<std::string> wanted = {"",
                                             "contexts over",
                                             "the nuclear norm of L_mm is between",
                                             "is not L_mm: its nuclear norm is",
                                             "exact solutions down to lambda 1e-08",
                                             "and alignment 0.98",
                                             "excess loss from",
                                             "dominance grew from",
                                             "collapse went from",
                                             "alignment with L_mm rose from",
                                             "report: " + (demo / "report.html").string()};
    ASSERT_GT(lines.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
        expect_contains(lines[lines.size() - wanted.size() + i], wanted[i]);
    // README shows them, but for the first and the last.
    std::string shown = "```\n";
    for (std::size_t i = 1; i + 1 < wanted.size(); ++i)
        shown += lines[lines.size() - wanted.size() + i] + "\n";
    expect_contains(without_numbers(read_file(std::string(NTPGEO_SOURCE_DIR) + "/README.md")),
                    without_numbers(shown + "```\n"));

    // The claims of these lines, from the records.
    const Json limit = records(demo / "limit").back();
    EXPECT_LE(limit["relative_gap"].get<double>(), 1e-6);
    EXPECT_GT(limit["proxy_nuclear_norm"].get<double>(), 1.001 * limit["nuclear_norm"].get<double>());
    const std::vector<Json> path = records(demo / "path");
    ASSERT_EQ(path.size(), 7U);
    for (std::size_t k = 0; k < path.size(); ++k) {
        EXPECT_LE(path[k]["relative_gap"].get<double>(), 1e-6);
        EXPECT_LE(path[k]["rank"].get<std::int64_t>(), 128);  // the width of training
        if (k == 0) continue;
        for (const char* key : {"dominance", "alignment_limit"})
            EXPECT_GT(path[k][key].get<double>(), path[k - 1][key].get<double>()) << key << k;
    }
    const Json first = records(demo / "train").front(), last = records(demo / "train").back();
    EXPECT_LT(last["excess_loss"].get<double>(), 1e-3 * first["excess_loss"].get<double>());
    EXPECT_GT(last["dominance"].get<double>(), 2 * first["dominance"].get<double>());
    EXPECT_LT(last["collapse"].get<double>(), 0.1 * first["collapse"].get<double>());
    EXPECT_GT(last["alignment_limit"].get<double>(), 0.9);

    // The report holds the three on common axes, and every part that it has.
    const std::string page = read_file(demo / "report.html");
    for (const char* part : {"<h3>Where the logits are equally large</h3>", "<h2>Concepts</h2>", "gram-words",
                             "<h2>The limit <i>L</i><sub>mm</sub></h2>"})
        expect_contains(page, part);

    // What the user put among the first demo's files stops a second one before it has touched any.
    fs::create_directory(demo / "notes");
    write_raw(demo / "notes/file", "mine");
    write_raw(demo / "stray", "mine");
    for (const char* stray : {"train/checkpoint-best.safetensors", "limit/notes.txt"}) {
        write_raw(demo / stray, "mine");
        const auto before = contents(demo), trained = contents(demo / "train");
        expect_one_line(run_quickly({"demo", "-o", demo}), 2, stray);
        EXPECT_EQ(contents(demo), before);
        EXPECT_EQ(contents(demo / "train"), trained);
        fs::remove(demo / stray);
    }
    write_raw(demo / "report.html", "<p>mine</p>");
    expect_one_line(run_quickly({"demo", "-o", demo}), 2, "is no report");
    write_raw(demo / "report.html", page);

    // A second demo begins by removing what the first one made, and nothing else.
    RunningProgram second(on_one_thread({"demo", "-o", demo}));
    EXPECT_TRUE(second.wait_until(
        [&] { return !fs::exists(demo / "report.html") && fs::exists(demo / "path/config.json"); }));
    EXPECT_EQ(read_file(demo / "stray"), "mine");
    EXPECT_EQ(read_file(demo / "notes/file"), "mine");
    // Ctrl-C stops it as it stops any run.
    second.send(SIGINT);
    EXPECT_EQ(second.wait().status, 130);
    EXPECT_FALSE(names_beginning(demo / "path", "checkpoint-").empty());
    EXPECT_FALSE(fs::exists(demo / "train"));
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
