// The same contents under another name are the same data set, to every verb; and so they are to runs that
// were made before the hash was one of contents.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/files/checksum.hpp"
#include "host/files/dataset_file.hpp"
#include "host/report/data_sets.hpp"
#include "tests/limit_folders.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class SameContents : public testing::Test {
  protected:
    void SetUp() override {
        write_raw(folder_ / "a.txt", text);
        write_raw(folder_ / "b.txt", text);
        a_ = count("a");
        b_ = count("b");
        limit_ = make_limit_folder(folder_ / "limit", a_);
    }

    [[nodiscard]] std::string count(const std::string& name) const {
        const std::string data = folder_ / (name + ".safetensors");
        run_well({"data", "text", folder_ / (name + ".txt"), "-o", data, "--context", "1"});
        return data;
    }
    [[nodiscard]] std::string train(const std::string& name, const std::string& data,
                                    const Arguments& more = {}) const {
        run_well(Arguments{"train", data, "-o", folder_ / name, "--dim", "3", "--steps", "20"} + more);
        return folder_ / name;
    }
    [[nodiscard]] static Arguments snapshot(const std::string& run, const std::string& data,
                                            const std::string& step, const std::string& into) {
        return {"analyze", run, "--data", data, "--step", step, "-o", into};
    }
    /// Gives a run the hash that an earlier version wrote: that of the file's bytes.
    static void make_older(const fs::path& run, const std::string& data) {
        std::string config = read_file(run / "config.json");
        const std::string hash = content_hash(read_dataset(data));
        const std::size_t place = config.find(hash);
        ASSERT_NE(place, std::string::npos);
        write_raw(run / "config.json", config.replace(place, hash.size(), file_hash(data)));
    }

    /// To a report.
    static void expect_one_data_set(const std::vector<fs::path>& runs) {
        EXPECT_EQ(data_sets_of(read_runs(runs)).size(), 1U);
    }

    static constexpr const char* text = "the cat sat on the mat and the dog sat on the cat\n";
    ScratchFolder folder_;
    std::string a_, b_;
    fs::path limit_;
};

TEST_F(SameContents, UnderAnotherNameAreTheSameDataSet) {
    ASSERT_NE(file_hash(a_), file_hash(b_));  // by the names of the texts
    const std::string run = train("run", a_, {"--limit", limit_});
    const std::string other = train("other", b_, {"--limit", limit_});
    EXPECT_TRUE(read_file(run + "/result.safetensors") == read_file(other + "/result.safetensors"));
    expect_contains(run_well({"train", b_, "-o", run, "--resume"}).out, "finished already");
    run_well({"train", b_, "-o", run, "--resume", "--steps", "25"});
    run_well(snapshot(run, a_, "1", folder_ / "kept"));
    run_well(snapshot(run, b_, "2", folder_ / "kept"));
    EXPECT_EQ(recorded_steps(folder_ / "kept"), (std::vector<std::int64_t>{1, 2}));
    expect_one_data_set({run, other});
    fs::copy_file(b_, a_, fs::copy_options::overwrite_existing);
    run_well({"analyze", run});
}

TEST_F(SameContents, OfOtherCountsAreAnotherDataSet) {
    const std::string run = train("run", a_);
    write_raw(folder_ / "b.txt", std::string(text) + text);  // the same distributions, but for the join
    const std::string other = train("other", count("b"));
    expect_one_line(run_quickly({"train", b_, "-o", run, "--resume"}), 2, "another setting of the data set");
    EXPECT_EQ(data_sets_of(read_runs({run, other})).size(), 2U);
}

TEST_F(SameContents, ARunOfAnEarlierVersionKnowsItsDataSet) {
    make_older(limit_, a_);
    const std::string run = train("run", a_, {"--limit", limit_});
    run_well(snapshot(run, a_, "1", folder_ / "kept"));
    for (const char* name : {"run", "kept"}) make_older(folder_ / name, a_);
    run_well({"train", "-o", run, "--resume", "--steps", "25"});
    run_well({"train", "--config", folder_ / "kept/../run/config.json", "-o", folder_ / "again"});
    make_older(folder_ / "again", a_);
    run_well({"analyze", folder_ / "again"});
    run_well(snapshot(run, a_, "2", folder_ / "kept"));
    const std::string later = train("later", a_);
    expect_one_data_set({folder_ / "again", later});
    make_older(folder_ / "later", a_);
    expect_one_data_set({folder_ / "again", later});

    // Its hash is of bytes: under another name they are others.
    expect_one_line(run_quickly({"train", b_, "-o", folder_ / "again", "--resume"}), 2,
                    "another setting of the data set");
    fs::copy_file(b_, a_, fs::copy_options::overwrite_existing);
    expect_one_line(run_quickly({"analyze", folder_ / "again"}), 2, "has changed since the run was made");
}

}  // namespace
}  // namespace ntpgeo
