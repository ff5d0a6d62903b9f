// Exit status 2 for every fault of a path, for the slower of two starts, and none for who reads a run at
// work.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

/// The command line of a user who may not do everything, where the tests run as one who may.
Arguments without_privileges(const Arguments& arguments) {
    if (::geteuid() != 0) return on_one_thread(arguments);
    return Arguments{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"} +
           on_one_thread(arguments);
}

class PathFaults : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::chmod(folder_.path().c_str(), 0755), 0);
        ASSERT_EQ(::chmod(data_.c_str(), 0644), 0);
    }
    /// Every verb that writes, with `output` to write.
    [[nodiscard]] std::vector<Arguments> writers(const std::string& output) const {
        return {{"train", data_, "-o", output, "--steps", "1"},
                {"limit", data_, "-o", output},
                {"path", data_, "-o", output, "--lambda", "1e-1:1e-2:1"},
                {"analyze", run_, "-o", output},
                {"report", run_, "-o", output},
                {"data", "synth", "-o", output, "--vocab", "5"},
                {"demo", "-o", output}};
    }

    ScratchFolder folder_;
    std::string data_ = make_tiny_dataset(folder_), run_ = folder_ / "run";
};

TEST_F(PathFaults, TooLongNamesAreWrongInput) {
    run_well({"train", data_, "-o", run_, "--steps", "5"});
    const std::size_t before = folder_.names().size();
    std::string deep = folder_.path();
    while (deep.size() < 5000) deep.append("/").append(200, 'q');
    for (const char* behind : {"", "/x"})
        for (const Arguments& writer : writers((folder_ / std::string(300, 'q')).string().append(behind)))
            expect_one_line(run_quickly(writer), 2, "File name too long");
    for (const Arguments& writer : writers(deep)) EXPECT_EQ(run_quickly(writer).status, 2) << writer[0];
    for (const Arguments& reader : {Arguments{"train", deep, "-o", folder_ / "new"},
                                    {"analyze", deep},
                                    {"concepts", deep},
                                    {"report", deep, "-o", folder_ / "new"},
                                    {"data", "info", deep},
                                    {"train", data_, "-o", folder_ / "new", "--limit", deep},
                                    {"train", data_, "-o", folder_ / "new", "--config", deep},
                                    {"train", data_, "-o", deep, "--resume"}})
        EXPECT_EQ(run_quickly(reader).status, 2) << reader[0];
    EXPECT_EQ(folder_.names().size(), before);
}

TEST_F(PathFaults, WhatMayNotBeTouchedIsWrongInput) {
    if (::geteuid() == 0 && run_program({"setpriv", "--version"}).status != 0) GTEST_SKIP() << "no setpriv";
    if (run_program(without_privileges({"--version"})).status != 0)
        GTEST_SKIP() << "the program is closed to others";
    run_well({"train", data_, "-o", run_, "--steps", "5"});
    fs::create_directory(folder_ / "closed");
    ASSERT_EQ(::chmod((folder_ / "closed").c_str(), 0555), 0);
    for (const Arguments& writer : writers(folder_ / "closed/out")) {
        SCOPED_TRACE(writer[0]);
        expect_one_line(run_program(without_privileges(writer)), 2, "Permission denied");
    }
    // A run whose log, records or folder may not be written.
    const Arguments more = {"train", "-o", run_, "--resume", "--steps", "9"};
    expect_one_line(run_program(without_privileges(more)), 2, "Permission denied");
    ASSERT_EQ(::chmod(run_.c_str(), 0777), 0);
    expect_one_line(run_program(without_privileges(more)), 2, "log.txt");
    ASSERT_EQ(::chmod((run_ + "/log.txt").c_str(), 0666), 0);
    expect_one_line(run_program(without_privileges(more)), 2, "write-protected");
    ASSERT_EQ(::chmod((folder_ / "closed").c_str(), 0000), 0);
    for (const Arguments& reader : {Arguments{"train", folder_ / "closed/x", "-o", folder_ / "new"},
                                    {"analyze", folder_ / "closed/x"},
                                    {"report", folder_ / "closed/x", "-o", "x"},
                                    {"train", data_, "-o", folder_ / "closed/x", "--resume"}})
        EXPECT_EQ(run_program(without_privileges(reader)).status, 2) << reader[0];
    ASSERT_EQ(::chmod((folder_ / "closed").c_str(), 0755), 0);
}

TEST_F(PathFaults, TheSlowerOfTwoStartsIsToldSo) {
    for (int attempt = 0; attempt < 8; ++attempt) {
        const std::string output = folder_ / ("race" + std::to_string(attempt));
        if (attempt % 2 == 1) fs::create_directory(output);  // an empty folder is another way to begin
        const Arguments start = {"train", data_, "-o", output, "--steps", "2"};
        RunningProgram first(on_one_thread(start)), second(on_one_thread(start)), third(on_one_thread(start));
        int done = 0;
        for (RunningProgram* one : {&first, &second, &third}) {
            const ProgramResult result = one->wait();
            done += result.status == 0 ? 1 : 0;
            if (result.status != 0) {
                EXPECT_EQ(result.status, 2) << result.err;
                EXPECT_TRUE(result.err.find("another run") != std::string::npos ||
                            result.err.find("another process") != std::string::npos)
                    << result.err;
            }
        }
        EXPECT_EQ(done, 1);
        EXPECT_TRUE(names_beginning(folder_.path(), ".ntpgeo").empty());
    }
}

TEST_F(PathFaults, ARunAtWorkCanAlwaysBeRead) {
    RunningProgram writer(
        on_one_thread({"train", data_, "-o", run_, "--steps", "100000000", "--checkpoint-every", "1",
                       "--keep-checkpoints", "1", "--metrics-every", "1000"}));
    ASSERT_TRUE(writer.wait_until([&] { return !names_beginning(run_, "checkpoint-").empty(); }));
    for (int i = 0; i < 25; ++i) {
        run_well({"analyze", run_});
        run_well({"concepts", run_});
        if (i % 5 == 0) run_well({"report", run_, "-o", folder_ / "report.html"});
    }
    EXPECT_FALSE(writer.ended());
}

}  // namespace
}  // namespace ntpgeo
