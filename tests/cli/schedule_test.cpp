// Long schedules as a person runs them: stages in --config, flags over them, what is recorded, and dry runs.
#include <gtest/gtest.h>

#include <cmath>

#include "host/files/safetensors.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

constexpr const char* three_stages = R"({"dim": 8, "metrics_every": "7", "stages": [
    {"steps": 20, "optimizer": "momentum", "lr": 0.1, "warmup": 5, "momentum": 0.8},
    {"steps": 15, "optimizer": "adam", "lr_schedule": "cosine", "precision": "fp32"},
    {"steps": 10, "optimizer": "lbfgs", "lambda": [1e-2, 1e-3]}]})";

class Schedule : public testing::Test {
  protected:
    fs::path train(const std::string& name, const Arguments& options) {
        last_ = run_well(Arguments{"train", data_, "-o", folder_ / name} + options);
        return folder_ / name;
    }
    Arguments staged() const { return {"--config", folder_ / "stages.json"}; }
    static Json config(const fs::path& run) { return Json::parse(read_file(run / "config.json")); }
    /// W and H of a run's result, bytes of both.
    static std::vector<std::vector<double>> parameters(const fs::path& run) {
        const SafetensorsFile file(run / "result.safetensors");
        return {file.read_matrix("W").values, file.read_matrix("H").values};
    }
    void expect_refused(const Arguments& options, const std::string& said) {
        SCOPED_TRACE(options.empty() ? said : options.back());
        const auto before = contents(folder_.path());
        expect_one_line(run_quickly(Arguments{"train", data_, "-o", folder_ / "refused"} + options), 2, said);
        EXPECT_EQ(contents(folder_.path()), before);
    }
    void SetUp() override { write_raw(folder_ / "stages.json", three_stages); }

    ScratchFolder folder_;
    std::string data_ = make_tiny_dataset(folder_);
    ProgramResult last_;
};

TEST_F(Schedule, RecordsNameTheStageThatMadeTheState) {
    const fs::path run = train("run", staged());
    const std::vector<Json> all = records(run);
    EXPECT_EQ(recorded_steps(run), (std::vector<std::int64_t>{0, 7, 14, 21, 28, 35, 42, 45}));
    const std::vector<int> stages = {1, 1, 1, 2, 2, 2, 3, 3};
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i]["stage"], stages[i]);
        EXPECT_EQ(all[i]["precision"], stages[i] == 2 ? "fp32" : "fp64");
        EXPECT_EQ(all[i]["device"], "cpu");
        const double step = all[i]["step"];
        const double lambda = stages[i] == 3 ? 1e-2 * std::pow(0.1, (step - 35) / 10) : 0;
        EXPECT_NEAR(all[i]["lambda"], lambda, 1e-12 * lambda);
    }
    const std::string log = read_file(run / "log.txt");
    expect_contains(log, "stage 2 of 3 from step 20: adam, fp32");
    expect_contains(log, "stage 3 of 3 from step 35: lbfgs, fp64");
    EXPECT_EQ(SafetensorsFile(run / "result.safetensors").metadata().at("stage"), "3");
    EXPECT_EQ(Json::parse(run_well({"analyze", run}).out)["stage"], 3);
}

TEST_F(Schedule, AConfigurationRepeatsItsRun) {
    const fs::path run = train("run", staged());
    const Json stages = config(run)["stages"];
    ASSERT_EQ(stages.size(), 3U);
    EXPECT_EQ(stages[0]["momentum"], 0.8);
    EXPECT_FALSE(stages[0].contains("beta1"));
    EXPECT_FALSE(stages[0].contains("freeze"));
    EXPECT_EQ(stages[1]["precision"], "fp32");
    EXPECT_EQ(stages[2]["precision"], "fp64");
    EXPECT_EQ(stages[2]["lr"], 1.0);
    run_well({"train", "--config", run / "config.json", "-o", folder_ / "again"});
    expect_same_run(folder_ / "again", run);
    EXPECT_EQ(read_file(folder_ / "again/config.json"), read_file(run / "config.json"));
}

