// A teacher's stored top-k, as NumPy and safetensors write it.
#include "host/files/topk_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "kernels/base/status.hpp"
#include "kernels/base/stored.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

using Doubles = std::vector<double>;
using Longs = std::vector<std::int64_t>;

/// An array as a file holds it: NumPy's and safetensors' names of its dtype, and its bytes.
struct Array {
    std::string descr, dtype;
    Longs shape;
    std::string bytes;
};

template <class T>
Array array(const char* descr, const char* dtype, Longs shape, const std::vector<T>& values) {
    return {descr, dtype, std::move(shape), bytes_of(values)};
}

template <class T, class From, class Convert>
std::vector<T> each(const std::vector<From>& values, Convert convert) {
    std::vector<T> result;
    for (const From value : values) result.push_back(convert(value));
    return result;
}

const Longs ids{4, 1, 3, 2, -1, 0};
const Doubles probs{0.25, 0.5, 0.125, 0.5, 0.75, 0};  // of few digits, which every dtype has
const Doubles weights{3, 1};

Array array_of_ids(const std::string& descr = "<i8") {
    if (descr == "<i4")
        return array("<i4", "I32", {2, 3},
                     each<std::int32_t>(ids, [](auto x) { return static_cast<std::int32_t>(x); }));
    return array("<i8", "I64", {2, 3}, ids);
}
Array array_of(const Doubles& values, const std::string& dtype) {
    const auto single = [](double x) { return static_cast<float>(x); };
    if (dtype == "F16")
        return array("<f2", "F16", {2, 3}, each<std::uint16_t>(values, [](double x) {
                         return rounded_fp16(static_cast<float>(x));
                     }));
    if (dtype == "BF16")
        return array("", "BF16", {2, 3}, each<std::uint16_t>(values, [](double x) {
                         return rounded_bf16(static_cast<float>(x));
                     }));
    if (dtype == "F32") return array("<f4", "F32", {2, 3}, each<float>(values, single));
    return array("<f8", "F64", {2, 3}, values);
}

class TopKFile : public testing::Test {
  protected:
    std::string npy(const std::string& name, const Array& values, const std::string& order = "False") const {
        std::string shape;
        for (const std::int64_t length : values.shape) shape += std::to_string(length) + ", ";
        const std::string header =
            "{'descr': '" + values.descr + "', 'fortran_order': " + order + ", 'shape': (" + shape + "), }\n";
        write_raw(folder_ / name, std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(header.size()) +
                                      '\0' + header + values.bytes);
        return folder_ / name;
    }
    std::string safetensors(const std::map<std::string, Array>& tensors,
                            const std::map<std::string, std::string>& metadata = {}) const {
        nlohmann::json header = nlohmann::json::object();
        header["__metadata__"] = metadata;
        std::string data;
        for (const auto& [name, values] : tensors) {
            header[name] = {{"dtype", values.dtype},
                            {"shape", values.shape},
                            {"data_offsets", {data.size(), data.size() + values.bytes.size()}}};
            data += values.bytes;
        }
        write_raw(folder_ / "t.safetensors", raw_safetensors(header.dump(), data));
        return folder_ / "t.safetensors";
    }
    static Dataset read(const TopKFiles& files, const TopKSettings& settings = {}) {
        std::string lines;
        return read_topk(files, settings, lines);
    }
    /// The hash that a data set of these rows has, whatever its source.
    static std::string expected(bool weighed, std::int64_t vocab_size) {
        TopKCollector collector({.vocab_size = vocab_size}, {});
        for (std::size_t row = 0; row < 2; ++row)
            collector.add(std::span(ids).subspan(3 * row, 3), std::span(probs).subspan(3 * row, 3));
        return content_hash(collector.finish(weighed ? weights : Doubles{}, ""));
    }

    ScratchFolder folder_;
};

