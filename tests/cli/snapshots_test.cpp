// `analyze --step`: snapshots of a network make a run.
#include <gtest/gtest.h>

#include "tests/limit_folders.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class Snapshots : public testing::Test {
  protected:
    void SetUp() override {
        data_ = make_tiny_dataset(folder_);
        for (const int steps : {10, 30}) {
            const std::string name = "run" + std::to_string(steps);
            run_well({"train", data_, "-o", folder_ / name, "--dim", std::to_string(4 + steps / 10),
                      "--steps", std::to_string(steps)});
        }
    }

    /// The matrices of a run as somebody else's, at a step.
    [[nodiscard]] Arguments snapshot(const std::string& name, const std::string& step,
                                     const Arguments& more = {}) const {
        const std::string file = folder_ / (name + "/result.safetensors");
        return Arguments{"analyze",   "--data", data_, "--words", file + ":W", "--contexts",
                         file + ":H", "--step", step,  "-o",      kept()} +
               more;
    }
    [[nodiscard]] fs::path kept() const { return folder_ / "kept"; }
    void expect_refused(const Arguments& arguments, const std::string& said) const {
        SCOPED_TRACE(said);
        const auto before = contents(folder_.path());
        const auto kept_before = fs::exists(kept()) ? contents(kept()) : std::map<std::string, std::string>{};
        expect_one_line(run_quickly(arguments), 2, said);
        EXPECT_EQ(contents(folder_.path()), before);
        if (fs::exists(kept())) {
            EXPECT_EQ(contents(kept()), kept_before);
        }
    }

    ScratchFolder folder_;
    std::string data_;
};

TEST_F(Snapshots, MakeARunThatReportDrawsOverATrainingRun) {
    const Json first = Json::parse(run_well(snapshot("run10", "0")).out);
    const std::string config = read_file(kept() / "config.json");
    const Json second = Json::parse(run_well(snapshot("run30", "1000")).out);  // of another d
    const Json third =
        Json::parse(run_well({"analyze", folder_ / "run30", "--step", "2000", "-o", kept()}).out);
    EXPECT_EQ(recorded_steps(kept()), (std::vector<std::int64_t>{0, 1000, 2000}));
    EXPECT_EQ(read_file(kept() / "metrics.jsonl"),
              first.dump() + "\n" + second.dump() + "\n" + third.dump() + "\n");
    EXPECT_EQ(read_file(kept() / "config.json"), config);
    EXPECT_EQ(first["excess_loss"], records(folder_ / "run10").back()["excess_loss"]);
    EXPECT_EQ(third["excess_loss"], records(folder_ / "run30").back()["excess_loss"]);
    run_well({"report", kept(), folder_ / "run30", "-o", folder_ / "report.html"});
    expect_contains(read_file(folder_ / "report.html"), "kept");
}

// What was measured stays, in the precision that it came in, for as many steps as were asked for; and is read
// again as it was.
TEST_F(Snapshots, KeepTheirMatricesWhereThatIsAsked) {
    const auto names = [&] {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(kept()))
            if (const std::string name = entry.path().filename(); name.starts_with("snapshot-"))
                found.push_back(name);
        std::sort(found.begin(), found.end());
        return found;
    };
    using Names = std::vector<std::string>;
    const Json first = Json::parse(run_well(snapshot("run10", "0", {"--keep", "all"})).out);
    run_well(snapshot("run30", "5"));
    run_well(snapshot("run30", "7", {"--keep", "2"}));
    EXPECT_EQ(names(), (Names{"snapshot-000000000000.safetensors", "snapshot-000000000007.safetensors"}));
    const std::string oldest = kept() / "snapshot-000000000000.safetensors";
    const Json again = Json::parse(
        run_well({"analyze", "--data", data_, "--words", oldest + ":W", "--contexts", oldest + ":H"}).out);
    EXPECT_EQ(again["excess_loss"], first["excess_loss"]);
    EXPECT_EQ(again["dominance"], first["dominance"]);
    write_raw(kept() / "snapshot-12.safetensors", "the user's");
    run_well(snapshot("run30", "9", {"--keep", "last"}));
    EXPECT_EQ(names(), (Names{"snapshot-000000000009.safetensors", "snapshot-12.safetensors"}));
    EXPECT_EQ(recorded_steps(kept()), (std::vector<std::int64_t>{0, 5, 7, 9}));
}