TEST_F(Schedule, AFlagHoldsForEveryStage) {
    const Json stages =
        config(train("run", staged() + Arguments{"--lambda", "0.5", "--freeze", "contexts", "--precision",
                                                 "fp64", "--history", "4"}))["stages"];
    for (const Json& stage : stages) {
        EXPECT_EQ(stage["lambda"], Json::parse("[0.5, 0.5]"));
        EXPECT_EQ(stage["freeze"], "contexts");
        EXPECT_EQ(stage["precision"], "fp64");
    }
    EXPECT_EQ(stages[2]["history"], 4);
    EXPECT_FALSE(stages[0].contains("history"));
    const Json all_gd = config(train("gd", staged() + Arguments{"--optimizer", "gd"}))["stages"];
    for (const Json& stage : all_gd) EXPECT_EQ(stage["optimizer"], "gd");
    EXPECT_EQ(all_gd[2]["lr"], 0.01);
}

TEST_F(Schedule, WhatCannotBeIsRefused) {
    const auto refused = [&](const std::string& text, const std::string& said) {
        write_raw(folder_ / "wrong.json", text);
        expect_refused({"--config", folder_ / "wrong.json"}, said);
    };
    refused(R"({"stages": []})", "'stages' must be a list of 1 to");
    refused(R"({"stages": [{}, 3]})", "stage 2 must be a JSON object");
    refused(R"({"stages": [{}, {"colour": 1}]})", "stage 2: unknown key 'colour'");
    refused(R"({"stages": [{}, {}, {"steps": -1}]})", "stage 3, steps: -1 is not a whole number >= 0");
    refused(R"({"stages": [{"steps": -1}]})", "steps: -1 is not");
    refused(R"({"stages": [{}, {"steps": 1e30}]})", "stage 2: 'steps' must be a whole number");
    refused(R"({"stages": [{"steps": 9000000000000000000}]})", "at most");
    refused(R"({"stages": [{}, {"optimizer": "newton"}]})", "'newton' is unknown");
    refused(R"({"stages": [{"optimizer": "momentum", "momentum": 1}, {}]})",
            "stage 1, momentum: 1 is not in [0, 1)");
    refused(R"({"stages": [{"optimizer": "momentum", "momentum": -0.1}]})",
            "momentum: -0.1 is not in [0, 1)");
    refused(R"({"stages": [{"momentum": 0.5}]})", "'momentum' belongs to the optimizer momentum");
    refused(R"({"stages": [{}, {"optimizer": "lbfgs", "beta1": 0.5}]})", "stage 2: 'beta1' belongs to");
    refused(R"({"stages": [{"freeze": "both"}]})", "use words, contexts, none");
    refused(R"({"stages": [{"freeze": true}]})", "'freeze' must be a string");
    refused(R"({"stages": [{}, {"precision": "bf16"}]})",
            "stage 2, precision: the device cpu does not multiply in bf16");
    expect_refused({"--precision", "bf16"},
                   "precision: the device cpu does not multiply in bf16; use fp32, fp64");
    expect_refused(staged() + Arguments{"--steps", "50"}, "steps: the configuration has 3 stages");
    expect_refused(staged() + Arguments{"--epsilon", "1e-8", "--optimizer", "gd"},
                   "belongs to the optimizer adam");
    expect_refused({"--momentum", "0.5"}, "belongs to the optimizer momentum");
    for (const char* value : {"1", "-1", "nan", "x"})
        expect_refused({"--optimizer", "momentum", "--momentum", value}, "momentum");
}

TEST_F(Schedule, EveryNewOptimizerLowersTheExcessLoss) {
    for (const Arguments& options :
         {Arguments{"momentum", "--lr", "0.3"}, {"ngd", "--lr", "0.05"}, {"adamw", "--lambda", "1e-4"}}) {
        const std::vector<Json> all =
            records(train(options[0], Arguments{"--dim", "8", "--steps", "500", "--optimizer"} + options));
        EXPECT_LT(all.back()["excess_loss"].get<double>(), 0.1 * all.front()["excess_loss"].get<double>())
            << options[0];
    }
}

