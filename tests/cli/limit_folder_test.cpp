// `train --limit` and `analyze --limit`: the figures against L_mm, and the folders that they refuse.
#include <gtest/gtest.h>

#include "host/files/checksum.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/safetensors.hpp"
#include "tests/limit_folders.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class LimitOption : public testing::Test {
  protected:
    void SetUp() override {
        data_ = make_tiny_dataset(folder_);
        limit_ = make_limit_folder(folder_ / "limit", data_);
    }

    [[nodiscard]] Arguments train(const std::string& name, const Arguments& more = {}) const {
        return Arguments{"train", data_, "-o", folder_ / name, "--dim", "4", "--steps", "20"} + more;
    }
    void expect_refused(const Arguments& arguments, const std::string& said) const {
        SCOPED_TRACE(said);
        const auto before = contents(folder_.path());
        expect_one_line(run_quickly(arguments), 2, said);
        EXPECT_EQ(contents(folder_.path()), before);
    }
    /// Expects that neither verb takes the folder `name`.
    void expect_folder_refused(const std::string& name, const std::string& said) const {
        const std::string matrix = folder_ / "limit/result.safetensors";
        expect_refused(train("new", {"--limit", folder_ / name}), said);
        expect_refused({"analyze", "--data", data_, "--words", matrix + ":W", "--contexts", matrix + ":H",
                        "--limit", folder_ / name},
                       said);
    }

    ScratchFolder folder_;
    std::string data_;
    fs::path limit_;
};

TEST_F(LimitOption, FillsTheRecordsAndChangesNothingElse) {
    const ProgramResult result = run_well(train("with", {"--limit", limit_}));
    expect_contains(result.out, "alignment, L_mm");
    run_well(train("without"));
    const auto with = records(folder_ / "with"), without = records(folder_ / "without");
    ASSERT_EQ(with.size(), without.size());
    for (std::size_t i = 0; i < with.size(); ++i) {
        const auto timeless = [](const Json& record) { return record.without("time_s").without("step_s"); };
        Json rest = timeless(with[i]), rest_without = timeless(without[i]);
        for (const char* key : {"alignment_limit", "words_gram_limit", "contexts_gram_limit"}) {
            EXPECT_TRUE(with[i][key].is_number()) << key;
            EXPECT_TRUE(without[i][key].is_null()) << key;
            rest = rest.without(key);
            rest_without = rest_without.without(key);
        }
        EXPECT_EQ(rest.dump(), rest_without.dump());
    }
    EXPECT_TRUE(read_file(folder_ / "with/result.safetensors") ==
                read_file(folder_ / "without/result.safetensors"));
    // The factors themselves are at 1.
    const std::string file = limit_ / "result.safetensors";
    const Json own = Json::parse(run_well({"analyze", "--data", data_, "--words", file + ":W", "--contexts",
                                           file + ":H", "--limit", limit_, "-o", folder_ / "kept"})
                                     .out);
    EXPECT_NEAR(own["words_gram_limit"].get<double>(), 1, 1e-12);
    EXPECT_NEAR(own["contexts_gram_limit"].get<double>(), 1, 1e-12);
    EXPECT_EQ(Json::parse(read_file(folder_ / "kept/config.json"))["limit"]["path"], limit_.string());
    const Json of_run = Json::parse(run_well({"analyze", folder_ / "with", "--limit", limit_}).out);
    EXPECT_EQ(of_run["alignment_limit"], with.back()["alignment_limit"]);
}

