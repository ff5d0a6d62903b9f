// Wrong input to `ntpgeo train`: one line, status 2, nothing written, an existing run untouched.
#include <gtest/gtest.h>

#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

struct WrongInput {
    Arguments arguments;  ///< after `train`; DS, OUT, RUN and FOLDER stand for paths
    std::string said;     ///< must be part of the message
};

class TrainInput : public testing::Test {
  protected:
    /// Runs every case beside a finished run and expects that nothing has changed.
    void expect_refused(const std::vector<WrongInput>& cases) {
        const auto before = contents(folder_.path()), run_before = contents(folder_ / "RUN");
        for (const WrongInput& wrong : cases) {
            Arguments arguments = {"train"};
            std::string shown;
            for (std::string argument : wrong.arguments) {
                if (argument == "DS" || argument == "OUT" || argument == "RUN") argument = folder_ / argument;
                if (argument.starts_with("FOLDER")) argument.replace(0, 6, folder_.path());
                shown += argument + " ";
                arguments.push_back(argument);
            }
            SCOPED_TRACE(shown);
            expect_one_line(run_quickly(arguments), 2, wrong.said);
            EXPECT_EQ(contents(folder_.path()), before);
            EXPECT_EQ(contents(folder_ / "RUN"), run_before);
        }
    }
    /// A case of options alone.
    static WrongInput options(const Arguments& given, const std::string& said) {
        return {Arguments{"DS", "-o", "OUT"} + given, said};
    }

    void SetUp() override {
        make_tiny_dataset(folder_, "DS");
        run_well({"train", folder_ / "DS", "-o", folder_ / "RUN", "--dim", "4", "--steps", "5"});
    }

    ScratchFolder folder_;
};

TEST_F(TrainInput, OptionsThatDoNotExist) {
    expect_refused({
        options({"--colour", "red"}, "--colour"),
        options({"extra"}, "extra"),
        options({"--optimizer", "newton"}, "gd, momentum, ngd, adam, adamw, lbfgs"),
        options({"--optimizer", ""}, "gd, momentum, ngd, adam, adamw, lbfgs"),
        options({"--precision", "fp8"}, "fp32, fp64"),
        options({"--master", "bf16"}, "fp32, fp64"),
        options({"--device", "tpu"}, "auto, cpu"),
        options({"--device", "cuda:"}, "auto, cpu"),
        options({"--device", "cuda:x"}, "auto, cpu"),
        options({"--device", "cuda:-1"}, "auto, cpu"),
        options({"--device", "cuda:99"}, "cuda:99"),
        options({"--freeze", "both"}, "words, contexts, none"),
        options({"--lr-schedule", "linear"}, "constant, cosine, inverse-sqrt"),
        options({"--metrics-precision", "fp32"}, "fp64, same"),
        options({"--kernel", "fast"}, "auto, plain, epilogue"),
        options({"--kernel", "epilogue", "--device", "cpu"}, "kernel: the epilogue kernel needs a GPU"),
    });
}

TEST_F(TrainInput, NumbersOutOfRange) {
    std::vector<WrongInput> cases;
    for (const char* flag : {"--dim", "--steps", "--warmup", "--seed", "--history", "--checkpoint-every",
                             "--certify-every", "--keep-checkpoints"})
        for (const char* value : {"-1", "1.5", "x", "", "99999999999999999999"})
            cases.push_back(options({flag, value}, flag));
    for (const char* flag : {"--dim", "--history", "--certify-every", "--checkpoint-every",
                             "--keep-checkpoints", "--lr", "--epsilon", "--checkpoint-seconds"})
        cases.push_back(options({flag, "0"}, flag));
    for (const char* flag :
         {"--lr", "--lambda", "--init-scale", "--beta1", "--beta2", "--epsilon", "--checkpoint-seconds"})
        for (const char* value : {"-1", "nan", "inf", "x", "", "1e999"})
            cases.push_back(options({flag, value}, std::string(flag).substr(2)));
    for (const char* flag : {"--beta1", "--beta2"}) cases.push_back(options({flag, "1"}, "in [0, 1)"));
    for (const char* value : {"1e-4:1e-2", "1e-4:0", "0:0", "1:-1", "1:", ":1", "3:2:1", "nan:1"})
        cases.push_back(options({"--lambda", value}, "lambda"));
    for (const char* value : {"log:0", "log:x", "log:", "log:-1", "log:1.5", "0", "-3", "1.5", ""})
        cases.push_back(options({"--metrics-every", value}, "log:PER_DECADE"));
    cases.push_back(options({"--dim", "1048577"}, "at most 1048576"));
    cases.push_back(options({"--optimizer", "gd", "--beta1", "0.5"}, "belongs to the optimizer adam"));
    cases.push_back(options({"--history", "5"}, "belongs to the optimizer lbfgs"));
    expect_refused(cases);
}

