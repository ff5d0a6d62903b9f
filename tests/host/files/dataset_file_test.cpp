#include "host/files/dataset_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "host/files/atomic_file.hpp"
#include "host/files/checksum.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

struct RawTensor {
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::string bytes;
};

template <class T>
RawTensor raw(const std::string& dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
    return {dtype, std::move(shape), bytes_of(values)};
}

using Ints = std::vector<std::int32_t>;
using Longs = std::vector<std::int64_t>;
using Doubles = std::vector<double>;

// A dataset file as some other tool writes it: tensors by name, in the order of the map.
struct RawFile {
    std::map<std::string, RawTensor> tensors;
    std::map<std::string, std::string> metadata;

    void save(const std::filesystem::path& path) const {
        nlohmann::json header = nlohmann::json::object();
        if (!metadata.empty()) header["__metadata__"] = metadata;
        std::string data;
        for (const auto& [name, tensor] : tensors) {
            const std::size_t begin = data.size();
            data += tensor.bytes;
            header[name] = {
                {"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
        }
        write_raw(path, raw_safetensors(header.dump(), data));
    }
};

// Two contexts over four tokens, with every optional tensor.
RawFile full_file() {
    RawFile file;
    file.tensors["indptr"] = raw("I64", {3}, Longs{0, 2, 3});
    file.tensors["indices"] = raw("I32", {3}, Ints{0, 3, 1});
    file.tensors["probs"] = raw("F64", {3}, Doubles{0.25, 0.75, 1});
    file.tensors["context_probs"] = raw("F64", {2}, Doubles{0.5, 0.5});
    file.tensors["counts"] = raw("I64", {3}, Longs{1, 3, 4});
    file.tensors["context_tokens"] = raw("I32", {2, 2}, Ints{0, 1, 2, 3});
    file.tensors["vocab_bytes"] = raw("U8", {4}, std::vector<std::uint8_t>{'a', 'b', 'b', 0xff});
    file.tensors["vocab_offsets"] = raw("I64", {5}, Longs{0, 1, 3, 3, 4});
    file.metadata = {
        {"format", "ntpgeo.dataset.1"}, {"vocab_size", "4"}, {"source", "a test"}, {"context_length", "2"}};
    return file;
}

TEST(DatasetFile, EveryTensorIsRead) {
    const ScratchFolder folder;
    full_file().save(folder / "ds");
    const Dataset dataset = read_dataset(folder / "ds");
    EXPECT_EQ(dataset.vocab_size, 4);
    EXPECT_EQ(dataset.indptr, (Longs{0, 2, 3}));
    EXPECT_EQ(dataset.indices, (Ints{0, 3, 1}));
    EXPECT_EQ(dataset.probs, (Doubles{0.25, 0.75, 1}));
    EXPECT_EQ(dataset.context_probs, (Doubles{0.5, 0.5}));
    EXPECT_EQ(dataset.counts, (Longs{1, 3, 4}));
    EXPECT_EQ(dataset.context_tokens, (Ints{0, 1, 2, 3}));
    EXPECT_EQ(dataset.context_length, 2);
    EXPECT_EQ(dataset.vocab, (std::vector<std::string>{"a", "bb", "", "\xff"}));
    EXPECT_EQ(dataset.source, "a test");
}

TEST(DatasetFile, FourTensorsAndTwoKeysAreEnough) {
    const ScratchFolder folder;
    RawFile file = full_file();
    for (const char* optional : {"counts", "context_tokens", "vocab_bytes", "vocab_offsets"}) {
        file.tensors.erase(optional);
    }
    file.metadata.erase("source");
    file.metadata.erase("context_length");
    file.save(folder / "ds");
    const Dataset dataset = read_dataset(folder / "ds");
    EXPECT_EQ(dataset.contexts(), 2);
    EXPECT_TRUE(dataset.counts.empty());
    EXPECT_TRUE(dataset.vocab.empty());
    EXPECT_EQ(dataset.context_length, 0);
}

TEST(DatasetFile, UnknownTensorsAndKeysAreIgnored) {
    const ScratchFolder folder;
    RawFile file = full_file();
    file.tensors["extra"] = raw("BF16", {1}, std::vector<std::uint16_t>{1});
    file.metadata["note"] = "mine";
    file.save(folder / "ds");
    EXPECT_EQ(read_dataset(folder / "ds").contexts(), 2);
}

TEST(DatasetFile, ContextLengthComesFromTheTokensWhereTheKeyIsMissing) {
    const ScratchFolder folder;
    RawFile file = full_file();
    file.metadata.erase("context_length");
    file.save(folder / "ds");
    EXPECT_EQ(read_dataset(folder / "ds").context_length, 2);
}

TEST(DatasetFile, WriteReadWriteGivesTheSameBytes) {
    const ScratchFolder folder;
    RawFile file = full_file();
    // Off by more than rounding, so that reading renormalises, once and for all.
    file.tensors["probs"] = raw("F64", {3}, Doubles{0.3, 0.7000031, 0.9999937});
    file.tensors["context_probs"] = raw("F64", {2}, Doubles{0.1, 0.900007});
    file.save(folder / "ds");
    write_dataset(folder / "once", read_dataset(folder / "ds"));
    write_dataset(folder / "twice", read_dataset(folder / "once"));
    EXPECT_EQ(read_file(folder / "once"), read_file(folder / "twice"));
    const Dataset dataset = read_dataset(folder / "twice");
    EXPECT_NEAR(dataset.probs[0] + dataset.probs[1], 1, 4e-16);
    EXPECT_EQ(dataset.probs[2], 1);
    EXPECT_EQ(dataset.vocab[3], "\xff");
    EXPECT_EQ(dataset.counts, (Longs{1, 3, 4}));
}

struct Fault {
    std::string reason;
    std::function<void(RawFile&)> make;
};

Fault tensor_fault(const std::string& reason, const std::string& name, const RawTensor& tensor) {
    return {reason, [=](RawFile& file) { file.tensors[name] = tensor; }};
}

Fault key_fault(const std::string& reason, const std::string& key, const std::string& value) {
    return {reason, [=](RawFile& file) { file.metadata[key] = value; }};
}

std::vector<Fault> faults() {
    std::vector<Fault> all{
        tensor_fault("'indptr' has dtype I32", "indptr", raw("I32", {3}, Ints{0, 2, 3})),
        tensor_fault("'indices' has dtype I64", "indices", raw("I64", {3}, Longs{0, 3, 1})),
        tensor_fault("'probs' has dtype F32", "probs", raw("F32", {3}, std::vector<float>{0.25F, 0.75F, 1})),
        tensor_fault("'probs' has shape [3, 1]", "probs", raw("F64", {3, 1}, Doubles{0.25, 0.75, 1})),
        tensor_fault("probs has length 2", "probs", raw("F64", {2}, Doubles{0.25, 0.75})),
        tensor_fault("indptr has length 2", "indptr", raw("I64", {2}, Longs{0, 3})),
        {"has no context",
         [](RawFile& file) {
             file.tensors["context_probs"] = raw("F64", {0}, Doubles{});
             file.tensors.erase("context_tokens");
         }},
        tensor_fault("probs[0] of context 0 is nan, which is not a number", "probs",
                     raw("F64", {3}, Doubles{std::numeric_limits<double>::quiet_NaN(), 0.75, 1})),
        tensor_fault("'counts' has length 0; it must have 3", "counts", raw("I64", {0}, Longs{})),
        tensor_fault("counts[1] is 0", "counts", raw("I64", {3}, Longs{1, 0, 4})),
        tensor_fault("'context_tokens' has length 1; it must have 2", "context_tokens",
                     raw("I32", {1, 2}, Ints{0, 1})),
        tensor_fault("'context_tokens' has no column", "context_tokens", raw("I32", {2, 0}, Ints{})),
        tensor_fault("'context_length' is 2, but 'context_tokens' has 1 columns", "context_tokens",
                     raw("I32", {2, 1}, Ints{0, 1})),
        tensor_fault("context_tokens[1, 0] is 4", "context_tokens", raw("I32", {2, 2}, Ints{0, 1, 4, 3})),
        tensor_fault("'vocab_offsets' has length 4; it must have 5", "vocab_offsets",
                     raw("I64", {4}, Longs{0, 1, 3, 4})),
        tensor_fault("'vocab_offsets' decreases at token 1", "vocab_offsets",
                     raw("I64", {5}, Longs{0, 4, 3, 3, 4})),
        tensor_fault("'vocab_offsets' runs from 0 to 3", "vocab_offsets",
                     raw("I64", {5}, Longs{0, 1, 3, 3, 3})),
        tensor_fault("'vocab_offsets' runs from 1 to 4", "vocab_offsets",
                     raw("I64", {5}, Longs{1, 1, 3, 3, 4})),
        key_fault("'format' is 'pt'; it must be 'ntpgeo.dataset.1'", "format", "pt"),
        key_fault("'context_length' is '-1'", "context_length", "-1"),
        key_fault("'context_length' is 3, but", "context_length", "3"),
        key_fault("'context_length' is 0, but", "context_length", "0"),
        {"has no 'format'", [](RawFile& file) { file.metadata.clear(); }},
        {"has no 'vocab_size'", [](RawFile& file) { file.metadata.erase("vocab_size"); }},
        {"'vocab_offsets' has length 5; it must have 4",
         [](RawFile& file) { file.metadata["vocab_size"] = "3"; }},
    };
    for (const char* number :
         {"", "many", "4.0", "0", "-4", "2147483648", "99999999999999999999", " 4", "4\n"}) {
        all.push_back(key_fault("'vocab_size' is '", "vocab_size", number));
    }
    for (const char* name : {"indptr", "indices", "probs", "context_probs", "vocab_bytes", "vocab_offsets"}) {
        all.push_back(
            {std::string("has no tensor '") + name + "'", [=](RawFile& file) { file.tensors.erase(name); }});
    }
    return all;
}

TEST(DatasetFile, EveryFaultIsRefusedInOneLineThatNamesTheFile) {
    const ScratchFolder folder;
    for (const Fault& fault : faults()) {
        SCOPED_TRACE(fault.reason);
        RawFile file = full_file();
        fault.make(file);
        file.save(folder / "ds");
        const std::string message = refusal<InputError>([&] { read_dataset(folder / "ds"); });
        expect_contains(message, (folder / "ds").string() + ": ");
        expect_contains(message, fault.reason);
    }
}

TEST(DatasetFile, OtherFilesAreRefused) {
    const ScratchFolder folder;
    expect_contains(refusal<InputError>([&] { read_dataset(folder / "none"); }), "No such file");
    expect_contains(refusal<InputError>([&] { read_dataset(folder.path()); }), "is a folder");
    expect_contains(refusal<InputError>([&] { read_dataset("/dev/null"); }), "is a pipe or a device");
    write_raw(folder / "text", "To be, or not to be");
    expect_contains(refusal<InputError>([&] { read_dataset(folder / "text"); }), "is not a safetensors file");
}

TEST(DatasetFile, LargestVocabularyIsAccepted) {
    const ScratchFolder folder;
    RawFile file = full_file();
    file.tensors.erase("vocab_bytes");
    file.tensors.erase("vocab_offsets");
    file.metadata["vocab_size"] = "2147483647";
    file.tensors["indices"] = raw("I32", {3}, Ints{0, 2147483646, 1});
    file.save(folder / "ds");
    EXPECT_EQ(read_dataset(folder / "ds").indices[1], 2147483646);
}

std::string hash_of_file(const RawFile& file) {
    const ScratchFolder folder;
    file.save(folder / "ds");
    return content_hash(read_dataset(folder / "ds"));
}

TEST(ContentHash, IsTheHeaderChecksumOfAllButTheSource) {
    const RawFile full = full_file();
    nlohmann::json metadata = full.metadata, tensors;
    metadata.erase("source");
    for (const auto& [name, tensor] : full.tensors) {
        metadata["checksum." + name] = hash_of(std::as_bytes(std::span(tensor.bytes)));
        tensors[name] = {tensor.dtype, tensor.shape};
    }
    const std::string text = nlohmann::json{{"metadata", metadata}, {"tensors", tensors}}.dump();
    EXPECT_EQ(hash_of_file(full), "contents:" + hash_of(std::as_bytes(std::span(text))));
}

TEST(ContentHash, IsTheSameUnderAnotherSourceAndInAnotherFile) {
    RawFile file = full_file();
    const std::string hash = hash_of_file(file);
    file.metadata["source"] = "another test";
    file.metadata["author"] = "another tool";
    file.metadata.erase("context_length");  // which the tokens tell
    file.tensors["extra"] = raw("F64", {1}, Doubles{1});
    EXPECT_EQ(hash_of_file(file), hash);
    const ScratchFolder folder;
    file.save(folder / "ds");
    write_dataset(folder / "again", read_dataset(folder / "ds"));
    EXPECT_NE(file_hash(folder / "again"), file_hash(folder / "ds"));
    EXPECT_EQ(content_hash(read_dataset(folder / "again")), hash);
}

TEST(ContentHash, TellsEveryPartOfTheContents) {
    std::set<std::string> hashes{hash_of_file(full_file())};
    const auto differs = [&](const std::function<void(RawFile&)>& change) {
        RawFile file = full_file();
        change(file);
        EXPECT_TRUE(hashes.insert(hash_of_file(file)).second);
    };
    const auto tensor = [&](const std::string& name, const RawTensor& value) {
        SCOPED_TRACE(name);
        differs([&](RawFile& file) { file.tensors[name] = value; });
    };
    differs([](RawFile& file) {
        file.tensors["indptr"] = raw("I64", {3}, Longs{0, 1, 3});
        file.tensors["indices"] = raw("I32", {3}, Ints{0, 1, 3});
        file.tensors["probs"] = raw("F64", {3}, Doubles{1, 0.25, 0.75});
    });
    tensor("indices", raw("I32", {3}, Ints{0, 3, 2}));
    tensor("probs", raw("F64", {3}, Doubles{0.5, 0.5, 1}));
    tensor("context_probs", raw("F64", {2}, Doubles{0.25, 0.75}));
    tensor("counts", raw("I64", {3}, Longs{1, 3, 5}));
    tensor("context_tokens", raw("I32", {2, 2}, Ints{0, 1, 2, 1}));
    tensor("vocab_bytes", raw("U8", {4}, std::vector<std::uint8_t>{'a', 'b', 'c', 0xff}));
    tensor("vocab_offsets", raw("I64", {5}, Longs{0, 2, 3, 3, 4}));
    differs([](RawFile& file) { file.tensors.erase("counts"); });
    const auto wordless = [](RawFile& file) {
        file.tensors.erase("vocab_bytes");
        file.tensors.erase("vocab_offsets");
    };
    differs(wordless);
    differs([&](RawFile& file) {
        wordless(file);
        file.metadata["vocab_size"] = "5";
    });
    differs([](RawFile& file) { file.tensors.erase("context_tokens"); });
    differs([](RawFile& file) {
        file.tensors.erase("context_tokens");
        file.metadata["context_length"] = "3";
    });
}

TEST(ContentHash, OfAnEarlierVersionIsThatOfTheBytes) {
    const ScratchFolder folder;
    full_file().save(folder / "ds");
    const std::string hash = content_hash(read_dataset(folder / "ds")), bytes = file_hash(folder / "ds");
    EXPECT_TRUE(names_contents(hash, hash, folder / "gone"));
    EXPECT_TRUE(names_contents(bytes, hash, folder / "ds"));
    EXPECT_FALSE(names_contents("", hash, folder / "ds"));
    RawFile other = full_file();
    other.metadata["source"] = "another test";
    other.save(folder / "ds");
    EXPECT_FALSE(names_contents(bytes, hash, folder / "ds"));
    EXPECT_FALSE(names_contents(hash + "0", hash, folder / "ds"));
}

}  // namespace
}  // namespace ntpgeo