TEST_F(LimitOption, IsPartOfTheConfiguration) {
    run_well(train("run", {"--limit", limit_}));
    const fs::path run = folder_ / "run";
    const Json config = Json::parse(read_file(run / "config.json"));
    EXPECT_EQ(config["limit"]["path"], limit_.string());
    EXPECT_EQ(config["limit"]["hash"], file_hash(limit_ / "result.safetensors"));

    // Replayed, and cut off and resumed, it is the same run again.
    run_well({"train", "--config", run / "config.json", "-o", folder_ / "again"});
    expect_same_run(folder_ / "again", run);
    run_well(train("cut", {"--limit", limit_, "--checkpoint-every", "10", "--keep-checkpoints", "9"}));
    const fs::path cut = folder_ / "cut";
    fs::remove(cut / "result.safetensors");
    fs::remove(cut / "checkpoint-000000000020.safetensors");
    run_well({"train", data_, "-o", cut, "--resume"});
    expect_same_run(cut, run);
    // Another folder that holds the same limit is the same limit.
    fs::copy(limit_, folder_ / "copy");
    run_well({"train", data_, "-o", run, "--resume", "--limit", folder_ / "copy"});
    EXPECT_EQ(Json::parse(read_file(run / "config.json")), config);

    const fs::path other = make_limit_folder(folder_ / "other", data_, {.seed = 5});
    expect_refused({"train", data_, "-o", run, "--resume", "--limit", other}, "another setting of limit");
    expect_refused({"train", "-o", run, "--resume", "--dry-run", "--limit", other},
                   "another setting of limit");
    run_well({"train", "-o", run, "--resume", "--dry-run", "--limit", folder_ / "copy"});
    run_well(train("plain"));
    expect_refused({"train", data_, "-o", folder_ / "plain", "--resume", "--limit", limit_},
                   "another setting of limit");
    write_limit_result(limit_, read_dataset(data_), {.seed = 7});
    expect_refused({"train", data_, "-o", run, "--resume", "--steps", "30"},
                   "is not the limit that the run was begun with");
    expect_refused({"train", "--config", run / "config.json", "-o", folder_ / "new"},
                   "is not the limit that the run");
    // Named, the new one is taken.
    run_well({"train", "--config", run / "config.json", "-o", folder_ / "new", "--limit", limit_});
}

TEST_F(LimitOption, CountsInADryRun) {
    const auto metrics = [&](const Arguments& more) {
        const std::string out = run_well(train("new", Arguments{"--dry-run"} + more)).out;
        return out.substr(out.find("metrics"), 40);
    };
    make_limit_folder(folder_ / "wide", data_, {.words_rank = 19, .contexts_rank = 19, .sigma_rank = 19});
    EXPECT_NE(metrics({}), metrics({"--limit", folder_ / "wide"}));
    EXPECT_FALSE(fs::exists(folder_ / "new"));
    expect_refused(train("new", {"--dry-run", "--limit", folder_ / "missing"}), "holds no run");
}

TEST_F(LimitOption, FoldersThatAreNoLimitOfThisDataSet) {
    const auto make = [&](const std::string& name, const LimitFolder& made) {
        make_limit_folder(folder_ / name, data_, made);
    };
    make_limit_folder(folder_ / "foreign", make_tiny_dataset(folder_, "another", "1"));
    expect_folder_refused("foreign", "was made from another data set");
    expect_folder_refused("missing", "holds no run");
    expect_folder_refused("tiny", "holds no run");
    run_well(train("run"));
    expect_folder_refused("run", "holds a run of train; give the folder that ntpgeo limit made");
    make("path", {.command = "path"});
    expect_folder_refused("path", "holds a run of path");
    make("words", {.words_rows = 19});
    expect_folder_refused("words", "is of V = 19 and m = 60, but the data set has V = 20 and m = 60");
    make("contexts", {.contexts_rows = 61});
    expect_folder_refused("contexts", "m = 61");
    make("ranks", {.contexts_rank = 4});
    expect_folder_refused("ranks", "W has 3 columns and H 4, but sigma has 3 values");
    make("sigma", {.sigma_rank = 2});
    expect_folder_refused("sigma", "sigma has 2 values");
    make("infinite", {.value = std::numeric_limits<double>::infinity()});
    expect_folder_refused("infinite", "not finite");
    make("format", {.metadata = {}});
    expect_folder_refused("format", "ntpgeo.result.1");
    make("unfinished", {});
    fs::remove(folder_ / "unfinished/result.safetensors");
    expect_folder_refused("unfinished", "has no result yet; go on with it by ntpgeo limit --resume");
    make("damaged", {});
    write_raw(folder_ / "damaged/config.json", "[1, 2]");
    expect_folder_refused("damaged", "is not a JSON object");
    expect_refused(train("new", {"--limit", ""}), "the empty path");
    expect_refused(train("new", {"--limit"}), "--limit");
}

// Every support full: L_mm = 0, which a limit run may write with no columns at all.
TEST_F(LimitOption, OfRankZeroGivesNulls) {
    make_limit_folder(folder_ / "zero", data_, {.words_rank = 0, .contexts_rank = 0, .sigma_rank = 0});
    run_well(train("run", {"--limit", folder_ / "zero"}));
    for (const Json& record : records(folder_ / "run")) {
        EXPECT_TRUE(record["alignment_limit"].is_null());
        EXPECT_TRUE(record["words_gram_limit"].is_null());
    }
}

}  // namespace
}  // namespace ntpgeo