TEST_F(TopKFile, EveryDtypeIsRead) {
    const std::string plain = expected(false, 5);
    for (const char* id : {"<i4", "<i8"})
        for (const char* dtype : {"F16", "BF16", "F32", "F64"}) {
            SCOPED_TRACE(std::string(id) + dtype);
            const Array p = array_of(probs, dtype);
            const std::string file = safetensors({{"ids", array_of_ids(id)}, {"probs", p}});
            EXPECT_EQ(content_hash(read({.file = file})), plain);
            EXPECT_EQ(content_hash(read({.ids = file + ":ids", .probs = file + ":probs"})), plain);
            if (p.descr.empty()) continue;  // NumPy has no bfloat16
            const std::string i = npy("i.npy", array_of_ids(id));
            EXPECT_EQ(content_hash(read({.ids = i, .probs = npy("p.npy", p)})), plain);
        }
    const std::string big("\0\0\0\4\0\0\0\1\0\0\0\3\0\0\0\2\xff\xff\xff\xff\0\0\0\0", 24);
    const std::string p = npy("p.npy", array_of(probs, "F64"));
    EXPECT_EQ(content_hash(read({.ids = npy("i.npy", {">i4", "", {2, 3}, big}), .probs = p})), plain);
}

TEST_F(TopKFile, LogarithmsWeightsAndTheVocabularysSizeAreRead) {
    Doubles logs = each<double>(probs, [](double p) { return std::log(p); });
    const std::map<std::string, Array> tensors{{"ids", array_of_ids()},
                                               {"log_probs", array_of(logs, "F64")},
                                               {"weights", array("<f8", "F64", {2}, weights)}};
    const Dataset dataset = read({.file = safetensors(tensors, {{"vocab_size", "9"}})});
    EXPECT_EQ(dataset.vocab_size, 9);
    EXPECT_EQ(dataset.indices, (std::vector<std::int32_t>{1, 3, 4, 2}));
    EXPECT_NEAR(dataset.context_probs[0], 3 * 0.875 / (3 * 0.875 + 0.5), 1e-15);
    const std::string file = folder_ / "t.safetensors";
    EXPECT_EQ(read({.file = file}, {.vocab_size = 7}).vocab_size, 7);
    const TopKFiles named{
        .ids = file + ":ids", .log_probs = file + ":log_probs", .weights = file + ":weights"};
    EXPECT_EQ(read(named, {.vocab_size = 9}).probs, dataset.probs);
    EXPECT_EQ(read({.ids = file + ":ids",
                    .probs = npy("p.npy", array_of(probs, "F32")),
                    .weights = npy("w.npy", tensors.at("weights"))})
                  .context_probs,
              (Doubles{3 * 0.875 / (3 * 0.875 + 0.5), 0.5 / (3 * 0.875 + 0.5)}));
}

// More rows than are read at a time.
TEST_F(TopKFile, ManyRowsAreReadInBlocks) {
    constexpr std::int64_t rows = (1 << 18) + 5;
    Longs words;
    for (std::int64_t j = 0; j < rows; ++j) words.push_back(j % 1000);
    const Dataset dataset =
        read({.ids = npy("i.npy", array("<i8", "", {rows, 1}, words)),
              .probs = npy("p.npy", array("<f8", "", {rows, 1}, Doubles(words.size(), 0.5)))});
    ASSERT_EQ(dataset.contexts(), rows);
    for (std::int64_t j = 0; j < rows; ++j) ASSERT_EQ(dataset.indices[j], j % 1000);
}

