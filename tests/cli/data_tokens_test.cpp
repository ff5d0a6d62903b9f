// `ntpgeo data tokens`, and what `data text` has in common with it, as a person runs them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/host/files/sentencepiece_bytes.hpp"
#include "tests/host/files/token_file_bytes.hpp"

namespace ntpgeo {
namespace {

using Arguments = std::vector<std::string>;

/// 6 is the end of text.
const std::vector<std::uint16_t> ids = {0, 1, 2, 0, 1, 3, 6, 0, 1, 2, 0, 4, 6, 1, 2, 0};
const std::string id_bytes = bytes_of(ids);
const std::string names = "zero\none\ntwo\nthree\nfour\nfive\n<|end|>\n";

/// The text of these ids: a line a text.
const std::string text = "zero one two zero one three\nzero one two zero four\none two zero\n";

class DataTokens : public testing::Test {
  protected:
    DataTokens() {
        write_raw(folder / "ids.bin", id_bytes);
        write_raw(folder / "names.txt", names);
        write_raw(folder / "text.txt", text);
    }

    ProgramResult run(Arguments arguments) {
        arguments.insert(arguments.begin(), "data");
        arguments.insert(arguments.end(), {"-o", folder / "ds"});
        return run_ntpgeo(arguments);
    }
    Dataset make(const Arguments& arguments) {
        const ProgramResult result = run(arguments);
        EXPECT_EQ(result.status, 0) << result.err;
        EXPECT_EQ(result.err, "");
        return read_dataset(folder / "ds");
    }
    std::string at(const std::string& name) { return (folder / name).string(); }

