// What the user put somewhere stays: strays in run folders, files under the names of outputs, their modes.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

mode_t mode_of(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

TEST(UserFiles, OnlyOurOwnCheckpointsAreResumedFromAndDeleted) {
    const ScratchFolder folder;
    const std::string data = make_tiny_dataset(folder), run = folder / "run";
    run_well({"train", data, "-o", run, "--steps", "100", "--checkpoint-every", "50"});
    const std::string first = run + "/checkpoint-000000000050";
    const std::vector<std::string> strays = {run + "/checkpoint-best.safetensors",
                                             first + "-keep.safetensors",
                                             first + " (copy).safetensors",
                                             run + "/checkpoint-50.safetensors",
                                             first + "0.safetensors",
                                             first + ".safetensors.bak",
                                             run + "/checkpoint-00000000005a.safetensors",
                                             run + "/checkpoint-final.safetensors"};
    for (const std::string& stray : strays) fs::copy_file(first + ".safetensors", stray);
    fs::create_directory(run + "/checkpoint-999999999999.safetensors");
    run_well({"train", "-o", run, "--resume", "--steps", "300"});
    expect_contains(read_file(run + "/log.txt"), "training from step 100 ");
    for (const std::string& stray : strays) EXPECT_TRUE(fs::exists(stray)) << stray;
    // Of the run's own the two newest are left.
    EXPECT_FALSE(fs::exists(first + ".safetensors"));
    EXPECT_TRUE(fs::exists(run + "/checkpoint-000000000300.safetensors"));
    expect_contains(run_well({"analyze", run}).out, "\"step\":300");
}

TEST(UserFiles, ADamagedFileOfTheRunFolderIsSaidByName) {
    const ScratchFolder folder;
    const std::string data = make_tiny_dataset(folder), run = folder / "run", limit = folder / "limit";
    run_well({"train", data, "-o", run, "--steps", "100", "--checkpoint-every", "50"});
    run_well({"limit", data, "-o", limit});
    const auto damaged = [&](const std::string& file, const std::string& bytes, const Arguments& arguments) {
        SCOPED_TRACE(file);
        const std::string before = read_file(file);
        write_raw(file, bytes);
        expect_one_line(run_quickly(arguments), 2, file);
        write_raw(file, before);
    };
    for (const std::string& bytes :
         {std::string(), std::string("{"), std::string("[]"), std::string("\xff")}) {
        for (const Arguments& reader : {Arguments{"train", "-o", run, "--resume"},
                                        {"analyze", run},
                                        {"concepts", run},
                                        {"report", run, "-o", folder / "report.html"}})
            damaged(run + "/config.json", bytes, reader);
        damaged(limit + "/config.json", bytes, {"train", data, "-o", folder / "new", "--limit", limit});
    }
    damaged(run + "/config.json", "{}", {"analyze", run});
    damaged(run + "/metrics.jsonl", "broken\n", {"train", "-o", run, "--resume", "--steps", "200"});
    damaged(run + "/metrics.jsonl", "broken\n", {"report", run, "-o", folder / "report.html"});
    damaged(limit + "/result.safetensors", "broken", {"analyze", limit});
    run_well({"path", data, "-o", folder / "path", "--lambda", "1e-1:1e-2:1"});
    damaged(folder / "path/metrics.jsonl", "broken\n", {"path", "-o", folder / "path", "--resume"});
}

TEST(UserFiles, AReportReplacesNothingButAReport) {
    const ScratchFolder folder;
    const std::string run = folder / "run", out = folder / "out";
    run_well({"train", make_tiny_dataset(folder), "-o", run, "--steps", "20"});
    const Arguments page = {"report", run, "-o", out}, figure = page + Arguments{"--figure", "overview"};
    for (const char* mine :
         {"notes\n", "<!DOCTYPE html><title>mine</title>", "<svg xmlns=\"x\"><title>ntpgeo</title></svg>"}) {
        write_raw(out, mine);
        for (const Arguments& command : {page, figure}) {
            expect_one_line(run_quickly(command), 2, "is no report of ntpgeo");
            EXPECT_EQ(read_file(out), mine);
        }
    }
    write_raw(out, "");
    for (const Arguments& command : {page, figure, figure, page, page}) run_well(command);
    const std::string before = read_file(out);
    ASSERT_EQ(::chmod(out.c_str(), 0444), 0);
    expect_one_line(run_quickly(page), 2, "write-protected");
    ASSERT_EQ(::chmod(out.c_str(), 0600), 0);
    run_well(page);
    EXPECT_EQ(mode_of(out), 0600U);
    EXPECT_EQ(read_file(out), before);
    // The files of a run are none, whatever their names.
    for (const char* name : {"log.txt", "config.json", "result.safetensors"})
        EXPECT_EQ(run_quickly({"report", run, "-o", run + "/" + name}).status, 2);
}

TEST(UserFiles, ADataSetReplacesNothingButADataSet) {
    const ScratchFolder folder;
    const std::string out = folder / "out", text = folder / "text";
    write_raw(text, "one two three one two four\n");
    const std::vector<Arguments> makers = {{"data", "synth", "-o", out, "--vocab", "6", "--contexts", "9"},
                                           {"data", "stories", "-o", out, "--stories", "30"},
                                           {"data", "text", text, "-o", out}};
    for (const Arguments& maker : makers) {
        write_raw(out, "my notes about ntpgeo.dataset.1\n");
        expect_one_line(run_quickly(maker), 2, "is no data set");
        EXPECT_EQ(read_file(out), "my notes about ntpgeo.dataset.1\n");
        write_raw(out, "");
        run_well(maker);
    }
    for (const Arguments& maker : makers) run_well(maker);
    // A damaged data set is one, too.
    write_raw(out, read_file(out).substr(0, 300));
    fs::create_symlink("out", folder / "link");
    ASSERT_EQ(::chmod(out.c_str(), 0600), 0);
    run_well({"data", "text", text, "-o", folder / "link"});
    EXPECT_EQ(mode_of(out), 0600U);
    EXPECT_TRUE(fs::is_symlink(folder / "link"));
    ASSERT_EQ(::chmod(out.c_str(), 0444), 0);
    const std::string before = read_file(out);
    for (const Arguments& maker : makers) expect_one_line(run_quickly(maker), 2, "write-protected");
    expect_one_line(run_quickly({"data", "text", text, "-o", folder / "link"}), 2, "write-protected");
    EXPECT_EQ(read_file(out), before);
}

TEST(UserFiles, ARunKeepsTheModesOfItsFolderAndItsFiles) {
    const ScratchFolder folder;
    const std::string data = make_tiny_dataset(folder), run = folder / "run";
    fs::create_directory(run);
    ASSERT_EQ(::chmod(run.c_str(), 0700), 0);
    run_well({"train", data, "-o", run, "--steps", "20"});
    EXPECT_EQ(mode_of(run), 0700U);
    for (const char* name : {"config.json", "metrics.jsonl", "log.txt", "result.safetensors"})
        ASSERT_EQ(::chmod((run + "/" + name).c_str(), 0600), 0);
    run_well({"train", "-o", run, "--resume", "--steps", "40"});
    for (const char* name : {"config.json", "metrics.jsonl", "log.txt", "result.safetensors"})
        EXPECT_EQ(mode_of(run + "/" + name), 0600U) << name;
}

TEST(UserFiles, KilledWritersLeaveNothing) {
    const ScratchFolder folder;
    const std::string out = folder / "out";
    fs::create_directory(out);
    std::string text;
    for (int i = 0; i < 200000; ++i) text += "w" + std::to_string(i % 20011 * 7919 % 20011) + ' ';
    write_raw(folder / "text", text);
    for (int kill = 0; kill < 6; ++kill) {
        RunningProgram writer(on_one_thread({"data", "text", folder / "text", "-o", out + "/ds"}));
        std::this_thread::sleep_for(std::chrono::milliseconds(60 * kill));
        writer.send(kill % 2 == 0 ? SIGKILL : SIGINT);
        writer.wait();
        EXPECT_TRUE(names_beginning(out, ".ntpgeo").empty());
    }
    // What earlier versions or other file systems left goes with the next command there.
    write_raw(out + "/.ntpgeo-999999999-1.tmp", "half a data set");
    fs::create_directory(out + "/.ntpgeo-run-999999999-0");
    write_raw(out + "/.ntpgeo-1-notes.tmp", "mine");
    run_well({"data", "text", folder / "text", "-o", out + "/ds"});
    EXPECT_EQ(names_beginning(out, ".ntpgeo"), std::vector<std::string>{".ntpgeo-1-notes.tmp"});
}

}  // namespace
}  // namespace ntpgeo