TEST_F(TopKFile, WhatIsWrongIsRefusedByFileAndPlace) {
    const auto refused = [&](const TopKFiles& files, const std::string& said,
                             const TopKSettings& settings = {}) {
        expect_contains(refusal<InputError>([&] { read(files, settings); }), said);
    };
    const std::string i = npy("i.npy", array_of_ids()), p = npy("p.npy", array_of(probs, "F64"));
    const auto with_ids = [&](const Longs& values) {
        return TopKFiles{.ids = npy("other.npy", array("<i8", "", {2, 3}, values)), .probs = p};
    };
    const auto with_probs = [&](const Doubles& values) {
        return TopKFiles{.ids = i, .probs = npy("other.npy", array("<f8", "", {2, 3}, values))};
    };
    const std::string other = folder_ / "other.npy";
    refused(with_ids({4, 1, 4, 2, -1, 0}), other + ": ids[0, 2] is 4, as [0, 0] is");
    refused(with_ids({4, 1, 3, 2, -7, 0}), other + ": ids[1, 1] is -7");
    refused({.ids = i, .probs = p}, i + ": ids[0, 0] is 4; it must be below the vocabulary's size 4",
            {.vocab_size = 4});
    refused(with_probs({0.25, std::nan(""), 0.1, 1, 0, 0}), other + ": probs[0, 1] is nan");
    refused(with_probs({0.25, 0.5, 0.1, -0.5, 0, 0}), other + ": probs[1, 0] is -0.5");
    refused(with_probs({0.25, 0.5, 0.1, 0, 0, 0}), other + ": context 1 has no probability above 0");
    refused(with_probs({0.25, 0.5, 0.5, 1, 0, 0}), other + ": label mass of context 0 is 1.25");
    refused({.ids = i, .log_probs = p}, p + ": label mass of context 0 is");
    const auto weighed = [&](const Array& w) {
        return TopKFiles{.ids = i, .probs = p, .weights = npy("other.npy", w)};
    };
    refused(weighed(array("<f8", "", {2}, Doubles{1, 0})), other + ": weights[1] is 0");
    refused(weighed(array("<f8", "", {3}, Doubles{1, 1, 1})), other + ": is [3]; it must be [2]");
    refused(weighed(array("<i8", "", {2}, Longs{1, 1})), other + ": has dtype <i8");
    refused({.ids = i, .probs = npy("other.npy", array("<f8", "", {3, 2}, probs))},
            other + ": is [3, 2], but " + i + " is [2, 3]");
    refused({.ids = npy("other.npy", array("<i8", "", {6}, ids)), .probs = p},
            other + ": has shape (6,); it must be [m, k]");
    refused({.ids = npy("other.npy", array("<i8", "", {0, 3}, Longs{})),
             .probs = npy("empty.npy", array("<f8", "", {0, 3}, Doubles{}))},
            other + ": is [0, 3]; at least one");
    refused({.ids = npy("other.npy", array_of_ids(), "True"), .probs = p}, other + ": is in Fortran order");
    refused({.ids = p, .probs = p}, p + ": has dtype <f8; it must be an array of whole numbers");
    refused({.ids = i, .probs = i}, i + ": has dtype <i8; it must be an array of floating-point numbers");
    refused({.ids = npy("other.npy", array("=c16", "", {2, 3}, ids)), .probs = p},
            other + ": has dtype =c16");
    refused({.ids = npy("other.npy", array("<i8", "", {2, 4}, ids)), .probs = p}, other + ": truncated");
    refused({.ids = npy("other.npy", array("<u8", "", {2, 3}, ids)), .probs = p},
            other + ": entry 4 is 18446744073709551615");
}

TEST_F(TopKFile, FilesAreNamedInOneOfTwoWays) {
    const auto refused = [&](const TopKFiles& files, const std::string& said) {
        expect_contains(refusal<InputError>([&] { read(files); }), said);
    };
    const std::string p = npy("p.npy", array_of(probs, "F64"));
    const std::string file = safetensors({{"ids", array_of_ids()}, {"p", array_of(probs, "F64")}});
    refused({}, "give FILE, or --ids");
    refused({.ids = p}, "one of --probs and --log-probs");
    refused({.ids = p, .probs = p, .log_probs = p}, "one of --probs and --log-probs");
    refused({.file = file, .probs = p}, "not both");
    refused({.file = file}, file + ": must have one of the tensors 'probs' and 'log_probs'; it holds ids, p");
    refused({.ids = file, .probs = p},
            "names no array; give F.npy or F.safetensors:NAME; the file holds ids, p");
    refused({.ids = file + ":i", .probs = p}, "has no tensor 'i'");
    refused({.ids = "ids.bin", .probs = p}, "'ids.bin' names no array");
    const std::map<std::string, Array> whole{{"ids", array_of_ids()}, {"probs", array_of(probs, "F64")}};
    refused({.file = safetensors(whole, {{"vocab_size", "many"}})}, "the metadata 'vocab_size' is 'many'");
    refused({.file = safetensors(whole, {{"vocab_size", "3"}})}, "tensor 'ids': ids[0, 0] is 4");
}

}  // namespace
}  // namespace ntpgeo