    const ScratchFolder folder;
};

/// All but their names.
void expect_same(const Dataset& one, const Dataset& other) {
    EXPECT_EQ(one.vocab_size, other.vocab_size);
    EXPECT_EQ(one.indptr, other.indptr);
    EXPECT_EQ(one.indices, other.indices);
    EXPECT_EQ(one.probs, other.probs);
    EXPECT_EQ(one.context_probs, other.context_probs);
    EXPECT_EQ(one.counts, other.counts);
    EXPECT_EQ(one.context_tokens, other.context_tokens);
    EXPECT_EQ(one.context_length, other.context_length);
}

TEST_F(DataTokens, MakeTheDatasetOfTheTextThatTheyAreTheIdsOf) {
    const Dataset tokens = make({"tokens", at("ids.bin"), "--eot", "6"});
    EXPECT_EQ(tokens.vocab_size, 7);
    EXPECT_TRUE(tokens.vocab.empty());
    expect_contains(tokens.source, "ids.bin; nanogpt, context 2, eot 6");
    const Arguments of_text = {"text",        at("text.txt"), "--tokens",     "space",
                               "--documents", "line",         "--vocab-file", at("names.txt")};
    const Dataset from_text = make(of_text);
    expect_same(tokens, from_text);
    const Dataset named = make({"tokens", at("ids.bin"), "--eot", "6", "--vocab-file", at("names.txt")});
    EXPECT_EQ(named.vocab, from_text.vocab);
    EXPECT_EQ(named.vocab[6], "<|end|>");
    expect_same(named, from_text);

    Arguments selected = {"--context", "1", "--min-count", "2", "--contexts", "2", "--weights", "uniform"};
    Arguments tokens_of = {"tokens", at("ids.bin"), "--eot", "6"}, text_of = of_text;
    tokens_of.insert(tokens_of.end(), selected.begin(), selected.end());
    text_of.insert(text_of.end(), selected.begin(), selected.end());
    expect_same(make(tokens_of), make(text_of));
}

TEST_F(DataTokens, EveryFormatAndAnyCutIntoShardsMakeTheSameDataset) {
    const Dataset right = make({"tokens", at("ids.bin"), "--eot", "6"});
    write_raw(folder / "wide", bytes_of(std::vector<std::uint32_t>(ids.begin(), ids.end())));
    write_raw(folder / "shard_0.bin", llmc_bytes(20240520, 1, 5, id_bytes.substr(0, 10)));
    write_raw(folder / "shard_1.bin", llmc_bytes(20240520, 1, 11, id_bytes.substr(10)));
    write_raw(folder / "ids.npy",
              npy_bytes("<i8", "(16,)", bytes_of(std::vector<std::int64_t>(ids.begin(), ids.end()))));
    expect_same(right,
                make({"tokens", at("wide"), "--format", "nanogpt", "--dtype", "uint32", "--eot", "6"}));
    expect_same(right, make({"tokens", at("shard_*.bin"), "--eot", "6"}));
    expect_same(right, make({"tokens", at("ids.npy"), "--eot", "6"}));

    // Megatron's documents with the end of text in them, and without.
    write_raw(folder / "pair.bin", id_bytes);
    write_raw(folder / "pair.idx", MegatronIndex{.lengths = {7, 6, 3}, .documents = {0, 1, 2, 3}}.bytes());
    expect_same(right, make({"tokens", at("pair.*"), "--eot", "6"}));
    const ProgramResult result = run({"tokens", at("pair"), "--eot", "6"});
    expect_contains(result.out, "1 file (megatron), 3 documents, 16 tokens");
    expect_contains(result.out, "7 tokens, the greatest id is 6; the end of text, 6, 2 times");
    std::vector<std::uint16_t> bare = ids;
    std::erase(bare, 6);
    write_raw(folder / "bare.bin", bytes_of(bare));
    write_raw(folder / "bare.idx", MegatronIndex{.lengths = {6, 5, 3}, .documents = {0, 1, 2, 3}}.bytes());
    expect_same(right, make({"tokens", at("bare.bin"), "--vocab", "7"}));
}

TEST_F(DataTokens, WithoutAnEndOfTextWindowsGoOnFromFileToFile) {
    const Dataset one = make({"tokens", at("ids.bin"), "--context", "3"});
    write_raw(folder / "a.bin", id_bytes.substr(0, 2));
    write_raw(folder / "b.bin", id_bytes.substr(2));
    expect_same(one, make({"tokens", at("a.bin"), at("b.bin"), "--context", "3"}));
}

TEST_F(DataTokens, ThePiecesOfAModelAreCounted) {
    write_raw(folder / "model", sentencepiece_bytes({"\u2581", "\u2581a", "b", "ab"}));
    write_raw(folder / "text.txt", "ab ab ab a");
    const ProgramResult result =
        run({"text", at("text.txt"), "--tokens", "spm:" + at("model"), "--context", "1"});
    if (result.err.find("built without SentencePiece") != std::string::npos) GTEST_SKIP() << result.err;
    ASSERT_EQ(result.status, 0) << result.err;
    const Dataset dataset = read_dataset(folder / "ds");
    EXPECT_EQ(dataset.vocab, (std::vector<std::string>{"ab", "\u2581", "\u2581a"}));
    EXPECT_EQ(dataset.counts, (std::vector<std::int64_t>{2, 1, 3}));
    expect_contains(dataset.source, "tokens spm:");
}

TEST_F(DataTokens, MoreFilesThanAShellLetsOpenAtOnceAreRead) {
    const Dataset right = make({"tokens", at("ids.bin"), "--eot", "6"});
    for (std::size_t i = 0; i < ids.size(); ++i)
        write_raw(folder / ("one_" + std::string(1, static_cast<char>('a' + i)) + ".bin"),
                  id_bytes.substr(2 * i, 2));
    const std::string command = "ulimit -Sn 12 && exec \"$@\"";
    const ProgramResult result = run_program({"bash", "-c", command, "bash", NTPGEO_BINARY, "data", "tokens",
                                              at("one_*.bin"), "--eot", "6", "-o", at("ds")});
    ASSERT_EQ(result.status, 0) << result.err;
    expect_same(right, read_dataset(folder / "ds"));
}

struct WrongTokens {
    Arguments arguments;  ///< AT/NAME stands for a file of the folder
    std::string said;
};

TEST_F(DataTokens, WrongInputIsOneLineAndStatusTwoAndLeavesNothingBehind) {
    write_raw(folder / "odd.bin", id_bytes + "x");
    write_raw(folder / "newer.bin", llmc_bytes(20250909, 1, 16, id_bytes));
    write_raw(folder / "pair.bin", id_bytes);
    write_raw(folder / "pair.idx", MegatronIndex{.lengths = {7, 6}, .documents = {0, 1, 2}}.bytes());
    write_raw(folder / "twice.txt", "zero\none\nzero\n");
    write_raw(folder / "wide.txt", std::string("\xFF\xFEz\0e\0r\0o\0", 10));
    const std::vector<std::string> before = [&] {
        std::vector<std::string> found = folder.names();
        std::sort(found.begin(), found.end());
        return found;
    }();
    const std::vector<WrongTokens> cases = {
        {{"tokens", "AT/ids.bin", "--vocab", "6"}, "ids.bin: token 6 at byte 12 is 6; ids are below 6"},
        {{"tokens", "AT/ids.bin", "--vocab", "4", "--eot", "6"}, "token 11 at byte 22 is 4"},
        {{"tokens", "AT/odd.bin"}, "odd.bin: its 33 bytes are no whole number of uint16 ids: from byte 32"},
        {{"tokens", "AT/newer.bin"}, "newer.bin: begins with 20250909 at byte 0"},
        {{"tokens", "AT/pair.bin"}, "pair.idx: does not match"},
        {{"tokens", "AT/ids.bin", "--vocab-file", "AT/names.txt", "--vocab", "8"},
         "names.txt: has 7 tokens; --vocab says 8"},
        {{"tokens", "AT/ids.bin", "--vocab-file", "AT/twice.txt"},
         "token 5 at byte 10 is 3; ids are below 3"},
        {{"tokens", "AT/ids.bin", "--vocab-file", "AT/wide.txt"}, "wide.txt: is UTF-16LE; convert it"},
        {{"tokens", "AT/ids.bin", "--vocab-file", "AT/none.txt"}, "none.txt"},
        {{"tokens", "AT/ids.bin", "--vocab", "3000000000"}, "--vocab: 3000000000 is more than 2147483647"},
        {{"tokens", "AT/ids.bin", "--eot", "-1"}, "--eot: '-1' is not a whole number >= 0"},
        {{"tokens", "AT/ids.bin", "--dtype", "float32"}, "auto, uint8"},
        {{"tokens", "AT/ids.bin", "--format", "hdf5"}, "auto, nanogpt, llmc, megatron, npy"},
        {{"tokens", "AT/ids.bin", "--context", "16"}, "too short"},
        {{"tokens", "AT/none_*.bin"}, "no file's name is like that"},
        {{"tokens", "AT/none.bin"}, "none.bin: cannot be opened"},
        {{"tokens", "AT/"}, "folder"},
        {{"tokens", "-"}, "-: cannot be opened"},
        {{"text", "AT/text.txt", "--vocab-file", "AT/twice.txt"},
         "twice.txt: ids 0 and 2 are the same token"},
        {{"text", "AT/text.txt", "--vocab-file", "AT/names.txt", "--oov", "unk"}, "names.txt: has no <unk>"},
        {{"text", "AT/text.txt", "--vocab-file", "AT/names.txt", "--vocab", "3"},
         "has 7 tokens; --vocab says 3"},
        {{"text", "AT/wide.txt", "--tokens", "space"},
         "is UTF-16LE, and text must be UTF-8; convert it (iconv"},
        {{"text", "AT/text.txt", "--tokens", "spm:" + at("none")}, "none: cannot be opened"},
        {{"text", "AT/text.txt", "--tokens", "spm:" + at("names.txt")},
         "names.txt: is no SentencePiece model"},
    };
    for (const WrongTokens& wrong : cases) {
        Arguments arguments = wrong.arguments;
        for (std::string& argument : arguments)
            if (argument.starts_with("AT/")) argument = at(argument.substr(3));
        const ProgramResult result = run(arguments);
        if (result.err.find("built without SentencePiece") != std::string::npos) continue;
        EXPECT_EQ(result.status, 2) << wrong.said;
        EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
        EXPECT_EQ(result.out, "") << wrong.said;
        expect_contains(result.err, wrong.said);
        std::vector<std::string> after = folder.names();
        std::sort(after.begin(), after.end());
        EXPECT_EQ(after, before) << wrong.said;
    }
}

TEST_F(DataTokens, FilesOfIdsAreNotReplaced) {
    for (const char* output : {"ids.bin", "names.txt"}) {
        const ProgramResult result =
            run_ntpgeo({"data", "tokens", at("ids.bin"), "--vocab-file", at("names.txt"), "-o", at(output)});
        EXPECT_EQ(result.status, 2);
        expect_contains(result.err, "is no data set");
    }
    EXPECT_EQ(read_file(folder / "ids.bin"), id_bytes);
}

}  // namespace
}  // namespace ntpgeo