TEST_F(Schedule, SignMovesEveryEntryByTheRateAndTakesMomentumWhereItIsGiven) {
    const auto sign = [&](const std::string& name, const Arguments& options) {
        return train(name, Arguments{"--dim", "8", "--optimizer", "sign"} + options);
    };
    const auto before = parameters(sign("start", {"--steps", "0"})),
               after = parameters(sign("one", {"--steps", "1"}));
    for (std::size_t factor = 0; factor < 2; ++factor)
        for (std::size_t i = 0; i < before[factor].size(); ++i)
            EXPECT_NEAR(std::abs(after[factor][i] - before[factor][i]), 0.01, 1e-15);
    const fs::path plain = sign("plain", {"--steps", "30"});
    EXPECT_EQ(config(plain)["stages"][0]["momentum"], 0);
    EXPECT_LT(records(plain).back()["excess_loss"], records(plain).front()["excess_loss"]);
    const fs::path heavy = sign("heavy", {"--steps", "30", "--momentum", "0.9"});
    EXPECT_EQ(config(heavy)["stages"][0]["momentum"], 0.9);
    EXPECT_NE(parameters(heavy), parameters(plain));
    expect_refused({"--optimizer", "adam", "--momentum", "0.9"},
                   "belongs to the optimizer momentum (or sign)");
}

TEST_F(Schedule, AdamwsLambdaIsDecayAndNoPartOfTheObjective) {
    const Arguments options = {"--dim", "8", "--steps", "20", "--metrics-every", "20"};
    const Arguments decay = {"--lambda", "0.5"};
    const std::vector<Json> with =
                                records(train("with", options + decay + Arguments{"--optimizer", "adamw"})),
                            without = records(train("without", options + Arguments{"--optimizer", "adamw"})),
                            ridge =
                                records(train("ridge", options + decay + Arguments{"--optimizer", "adam"}));
    EXPECT_EQ(with[0]["lambda"], 0.5);
    EXPECT_EQ(with[0]["grad_norm"], without[0]["grad_norm"]);
    EXPECT_NE(with[0]["grad_norm"], ridge[0]["grad_norm"]);
    EXPECT_LT(with[1]["words_norm"], without[1]["words_norm"]);
    EXPECT_NE(parameters(folder_ / "with"), parameters(folder_ / "ridge"));
    // Without decay it is Adam, bit for bit.
    train("adam", options);
    EXPECT_EQ(parameters(folder_ / "without"), parameters(folder_ / "adam"));
    Json figures = Json::parse(run_well({"analyze", folder_ / "with"}).out);
    EXPECT_EQ(figures["lambda"], 0.5);
    EXPECT_EQ(figures["grad_norm"], with[1]["grad_norm"]);
}

TEST_F(Schedule, AFrozenFactorKeepsItsBitsAndItsGradientIsStillMeasured) {
    const fs::path start = train("start", {"--dim", "8", "--steps", "0"});
    for (const std::string frozen : {"words", "contexts"}) {
        const fs::path run = train(frozen, {"--dim", "8", "--steps", "40", "--freeze", frozen});
        EXPECT_EQ(config(run)["stages"][0]["freeze"], frozen);
        const std::size_t index = frozen == "words" ? 0 : 1;
        EXPECT_EQ(parameters(run)[index], parameters(start)[index]);
        EXPECT_NE(parameters(run)[1 - index], parameters(start)[1 - index]);
        for (const Json& record : records(run)) {
            const double words = record["words_grad_norm"], contexts = record["contexts_grad_norm"];
            EXPECT_GT(words, 0);
            EXPECT_GT(contexts, 0);
            EXPECT_NEAR(record["grad_norm"], std::hypot(words, contexts), 1e-14);
        }
    }
    write_raw(folder_ / "frozen.json", R"({"stages": [{"steps": 5, "freeze": "words"}]})");
    const fs::path thawed =
        train("thawed", {"--dim", "8", "--config", folder_ / "frozen.json", "--freeze", "none"});
    EXPECT_NE(parameters(thawed)[0], parameters(start)[0]);
}

