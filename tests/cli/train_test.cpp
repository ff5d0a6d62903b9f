// `ntpgeo train` as a person runs it: what it writes, that it learns, and that it repeats itself bit for bit.
#include <gtest/gtest.h>

#include <cmath>

#include "host/files/safetensors.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class Train : public testing::Test {
  protected:
    /// Trains into `name` at d = 8 and returns the run's folder.
    fs::path train(const std::string& name, const Arguments& options) {
        last_ = run_well(Arguments{"train", data_, "-o", folder_ / name, "--dim", "8"} + options);
        return folder_ / name;
    }
    static Json config(const fs::path& run) { return Json::parse(read_file(run / "config.json")); }
    static std::string result(const fs::path& run) { return read_file(run / "result.safetensors"); }

    ScratchFolder folder_;
    std::string data_ = make_tiny_dataset(folder_);
    ProgramResult last_;
};

TEST_F(Train, WritesTheRunFolder) {
    const fs::path run = train("run", {"--steps", "30", "--seed", "3"});
    std::vector<std::string> names;
    for (const auto& [name, bytes] : contents(run)) names.push_back(name);
    EXPECT_EQ(names, (std::vector<std::string>{"checkpoint-000000000030.safetensors", "config.json",
                                               "log.txt", "metrics.jsonl", "result.safetensors"}));
    const SafetensorsFile file(run / "result.safetensors");
    EXPECT_EQ(file.tensors().size(), 2U);
    EXPECT_EQ(file.find("W").shape, (std::vector<std::int64_t>{20, 8}));
    EXPECT_EQ(file.find("H").shape, (std::vector<std::int64_t>{60, 8}));
    EXPECT_EQ(file.find("W").dtype, "F64");
    EXPECT_FALSE(read_file(run / "log.txt").empty());
    EXPECT_EQ(last_.err, "");
    expect_contains(last_.out, "excess loss");
    expect_contains(last_.out, run.string());
}

TEST_F(Train, TheConfigurationHasEverythingResolved) {
    const Json json = config(train("run", {"--steps", "30", "--lr-schedule", "cosine", "--warmup", "5"}));
    EXPECT_EQ(json["dataset"]["path"], data_);
    EXPECT_FALSE(json["dataset"]["hash"].get<std::string>().empty());
    EXPECT_EQ(json["device"], "cpu");
    EXPECT_EQ(json["metrics_every"], "log:20");
    EXPECT_TRUE(json.contains("versions"));
    const Json& stage = json["stages"][0];
    EXPECT_EQ(stage["precision"], "fp64");
    EXPECT_EQ(stage["kernel"], "plain");
    EXPECT_EQ(stage["optimizer"], "adam");
    EXPECT_EQ(stage["lr_schedule"], "cosine");
    EXPECT_EQ(stage["warmup"], 5);
    EXPECT_EQ(stage["steps"], 30);
}

TEST_F(Train, ARecordHasEveryKeyAndNullWhereNothingExists) {
    const std::vector<Json> all = records(train("run", {"--steps", "10"}));
    for (const Json& record : all) {
        for (const char* key : {"step",
                                "time_s",
                                "lambda",
                                "loss",
                                "entropy",
                                "excess_loss",
                                "off_support_mass",
                                "grad_norm",
                                "words_norm",
                                "contexts_norm",
                                "sparse_norm",
                                "low_rank_norm",
                                "dominance",
                                "in_support_error",
                                "alignment_proxy",
                                "min_margin",
                                "collapse",
                                "class_cosine",
                                "stable_rank",
                                "words_gram_proxy",
                                "contexts_gram_proxy"})
            EXPECT_TRUE(record.contains(key) && record[key].is_number()) << key;
        for (const char* key :
             {"alignment_limit", "words_gram_limit", "contexts_gram_limit", "relative_gap", "gap_kind"})
            EXPECT_TRUE(record.contains(key) && record[key].is_null()) << key;
        EXPECT_EQ(record["singular_values"].size(), 16U);
        EXPECT_EQ(record["metrics_precision"], "fp64");
        EXPECT_EQ(record["step_s"].is_number(), record["step"] > 0) << record;
        EXPECT_NEAR(record["loss"], record["entropy"].get<double>() + record["excess_loss"].get<double>(),
                    1e-12);
    }
}