TEST_F(TrainInput, DatasetsThatAreNone) {
    write_raw(folder_ / "empty", "");
    write_raw(folder_ / "text", "once upon a time\n");
    write_raw(folder_ / "cut", read_file(folder_ / "DS").substr(0, 1000));
    expect_refused({
        {{"-o", "OUT"}, "no data set"},
        {{"FOLDER/missing", "-o", "OUT"}, "missing"},
        {{"FOLDER", "-o", "OUT"}, "folder"},
        {{"FOLDER/empty", "-o", "OUT"}, "empty"},
        {{"FOLDER/text", "-o", "OUT"}, "text"},
        {{"FOLDER/cut", "-o", "OUT"}, "cut"},
        {{"RUN/result.safetensors", "-o", "OUT"}, "result.safetensors"},
    });
}

TEST_F(TrainInput, OutputsThatCannotBe) {
    write_raw(folder_ / "file", "mine\n");
    fs::create_directory(folder_ / "full");
    write_raw(folder_ / "full/file", "mine\n");
    expect_refused({
        {{"DS"}, "output"},
        {{"DS", "-o", ""}, "empty path"},
        {{"DS", "-o", "FOLDER/missing/run"}, "does not exist"},
        {{"DS", "-o", "FOLDER/file"}, "holds no run"},
        {{"DS", "-o", "FOLDER/file/run"}, "does not exist"},
        {{"DS", "-o", "FOLDER/full"}, "holds no run"},
        {{"DS", "-o", "FOLDER/full", "--resume"}, "holds no run"},
        {{"DS", "-o", "RUN"}, "--resume"},
        {{"DS", "-o", "RUN", "--dim", "5"}, "--resume"},
        {{"-o", "OUT", "--resume"}, "OUT holds no run to resume"},
    });
    EXPECT_EQ(read_file(folder_ / "full/file"), "mine\n");
}

TEST_F(TrainInput, ConfigurationsThatAreWrong) {
    const std::vector<std::pair<std::string, std::string>> wrong = {
        {"", "not a JSON file"},
        {"{", "not a JSON file"},
        {"{\"dim\": 4} x", "config is not a JSON file: byte 12 breaks it"},
        {"[]", "JSON object"},
        {"{\"colour\": 1}", "unknown key 'colour'"},
        {"{\"steps\": 3}", "unknown key 'steps'"},
        {"{\"output\": \"x\"}", "unknown key 'output'"},
        {"{\"lr\": 0.1}", "belongs to a stage"},
        {"{\"lr\": 0.1}", "steps, optimizer, lr, lr_schedule, warmup"},
        {"{\"colour\": 1}", "init_scale, keep_checkpoints"},
        {"{\"stages\": [{\"seed\": 1}]}", "belongs to the whole run"},
        {"{\"stages\": [{\"seed\": 1}]}", "dim, seed, init_scale"},
        {"{\"dataset\": {\"path\": \"a\\u0000b\"}}", "'path' must be a path"},
        {"{\"dim\": 0}", "dim"},
        {"{\"dim\": -3}", "dim"},
        {"{\"dim\": \"4\"}", "'dim' must be a whole number"},
        {"{\"dim\": 4.5}", "'dim' must be a whole number"},
        {"{\"dim\": 18446744073709551615}", "'dim' must be a whole number"},
        {"{\"dim\": null}", "'dim' must be a whole number"},
        {"{\"seed\": -1}", "'seed' must be a whole number"},
        {"{\"init_scale\": \"1\"}", "'init_scale' must be a number"},
        {"{\"init_scale\": -1}", "init-scale"},
        {"{\"master\": \"fp16\"}", "fp32, fp64"},
        {"{\"master\": 64}", "'master' must be a string"},
        {"{\"device\": \"cuda:99\"}", "cuda:99"},
        {"{\"metrics_every\": \"log:0\"}", "log:PER_DECADE"},
        {"{\"format\": \"other\"}", "ntpgeo.config.1"},
        {"{\"command\": \"analyze\"}", "command train"},
        {"{\"dataset\": \"DS\"}", "dataset must be a JSON object"},
        {"{\"dataset\": {\"file\": \"DS\"}}", "unknown key 'file'"},
        {"{\"stages\": 3}", "'stages' must be"},
        {"{\"stages\": []}", "'stages' must be"},
        {"{\"stages\": [3]}", "stage 1 must be a JSON object"},
        {"{\"stages\": [{\"colour\": 1}]}", "stage 1: unknown key 'colour'"},
        {"{\"stages\": [{\"steps\": \"3\"}]}", "'steps' must be a whole number"},
        {"{\"stages\": [{\"steps\": -1}]}", "steps"},
        {"{\"stages\": [{\"lr\": 0}]}", "lr"},
        {"{\"stages\": [{\"lambda\": \"1:0.1\"}]}", "'lambda' must be a number or [HI, LO]"},
        {"{\"stages\": [{\"lambda\": [1]}]}", "'lambda' must be a number or [HI, LO]"},
        {"{\"stages\": [{\"lambda\": [0.1, 1]}]}", "lambda"},
        {"{\"stages\": [{}, {\"lambda\": -1}]}", "config, stage 2, lambda: '-1'"},
        {"{\"stages\": [{}, {\"optimizer\": \"sgd\"}]}", "config, stage 2, optimizer: 'sgd' is unknown"},
        {"{\"stages\": [{\"beta1\": 1}]}", "beta1"},
    };
    for (const auto& [text, said] : wrong) {
        SCOPED_TRACE(text);
        write_raw(folder_ / "config", text);
        expect_refused({options({"--config", "FOLDER/config"}, said)});
    }
    expect_refused({options({"--config", "FOLDER/missing"}, "missing"),
                    options({"--config", "FOLDER"}, "folder"),
                    {{"-o", "OUT", "--config", "FOLDER/config"}, "no data set"}});
}