TEST_F(Schedule, EveryOptimizerSaysThatItIsAtASaddle) {
    for (const std::string optimizer : {"gd", "momentum", "ngd", "adam", "adamw", "lbfgs", "sign"}) {
        SCOPED_TRACE(optimizer);
        const fs::path run =
            train(optimizer, {"--dim", "4", "--steps", "6", "--optimizer", optimizer, "--init-scale", "0"});
        const std::int64_t steps = optimizer == "lbfgs" ? 0 : 6;
        const std::string said =
            optimizer + " stays at W = H = 0, a saddle unless the objective is least there";
        expect_contains(last_.out, "zero gradient       step " + std::to_string(steps) + ": " + said);
        EXPECT_EQ(last_.out.find("noise floor"), std::string::npos);
        const std::string log = read_file(run / "log.txt");
        expect_contains(log, "the gradient is 0 at step " + std::to_string(std::min<std::int64_t>(steps, 1)) +
                                 ": " + said);
        EXPECT_EQ(log.find("the gradient is 0"), log.rfind("the gradient is 0")) << "once is enough";
        EXPECT_EQ(recorded_steps(run).back(), steps);
        for (const auto& factor : parameters(run))
            for (const double value : factor) EXPECT_EQ(value, 0);
        train(optimizer + "-elsewhere", {"--dim", "4", "--steps", "6", "--optimizer", optimizer});
        EXPECT_EQ(last_.out.find("zero gradient"), std::string::npos);
    }
}

TEST_F(Schedule, ANoiseFloorEndsItsStageAlone) {
    write_raw(folder_ / "floor.json", R"({"dim": 8, "stages": [
        {"steps": 5000, "optimizer": "lbfgs", "lambda": 1e-2}, {"steps": 12, "optimizer": "gd", "lr": 0.1}]})");
    const fs::path run = train("run", {"--config", folder_ / "floor.json"});
    const std::int64_t last = recorded_steps(run).back();
    EXPECT_LT(last, 5012);
    EXPECT_EQ(records(run).back()["stage"], 2);
    EXPECT_EQ(last_.out.find("noise floor"), std::string::npos);
    expect_contains(read_file(run / "log.txt"), "stage 1 ends at step " + std::to_string(last - 12));
    const auto before = contents(run);
    expect_contains(run_well({"train", "-o", run, "--resume"}).out, "finished already");
    EXPECT_EQ(contents(run), before);
}

TEST_F(Schedule, ADryRunWritesNothingAndSaysWhereTheBytesGo) {
    const auto before = contents(folder_.path());
    for (const Arguments& where : {Arguments{}, {"-o", folder_ / "run"}}) {
        const std::string out = run_well(Arguments{"train", data_, "--dry-run"} + staged() + where).out;
        for (const char* part : {"labels", "parameters", "metrics", "stage 1 of 3",
                                 "20 steps of momentum, fp64 products", "15 steps of adam, fp32 products",
                                 "gradient", "optimizer", "loss step", "logits of 60 contexts",
                                 "a checkpoint", "peak", "time a step", "records", "nothing: a dry run"})
            expect_contains(out, part);
        EXPECT_EQ(contents(folder_.path()), before);
    }
    const fs::path run = train("run", staged());
    const auto run_before = contents(run);
    expect_contains(run_well({"train", "-o", run, "--resume", "--dry-run"}).out, "stage 3 of 3");
    expect_one_line(run_quickly({"train", data_, "-o", run, "--dry-run"}), 2, "--resume");
    EXPECT_EQ(contents(run), run_before);
}

TEST_F(Schedule, WhatMemoryDoesNotBearIsRefusedBeforeItStarts) {
    const auto before = contents(folder_.path());
    const Arguments large = Arguments{"train", data_, "--dim", "1048576"} + staged();
    for (const Arguments& how : {Arguments{"--dry-run"}, Arguments{"-o", folder_ / "run"}}) {
        const ProgramResult result = run_quickly(large + how);
        EXPECT_EQ(result.status, 2);
        EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
        expect_contains(result.err, "train: stage 3 of this run needs ");
        EXPECT_EQ(result.out.find("time a step"), std::string::npos);
        EXPECT_EQ(contents(folder_.path()), before);
    }
}

}  // namespace
}  // namespace ntpgeo