TEST_F(Train, FiguresThatDoNotExistAreNull) {
    // One word follows each context (no sparse part) and no two contexts share it (no class).
    const std::string path = folder_ / "lonely";
    run_well({"data", "synth", "-o", path, "--vocab", "5", "--contexts", "5", "--supports", "5",
              "--support-size", "1"});
    const fs::path run = folder_ / "run";
    run_well({"train", path, "-o", run, "--steps", "3", "--dim", "2"});
    for (const Json& record : records(run))
        for (const char* key : {"in_support_error", "dominance", "collapse", "class_cosine"})
            EXPECT_TRUE(record[key].is_null()) << key << record[key];
}

TEST_F(Train, RecordsAtStepZeroAtTheCadenceAndAtTheEnd) {
    EXPECT_EQ(recorded_steps(train("even", {"--steps", "25", "--metrics-every", "10"})),
              (std::vector<std::int64_t>{0, 10, 20, 25}));
    EXPECT_EQ(recorded_steps(train("once", {"--steps", "20", "--metrics-every", "10"})),
              (std::vector<std::int64_t>{0, 10, 20}));
    EXPECT_EQ(recorded_steps(train("log", {"--steps", "1100", "--metrics-every", "log:2"})),
              (std::vector<std::int64_t>{0, 1, 3, 10, 32, 100, 316, 1000, 1100}));
}

TEST_F(Train, NoStepsAtAllMeasureTheStart) {
    const fs::path run = train("run", {"--steps", "0"});
    EXPECT_EQ(recorded_steps(run), (std::vector<std::int64_t>{0}));
    EXPECT_TRUE(fs::exists(run / "result.safetensors"));
}

TEST_F(Train, TheLastRecordBelongsToTheResult) {
    for (const Arguments& options :
         {Arguments{}, Arguments{"--lambda", "1e-2:1e-4"}, Arguments{"--optimizer", "lbfgs"}}) {
        const fs::path run = folder_ / "run";
        fs::remove_all(run);
        train("run", Arguments{"--steps", "50", "--metrics-every", "7"} + options);
        const auto figures_of = [](const Json& record) {
            return record.without("time_s").without("step_s").without("precision").dump();
        };
        EXPECT_EQ(figures_of(Json::parse(run_well({"analyze", run}).out)), figures_of(records(run).back()));
    }
}

TEST_F(Train, EveryOptimizerLowersTheExcessLoss) {
    for (const Arguments& options :
         {Arguments{"gd", "--lr", "1", "--steps", "500"}, Arguments{"adam", "--steps", "500"},
          Arguments{"lbfgs", "--steps", "50"}}) {
        const fs::path run = train(options[0], Arguments{"--optimizer"} + options);
        const std::vector<Json> all = records(run);
        EXPECT_LT(all.back()["excess_loss"].get<double>(), 0.05 * all.front()["excess_loss"].get<double>())
            << options[0];
        EXPECT_EQ(config(run)["stages"][0]["optimizer"], options[0]);
    }
}

TEST_F(Train, LambdaIsConstantOrDecaysGeometrically) {
    for (const Json& record : records(train("constant", {"--steps", "20", "--lambda", "0.25"})))
        EXPECT_EQ(record["lambda"], 0.25);
    for (const Json& record : records(train("decay", {"--steps", "20", "--lambda", "1e-2:1e-4"}))) {
        const double expected = 1e-2 * std::pow(1e-2, record["step"].get<double>() / 20);
        EXPECT_NEAR(record["lambda"], expected, 1e-12 * expected);
    }
}