TEST_F(TrainInput, ADataSetThatChangedIsNamedWithWhatCanBeDone) {
    write_raw(folder_ / "config", read_file(folder_ / "RUN/config.json"));
    make_tiny_dataset(folder_, "DS", "8");
    expect_refused({{{"-o", "OUT", "--config", "FOLDER/config"}, "name the data set to use it all the same"},
                    {{"-o", "RUN", "--resume"}, "only the data set it was made of goes on"}});
    run_well({"train", folder_ / "DS", "-o", folder_ / "OUT", "--config", folder_ / "config"});
}

TEST(CommandLine, NamesACommandThatItDoesNotHave) {
    expect_one_line(run_quickly({"trian", "DS"}), 2, "unknown command 'trian'; use data, train, path");
    expect_one_line(run_quickly({"data", "foo"}), 2,
                    "unknown command 'foo'; use synth, stories, text, topk, tokens, info");
    expect_one_line(run_quickly({"data"}), 2, "subcommand is required");
    expect_one_line(run_quickly({}), 2, "subcommand is required");
    EXPECT_EQ(run_quickly({"data", "--help"}).status, 0);
}

TEST(CommandLine, HelpListsTheChoicesOfASetting) {
    const std::string help = run_quickly({"train", "--help"}).out;
    for (const char* choices :
         {"--optimizer gd|momentum|ngd|adam|adamw|lbfgs|sign=adam",
          "--lr-schedule constant|cosine|inverse-sqrt=constant", "--freeze words|contexts|none=none",
          "--precision auto|bf16|bf16x3|tf32|fp32|fp64=auto", "--kernel auto|plain|epilogue=auto",
          "--master fp32|fp64=fp64", "--metrics-precision fp64|same=fp64", "--device auto|cpu|cuda[:i]=auto"})
        expect_contains(help, choices);
    for (const char* verb : {"limit", "path", "analyze", "concepts"})
        expect_contains(run_quickly({verb, "--help"}).out, "--device auto|cpu|cuda[:i]=auto");
}

TEST(CommandLine, TakesSeedsOf64Bits) {
    const ScratchFolder folder;
    make_tiny_dataset(folder, "DS");
    run_well({"train", folder / "DS", "-o", folder / "RUN", "--dim", "2", "--steps", "1", "--seed",
              "18446744073709551615"});
    expect_contains(read_file(folder / "RUN/config.json"), "18446744073709551615");
    expect_one_line(
        run_quickly({"train", folder / "DS", "-o", folder / "NEW", "--seed", "18446744073709551616"}), 2,
        "whole number from 0 to 18446744073709551615");
}

TEST_F(TrainInput, AStatusIsGivenEvenWhereNobodyCanRead) {
    EXPECT_EQ(run_program({"sh", "-c", "exec \"$0\" train 2>/dev/full", NTPGEO_BINARY}).status, 2);
    EXPECT_EQ(
        run_program({"sh", "-c", "OMP_NUM_THREADS=1 exec \"$0\" train \"$1\" -o \"$2\" --steps 1 >/dev/full",
                     NTPGEO_BINARY, folder_ / "DS", folder_ / "OUT"})
            .status,
        1);
}

}  // namespace
}  // namespace ntpgeo
