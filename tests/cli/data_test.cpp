// `ntpgeo data` as a person runs it.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/json.hpp"

namespace ntpgeo {
namespace {

using Arguments = std::vector<std::string>;

/// Runs `ntpgeo data ... -o FOLDER/ds` and reads what it wrote.
Dataset make(const ScratchFolder& folder, Arguments arguments, const std::string& input = "") {
    const std::string output = folder / "ds";
    arguments.insert(arguments.begin(), "data");
    arguments.insert(arguments.end(), {"-o", output});
    const ProgramResult result = run_ntpgeo(arguments, input);
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_EQ(result.err, "");
    expect_contains(result.out, "written to");
    return read_dataset(output);
}

TEST(DataText, CountsTheFilesInOrderAndTheStandardInput) {
    const ScratchFolder folder;
    write_raw(folder / "one", "a b c\n");
    const Dataset dataset = make(folder, {"text", folder / "one", "-", "--context", "1"}, "a b a");
    EXPECT_EQ(dataset.vocab, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(dataset.context_tokens, (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(dataset.counts, (std::vector<std::int64_t>{2, 1, 1}));
    EXPECT_EQ(dataset.context_length, 1);
    expect_contains(dataset.source, "one");
}

TEST(DataText, EveryOptionReachesTheCount) {
    const ScratchFolder folder;
    const std::string text = "A b a B\na b c\nd b c d b c\n";
    const Dataset dataset = make(
        folder,
        {"text", "-", "--tokens", "word", "--context", "1", "--vocab", "3", "--oov", "unk", "--lowercase",
         "--documents", "line", "--min-count", "2", "--contexts", "2", "--weights", "uniform"},
        text);
    // b 5, a and c 3, d 2: b and a are kept, c and d are <unk>. Contexts: b (a 1, <unk> 3), <unk> (b 2, <unk>
    // 1), a (b 3).
    EXPECT_EQ(dataset.vocab, (std::vector<std::string>{"b", "a", "<unk>"}));
    EXPECT_EQ(dataset.context_tokens, (std::vector<std::int32_t>{0, 1}));
    EXPECT_EQ(dataset.indices, (std::vector<std::int32_t>{1, 2, 0}));
    EXPECT_EQ(dataset.counts, (std::vector<std::int64_t>{1, 3, 3}));
    EXPECT_EQ(dataset.context_probs, (std::vector<double>{0.5, 0.5}));
}

TEST(DataText, IsCountedOnTheDeviceThatIsAskedFor) {
    const ScratchFolder folder;
    const std::string text = "a b a c a b\n";
    EXPECT_EQ(make(folder, {"text", "-", "--context", "1", "--device", "cpu"}, text).counts,
              make(folder, {"text", "-", "--context", "1"}, text).counts);
    for (const auto& [device, words] : {std::pair("cuda:99", "cuda:99"), std::pair("tpu", "auto, cpu")}) {
        const ProgramResult result =
            run_ntpgeo({"data", "text", "missing.txt", "-o", folder / "new", "--device", device});
        EXPECT_EQ(result.status, 2);
        expect_contains(result.err, words);  // before the text is read
    }
    expect_contains(run_ntpgeo({"data", "text", "--help"}).out, "--device auto|cpu|cuda[:i]=auto");
}

TEST(DataText, MarksAreDroppedAndTextComposedFileByFile) {
    const ScratchFolder folder;
    write_raw(folder / "one", "\uFEFFcafe\u0301 noir");
    const Arguments arguments{"text", folder / "one", "-", "--context", "1", "--normalize", "nfc"};
    const Dataset dataset = make(folder, arguments, "\uFEFFcaf\u00E9 noir");
    EXPECT_EQ(dataset.vocab, (std::vector<std::string>{"caf\u00E9", "noir"}));
    EXPECT_EQ(dataset.counts, std::vector<std::int64_t>{2});
    expect_contains(dataset.source, "normalize nfc");
}

TEST(DataText, RefusesUtf16InOneLine) {
    const ScratchFolder folder;
    for (const char* mark : {"\xFF\xFE", ""}) {
        const std::string text = mark + std::string("h\0i\0 \0y\0o\0u\0\n\0", 14);
        const ProgramResult result = run_ntpgeo({"data", "text", "-", "-o", folder / "ds"}, text);
        EXPECT_EQ(result.status, 2);
        expect_contains(result.err, "the standard input: is UTF-16LE, and text must be UTF-8; convert it");
        EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1);
        EXPECT_EQ(folder.names(), std::vector<std::string>{});
    }
}

TEST(DataText, BytesReadAnything) {
    const ScratchFolder folder;
    const Dataset dataset =
        make(folder, {"text", "-", "--tokens", "byte", "--context", "1"}, "\xFF\xFE\xFF\xFE");
    EXPECT_EQ(dataset.vocab, (std::vector<std::string>{"\xFE", "\xFF"}));
}

TEST(DataText, SaysWhatWasKept) {
    const ScratchFolder folder;
    const ProgramResult result = run_ntpgeo(
        {"data", "text", "-", "--context", "1", "--vocab", "2", "--contexts", "1", "-o", folder / "ds"},
        "a b a b a c");
    EXPECT_EQ(result.status, 0) << result.err;
    expect_contains(result.out, "1 file, 1 document, 6 tokens");
    expect_contains(result.out, "2 of 3 distinct tokens, 83.33 % of the text");
    expect_contains(result.out, "2 of 5 kept (40.00 %); 4 inside the vocabulary");
    expect_contains(result.out, "1 of 2 kept, with 50.00 % of the windows inside");
    expect_contains(result.out, "m = 1, V = 2, nnz = 1");
}

TEST(DataText, ReplacesAnEarlierDatasetAndIsRepeatable) {
    const ScratchFolder folder;
    const std::string text = "one two three one two four one two three\n";
    make(folder, {"synth"});
    make(folder, {"text", "-"}, text);
    const std::string first = read_file(folder / "ds");
    make(folder, {"text", "-"}, text);
    EXPECT_EQ(read_file(folder / "ds"), first);
    EXPECT_EQ(folder.names(), std::vector<std::string>{"ds"});
}

TEST(DataStories, ManyContextsShareASupportThatIsSmallBesideTheVocabulary) {
    const ScratchFolder folder;
    const Dataset dataset = make(folder, {"stories"});
    EXPECT_GE(dataset.vocab_size, 110);
    EXPECT_LE(dataset.vocab_size, 150);
    EXPECT_GE(dataset.contexts(), 600);
    EXPECT_LE(dataset.contexts(), 2500);
    const SupportClasses classes = support_classes(dataset);
    std::int64_t sharing = 0;
    for (const std::int64_t size : classes.size) sharing += size >= 2 ? size : 0;
    EXPECT_GE(2 * sharing, dataset.contexts());
    for (std::int64_t j = 0; j < dataset.contexts(); ++j)
        EXPECT_LE(6 * dataset.support_size(j), dataset.vocab_size);
}

TEST(DataSynth, ReadsLeadingZerosAsDecimal) {
    const ScratchFolder folder;
    const Dataset dataset = make(folder, {"synth", "--vocab", "012", "--contexts", "09", "--supports", "3"});
    EXPECT_EQ(dataset.vocab_size, 12);
    EXPECT_EQ(dataset.contexts(), 9);
}

TEST(DataSynth, TakesItsOptions) {
    const ScratchFolder folder;
    const Dataset dataset =
        make(folder, {"synth", "--vocab", "6", "--contexts", "30", "--supports", "15", "--support-size", "2",
                      "--dirichlet", "0.5", "--seed", "7", "--weights", "zipf"});
    EXPECT_EQ(dataset.vocab_size, 6);
    EXPECT_EQ(dataset.contexts(), 30);
    EXPECT_EQ(dataset.nnz(), 60);
    EXPECT_EQ(support_classes(dataset).count(), 15);
    EXPECT_GT(dataset.context_probs[0], dataset.context_probs[1]);
}

TEST(DataInfo, GivesTheSameFiguresToPeopleAndPrograms) {
    const ScratchFolder folder;
    make(folder, {"text", "-", "--context", "1"}, "a x b x a x b y c x");
    const ProgramResult text = run_ntpgeo({"data", "info", folder / "ds"});
    EXPECT_EQ(text.status, 0) << text.err;
    expect_contains(text.out, "m = 5, V = 5, nnz = 7");
    const ProgramResult result = run_ntpgeo({"data", "info", folder / "ds", "--json"});
    EXPECT_EQ(result.status, 0) << result.err;
    const auto json = Json::parse(result.out);
    // x -> a b (the last x ends the text); a -> x; b -> x y; y -> c; c -> x.
    EXPECT_EQ(json["contexts"], 5);
    EXPECT_EQ(json["vocab_size"], 5);
    EXPECT_EQ(json["nnz"], 7);
    EXPECT_EQ(json["windows"], 9);
    EXPECT_EQ(json["support_size"]["max"], 2);
    EXPECT_EQ(json["support_size"]["histogram"][0]["contexts"], 3);
    EXPECT_EQ(json["support_classes"]["count"], 4);
    EXPECT_EQ(json["support_classes"]["shared"], 1);
    EXPECT_EQ(json["support_classes"]["contexts_in_shared"], 2);
    EXPECT_EQ(json["support_classes"]["largest"][0]["support"], Json::parse("[\"x\"]"));
    EXPECT_EQ(json["support_classes"]["largest"][0]["examples"][0]["tokens"], Json::parse("[\"a\"]"));
    EXPECT_DOUBLE_EQ(json["entropy"], entropy(read_dataset(folder / "ds")));
}

TEST(DataInfo, ShowsDatasetsWithoutWordsAndWordsThatAreNoText) {
    const ScratchFolder folder;
    make(folder, {"synth", "--contexts", "50"});
    expect_contains(run_ntpgeo({"data", "info", folder / "ds"}).out, "context 0");
    make(folder, {"text", "-", "--tokens", "byte", "--context", "1"}, "\xFF\n\xFE\n\xFF\n");
    const ProgramResult text = run_ntpgeo({"data", "info", folder / "ds"});
    expect_contains(text.out, "\\xff");
    const ProgramResult json = run_ntpgeo({"data", "info", folder / "ds", "--json"});
    EXPECT_EQ(json.status, 0) << json.err;
    EXPECT_TRUE(Json::accept(json.out)) << json.out;
}

struct WrongInput {
    Arguments arguments;  ///< after `data`; OUT, TEXT, FOLDER stand for paths
    std::string said;     ///< must be part of the message
    std::string input = "one two three one two four\n";
};

const std::vector<WrongInput>& wrong_inputs() {
    static const std::vector<WrongInput> cases = {
        {{"text", "-", "-o", "OUT", "--context", "0"}, "--context"},
        {{"text", "-", "-o", "OUT", "--context", "-1"}, "--context"},
        {{"text", "-", "-o", "OUT", "--context", "two"}, "'two'"},
        {{"text", "-", "-o", "OUT", "--context", "2.5"}, "'2.5'"},
        {{"text", "-", "-o", "OUT", "--context", "99999999999999999999"}, "--context"},
        {{"text", "-", "-o", "OUT", "--context", "6"}, "too short"},
        {{"text", "-", "-o", "OUT", "--vocab", "0"}, "--vocab"},
        {{"text", "-", "-o", "OUT", "--vocab", "-3"}, "--vocab"},
        {{"text", "-", "-o", "OUT", "--vocab", "1"}, "outside the vocabulary"},
        {{"text", "-", "-o", "OUT", "--contexts", "0"}, "--contexts"},
        {{"text", "-", "-o", "OUT", "--contexts", "-1"}, "--contexts"},
        {{"text", "-", "-o", "OUT", "--min-count", "0"}, "--min-count"},
        {{"text", "-", "-o", "OUT", "--min-count", "3"}, "no context is left"},
        {{"text", "-", "-o", "OUT", "--tokens", "letters"}, "word, char, byte, space, spm:MODEL"},
        {{"text", "-", "-o", "OUT", "--tokens", "spm:"}, "names no model"},
        {{"text", "-", "-o", "OUT", "--documents", "page"}, "file, line, paragraph"},
        {{"text", "-", "-o", "OUT", "--invalid", "drop"}, "error, replace"},
        {{"text", "-", "-o", "OUT", "--tokens", "byte", "--invalid", "replace"}, "--invalid replace"},
        {{"text", "-", "-o", "OUT", "--oov", "drop"}, "skip, unk"},
        {{"text", "-", "-o", "OUT", "--weights", "zipf"}, "empirical, uniform"},
        {{"text", "-", "-o", "OUT", "--tokens", "byte", "--lowercase"}, "--lowercase"},
        {{"text", "-", "-o", "OUT", "--colour", "red"}, "--colour"},
        {{"text", "-", "-", "-o", "OUT"}, "once"},
        {{"text", "-o", "OUT"}, "files"},
        {{"text", "-"}, "output"},
        {{"text", "-", "-o", "FOLDER"}, "folder"},
        {{"text", "-", "-o", "FOLDER/missing/ds"}, "does not exist"},
        {{"text", "TEXT", "-o", "TEXT"}, "replace the text"},
        {{"text", "FOLDER", "-o", "OUT"}, "folder"},
        {{"text", "FOLDER/missing", "-o", "OUT"}, "missing"},
        {{"text", "FOLDER/mis\nsing", "-o", "OUT"}, "sing"},
        {{"text", "-", "-o", "OUT"}, "empty", ""},
        {{"text", "-", "-o", "OUT"}, "empty", " \n\n"},
        {{"text", "-", "-o", "OUT"}, "too short", "one two"},
        {{"text", "-", "-o", "OUT", "--documents", "line"}, "too short", "one two\nthree four\n"},
        {{"text", "-", "-o", "OUT"}, "byte 4", "one \xFF two three"},
        {{"text", "-", "-o", "OUT", "--tokens", "char"}, "byte 4", "one \xFF two three"},
        {{"stories", "-o", "OUT", "--stories", "0"}, "--stories"},
        {{"stories", "-o", "OUT", "--stories", "-5"}, "--stories"},
        {{"stories", "-o", "OUT", "--context", "0"}, "--context"},
        {{"stories", "-o", "OUT", "--context", "500"}, "too short"},
        {{"stories", "-o", "OUT", "--seed", "-1"}, "--seed"},
        {{"stories", "-o", "FOLDER/missing/ds"}, "does not exist"},
        {{"synth", "-o", "OUT", "--vocab", "0"}, "--vocab"},
        {{"synth", "-o", "OUT", "--vocab", "3000000000"}, "vocabulary"},
        {{"synth", "-o", "OUT", "--contexts", "0"}, "--contexts"},
        {{"synth", "-o", "OUT", "--supports", "0"}, "--supports"},
        {{"synth", "-o", "OUT", "--vocab", "5", "--support-size", "6"}, "vocabulary of 5"},
        {{"synth", "-o", "OUT", "--vocab", "5", "--support-size", "2:6"}, "vocabulary of 5"},
        {{"synth", "-o", "OUT", "--support-size", "0"}, "--support-size"},
        {{"synth", "-o", "OUT", "--support-size", "4:2"}, "--support-size"},
        {{"synth", "-o", "OUT", "--support-size", "2:"}, "--support-size"},
        {{"synth", "-o", "OUT", "--support-size", "2:3:4"}, "--support-size"},
        {{"synth", "-o", "OUT", "--support-size", ""}, "--support-size"},
        {{"synth", "-o", "OUT", "--vocab", "7", "--support-size", "3", "--supports", "36"}, "only 35"},
        {{"synth", "-o", "OUT", "--dirichlet", "0"}, "--dirichlet"},
        {{"synth", "-o", "OUT", "--dirichlet", "nan"}, "--dirichlet"},
        {{"synth", "-o", "OUT", "--dirichlet", "-1"}, "--dirichlet"},
        {{"synth", "-o", "OUT", "--weights", "empirical"}, "uniform, zipf"},
        {{"synth", "-o", "OUT", "--seed", "x"}, "--seed"},
        {{"synth", "-o", "FOLDER/missing/ds"}, "does not exist"},
        {{"synth"}, "output"},
        {{"info", "FOLDER/missing"}, "missing"},
        {{"info", "FOLDER"}, "folder"},
        {{"info", "TEXT"}, "TEXT"},
        {{"info"}, "dataset"},
        {{"weave"}, ""},
        {{}, ""},
    };
    return cases;
}

TEST(Data, WrongInputIsOneLineAndStatusTwoAndLeavesNothingBehind) {
    const ScratchFolder folder;
    const std::string text = "one two three four\n";
    for (const WrongInput& wrong : wrong_inputs()) {
        write_raw(folder / "TEXT", text);
        Arguments arguments = {"data"};
        std::string shown;
        for (std::string argument : wrong.arguments) {
            if (argument == "OUT" || argument == "TEXT") argument = folder / argument;
            if (argument.rfind("FOLDER", 0) == 0) argument.replace(0, 6, folder.path());
            arguments.push_back(argument);
            shown += argument + " ";
        }
        const ProgramResult result = run_ntpgeo(arguments, wrong.input);
        EXPECT_EQ(result.status, 2) << shown;
        EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << shown << result.err;
        EXPECT_EQ(result.out, "") << shown;
        expect_contains(result.err, wrong.said);
        EXPECT_EQ(folder.names(), std::vector<std::string>{"TEXT"}) << shown;
        EXPECT_EQ(read_file(folder / "TEXT"), text) << shown;
    }
}

TEST(Data, AnEarlierDatasetSurvivesARefusal) {
    const ScratchFolder folder;
    make(folder, {"synth"});
    const std::string before = read_file(folder / "ds");
    EXPECT_EQ(run_ntpgeo({"data", "text", "-", "-o", folder / "ds"}, "one two").status, 2);
    EXPECT_EQ(read_file(folder / "ds"), before);
}

}  // namespace
}  // namespace ntpgeo