// With λ, in the first record of every N steps and in the last; without λ there is no gap to speak of.
TEST_F(Train, CertifiesTheDistanceToTheGlobalOptimum) {
    const Arguments options = {"--steps", "40", "--metrics-every", "8", "--certify-every", "16"};
    const std::vector<Json> all = records(train("run", options + Arguments{"--lambda", "1e-2"}));
    ASSERT_EQ(all.size(), 6U);
    for (const Json& record : all) {
        const std::int64_t step = record["step"];
        const bool due = step % 16 == 0 || step == 40;
        EXPECT_EQ(record["relative_gap"].is_number(), due) << step;
        EXPECT_EQ(record["gap_kind"].is_string(), due) << step;
        if (due) {
            EXPECT_GE(record["relative_gap"].get<double>(), 0) << step;
            EXPECT_LE(record["relative_gap"].get<double>(), 1) << step;
        }
    }
    EXPECT_LT(all.back()["relative_gap"].get<double>(), all.front()["relative_gap"].get<double>());
    for (const Json& record : records(train("none", options))) EXPECT_TRUE(record["relative_gap"].is_null());
}

TEST_F(Train, TheRateFollowsItsSchedule) {
    const Arguments gd = {"--optimizer", "gd", "--steps", "2"};
    const std::string constant = result(train("constant", gd + Arguments{"--lr", "1"}));
    EXPECT_NE(result(train("cosine", gd + Arguments{"--lr", "1", "--lr-schedule", "cosine"})), constant);
    EXPECT_NE(result(train("root", gd + Arguments{"--lr", "1", "--lr-schedule", "inverse-sqrt"})), constant);
    // The first of four warm-up updates has a quarter of the rate.
    const Arguments once = {"--optimizer", "gd", "--steps", "1"};
    EXPECT_EQ(result(train("warm", once + Arguments{"--lr", "1", "--warmup", "4"})),
              result(train("quarter", once + Arguments{"--lr", "0.25"})));
}

TEST_F(Train, PrecisionsOfMasterAndProducts) {
    const Arguments steps = {"--steps", "200"};
    const double reference = records(train("fp64", steps)).back()["excess_loss"];
    const fs::path products = train("products", steps + Arguments{"--precision", "fp32"});
    EXPECT_EQ(records(products).back()["precision"], "fp32");
    EXPECT_EQ(records(products).back()["metrics_precision"], "fp64");
    EXPECT_NEAR(records(products).back()["excess_loss"], reference, 1e-3 * reference);
    const fs::path master = train("master", steps + Arguments{"--precision", "fp32", "--master", "fp32",
                                                              "--metrics-precision", "same"});
    EXPECT_EQ(SafetensorsFile(master / "result.safetensors").find("W").dtype, "F32");
    EXPECT_EQ(records(master).back()["metrics_precision"], "fp32");
    EXPECT_NEAR(records(master).back()["excess_loss"], reference, 1e-2 * reference);
}

TEST_F(Train, LbfgsSaysThatItHasReachedItsNoiseFloor) {
    const Arguments options = {"--optimizer", "lbfgs", "--lambda", "1e-2", "--steps", "3000"};
    const fs::path run = train("run", options);
    expect_contains(last_.out, "noise floor");
    expect_contains(read_file(run / "log.txt"), "no step lowers the objective");
    const std::int64_t last = recorded_steps(run).back();
    EXPECT_LT(last, 3000);
    EXPECT_LT(records(run).back()["grad_norm"], 1e-6);
    const auto before = contents(run);
    expect_contains(run_well({"train", "-o", run, "--resume"}).out,
                    "finished already, at step " + std::to_string(last));
    EXPECT_EQ(contents(run), before);
}

TEST_F(Train, TheSeedDecidesEveryBit) {
    const fs::path one = train("one", {"--steps", "50", "--seed", "5"});
    const fs::path two = train("two", {"--steps", "50", "--seed", "5"});
    const fs::path other = train("other", {"--steps", "50", "--seed", "6"});
    expect_same_run(two, one);
    EXPECT_NE(result(one), result(other));
}