TEST_F(Snapshots, KeptAreInFp32WhereThatHasAllTheirDigits) {
    // W [20, 2] and H [60, 2] of small whole numbers, in .npy of fp64.
    const auto write_npy = [&](const std::string& name, int rows) {
        std::string header =
            "{'descr': '<f8', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", 2), }";
        header.resize(117, ' ');
        std::string bytes = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n";
        for (int i = 0; i < 2 * rows; ++i) {
            const double x = i % 7;
            bytes.append(reinterpret_cast<const char*>(&x), sizeof x);
        }
        write_raw(folder_ / name, bytes);
    };
    write_npy("W.npy", 20);
    write_npy("H.npy", 60);
    run_well({"analyze", "--data", data_, "--words", folder_ / "W.npy", "--contexts", folder_ / "H.npy", "-o",
              kept(), "--keep", "all"});
    run_well(snapshot("run10", "1", {"--keep", "all"}));
    expect_contains(read_file(kept() / "snapshot-000000000000.safetensors"),
                    R"("dtype":"F32","shape":[20,2])");
    expect_contains(read_file(kept() / "snapshot-000000000001.safetensors"),
                    R"("dtype":"F64","shape":[60,5])");
}

TEST_F(Snapshots, ToKeepNeedsAFolderAndANumber) {
    const std::string file = folder_ / "run10/result.safetensors";
    expect_refused(
        {"analyze", "--data", data_, "--words", file + ":W", "--contexts", file + ":H", "--keep", "all"},
        "--keep keeps W and H in a folder; name it: -o RUN");
    for (const char* const wrong : {"0", "-1", "1.5", "some", ""})
        expect_refused(snapshot("run10", "1", {"--keep", wrong}), "must be all, last, or a number >= 1");
}

TEST_F(Snapshots, ATornLastLineIsDropped) {
    run_well(snapshot("run10", "1"));
    const std::string whole = read_file(kept() / "metrics.jsonl");
    write_raw(kept() / "metrics.jsonl", whole + "{\"step\": 5, \"exc");
    run_well(snapshot("run30", "5"));
    EXPECT_EQ(recorded_steps(kept()), (std::vector<std::int64_t>{1, 5}));
    EXPECT_TRUE(read_file(kept() / "metrics.jsonl").starts_with(whole));
}

TEST_F(Snapshots, WhatDoesNotBelongToTheRunIsRefused) {
    run_well(snapshot("run10", "100"));
    expect_refused(snapshot("run30", "100"),
                   "has a record of step 100 already; steps must rise, and 100 does not");
    expect_refused(snapshot("run30", "7"), "steps must rise, and 7 does not");
    expect_refused(snapshot("run30", "-1"), "--step");
    expect_refused(snapshot("run30", "1.5"), "--step");
    const std::string other = make_tiny_dataset(folder_, "other", "1");
    expect_refused({"analyze", folder_ / "run30", "--data", other, "--step", "200", "-o", kept()},
                   "was begun with another data set");
    expect_refused({"analyze", folder_ / "run30", "--step", "200", "-o", folder_ / "run10"},
                   "holds a run of train; --step adds to what analyze made");
    expect_refused({"analyze", folder_ / "run30", "--step", "200"}, "--step adds a record to a folder");
    expect_refused({"analyze", folder_ / "run30", "-o", kept()}, "another run");
    write_raw(kept() / "config.json", "{}");
    expect_refused(snapshot("run30", "200"), "holds a run of train");
}

TEST_F(Snapshots, KeepTheLimitThatTheyBeganWith) {
    const fs::path limit = make_limit_folder(folder_ / "limit", data_);
    run_well(snapshot("run10", "1", {"--limit", limit}));
    run_well(snapshot("run30", "2"));
    fs::copy(limit, folder_ / "copy");
    run_well(snapshot("run30", "3", {"--limit", folder_ / "copy"}));
    for (const Json& record : records(kept())) EXPECT_TRUE(record["alignment_limit"].is_number());
    make_limit_folder(folder_ / "second", data_, {.seed = 9});
    expect_refused(snapshot("run30", "4", {"--limit", folder_ / "second"}),
                   "is not the limit that the run was begun with");
    fs::remove_all(kept());
    run_well(snapshot("run10", "1"));
    expect_refused(snapshot("run30", "2", {"--limit", limit}), "was begun without --limit");
}

}  // namespace
}  // namespace ntpgeo