TEST_F(Train, TheNumberOfThreadsDecidesNoBit) {
    const std::string path = folder_ / "large";
    run_well({"data", "synth", "-o", path, "--contexts", "1500"});
    for (const char* threads : {"1", "2"}) {
        const ProgramResult ran = run_program(
            {"env", std::string("OMP_NUM_THREADS=") + threads, "OMP_WAIT_POLICY=passive", NTPGEO_BINARY,
             "train", path, "-o", folder_ / threads, "--steps", "10", "--dim", "16", "--metrics-every", "5"});
        EXPECT_EQ(ran.status, 0) << ran.err;
    }
    expect_same_run(folder_ / "2", folder_ / "1");
}

TEST_F(Train, AConfigurationRepeatsItsRun) {
    const fs::path run =
        train("run", {"--steps", "30", "--optimizer", "gd", "--lr", "0.3", "--lambda", "1e-3:1e-5", "--seed",
                      "4", "--metrics-every", "4", "--init-scale", "0.5", "--warmup", "3"});
    run_well({"train", "--config", run / "config.json", "-o", folder_ / "again"});
    expect_same_run(folder_ / "again", run);
    EXPECT_EQ(read_file(folder_ / "again/config.json"), read_file(run / "config.json"));
}

TEST_F(Train, FlagsOverrideTheConfiguration) {
    write_raw(folder_ / "config", R"({"dim": 4, "seed": 9, "stages": [{"optimizer": "gd", "steps": 7}]})");
    const Json json = config(train("run", {"--config", folder_ / "config", "--steps", "5"}));
    EXPECT_EQ(json["dim"], 8);
    EXPECT_EQ(json["seed"], 9);
    EXPECT_EQ(json["stages"][0]["optimizer"], "gd");
    EXPECT_EQ(json["stages"][0]["steps"], 5);
    EXPECT_EQ(json["stages"][0]["lr"], 0.01);
}

TEST_F(Train, APathInAConfigurationIsStoredAbsolute) {
    write_raw(folder_ / "config", R"({"dataset": {"path": "tiny"}, "stages": [{"steps": 1}]})");
    const ProgramResult ran = run_program({"env", "-C", folder_.path(), "OMP_NUM_THREADS=1", NTPGEO_BINARY,
                                           "train", "--config", "config", "-o", "run"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(config(folder_ / "run")["dataset"]["path"], fs::canonical(folder_.path() / "tiny").string());
}

TEST_F(Train, ADatasetThatHasChangedIsNoticed) {
    const fs::path run = train("run", {"--steps", "1"});
    make_tiny_dataset(folder_, "tiny", "1");
    expect_one_line(run_quickly({"train", "--config", run / "config.json", "-o", folder_ / "x"}), 2,
                    "has changed");
    EXPECT_FALSE(fs::exists(folder_ / "x"));
    run_well({"train", data_, "--config", run / "config.json", "-o", folder_ / "x"});
}

TEST_F(Train, ALossThatIsNotFiniteNamesTheStepAndTheCheckpoint) {
    const fs::path run = folder_ / "run";
    const Arguments diverging = {"train", data_, "-o", run, "--dim", "8", "--optimizer", "gd"};
    const ProgramResult late = run_quickly(diverging + Arguments{"--lr", "1e3", "--checkpoint-every", "5"});
    expect_one_line(late, 1, "at step ");
    const std::vector<std::string> kept = names_beginning(run, "checkpoint-");
    ASSERT_FALSE(kept.empty());
    expect_contains(late.err, kept.back());
    for (const char* name : {"W", "H"})
        for (const double value : SafetensorsFile(run / kept.back()).read_matrix(name).values)
            ASSERT_TRUE(std::isfinite(value));
    EXPECT_FALSE(fs::exists(run / "result.safetensors"));
    for (const Json& record : records(run)) EXPECT_TRUE(record["excess_loss"].is_number());

    for (const Arguments& options :
         {Arguments{"--lr", "1e200"}, {"--lr", "1e30", "--master", "fp32", "--precision", "fp32"}}) {
        fs::remove_all(run);
        const ProgramResult early = run_quickly(diverging + options);
        expect_one_line(early, 1, "at step 1");
        expect_contains(early.err, "no checkpoint had been written yet");
    }
}

}  // namespace
}  // namespace ntpgeo
