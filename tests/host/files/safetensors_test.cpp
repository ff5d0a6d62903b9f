#include "host/files/safetensors.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "host/files/atomic_file.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

TEST(Safetensors, WhatIsWrittenIsReadBack) {
    const ScratchFolder folder;
    const std::vector<double> doubles{1.5, -0.0, std::numeric_limits<double>::denorm_min(), 1e308, 3, 4};
    const std::vector<float> floats{0.1F, 2};
    const std::vector<std::int64_t> longs{INT64_MIN, INT64_MAX};
    const std::vector<std::int32_t> ints{INT32_MIN, 7, INT32_MAX};
    const std::vector<std::uint8_t> bytes{0, 255, 10};
    const std::vector<double> nothing;
    write_safetensors(
        folder / "f",
        {tensor_to_write("bytes", {3}, bytes), tensor_to_write("ints", {3}, ints),
         tensor_to_write("floats", {2, 1}, floats), tensor_to_write("longs", {2}, longs),
         tensor_to_write("doubles", {2, 3}, doubles), tensor_to_write("nothing", {0, 5}, nothing)},
        {{"key", "a \"value\"\n"}, {"other", "ü"}});
    const SafetensorsFile file(folder / "f");
    EXPECT_EQ(file.read<double>("doubles", 2), doubles);
    EXPECT_TRUE(std::signbit(file.read<double>("doubles", 2)[1]));
    EXPECT_EQ(file.read<float>("floats", 2), floats);
    EXPECT_EQ(file.read<std::int64_t>("longs", 1), longs);
    EXPECT_EQ(file.read<std::int32_t>("ints", 1), ints);
    EXPECT_EQ(file.read<std::uint8_t>("bytes", 1), bytes);
    EXPECT_EQ(file.read<double>("nothing", 2), nothing);
    EXPECT_EQ(file.find("doubles").shape, (std::vector<std::int64_t>{2, 3}));
    EXPECT_EQ(file.metadata().at("key"), "a \"value\"\n");
    EXPECT_EQ(file.metadata().at("other"), "ü");
    EXPECT_FALSE(file.has("__metadata__"));
}

TEST(Safetensors, EveryTensorStartsAlignedToItsElement) {
    const ScratchFolder folder;
    const std::vector<std::uint8_t> bytes{1, 2, 3};
    const std::vector<std::int32_t> ints{1};
    const std::vector<double> doubles{1, 2};
    write_safetensors(folder / "f",
                      {tensor_to_write("b", {3}, bytes), tensor_to_write("i", {1}, ints),
                       tensor_to_write("d", {2}, doubles)},
                      {});
    const std::string text = read_file(folder / "f");
    std::uint64_t length = 0;
    std::memcpy(&length, text.data(), sizeof length);
    EXPECT_EQ((8 + length) % 8, 0U);
    const SafetensorsFile file(folder / "f");
    EXPECT_EQ(file.find("d").begin, 0U);
    EXPECT_EQ(file.find("i").begin, 16U);
    EXPECT_EQ(file.find("b").begin, 20U);
}

TEST(Safetensors, MetadataThatIsNotUtf8IsStillWritten) {
    const ScratchFolder folder;
    write_safetensors(folder / "f", {}, {{"source", "caf\xe9"}});
    EXPECT_EQ(SafetensorsFile(folder / "f").metadata().at("source"), "caf\xef\xbf\xbd");
}

TEST(Safetensors, WritingRefusesTensorsThatContradictThemselves) {
    const ScratchFolder folder;
    const std::vector<double> two{1, 2};
    const auto write = [&](const std::vector<TensorToWrite>& tensors) {
        return refusal<Failure>([&] { write_safetensors(folder / "f", tensors, {}); });
    };
    expect_contains(write({tensor_to_write("t", {3}, two)}), "'t'");
    expect_contains(write({tensor_to_write("t", {2}, two), tensor_to_write("t", {2}, two)}), "is taken");
    expect_contains(write({tensor_to_write("__metadata__", {2}, two)}), "is taken");
    EXPECT_TRUE(folder.names().empty());
}

struct Malformed {
    std::string bytes, reason;
};

std::string entry(const std::string& shape, const std::string& offsets, const std::string& dtype = "F64") {
    return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

TEST(Safetensors, MalformedFilesAreRefusedInOneLine) {
    const ScratchFolder folder;
    const std::string eight(8, 'x');
    const std::string good = R"({"t":)" + entry("[1]", "[0,8]") + "}";
    const std::string huge = bytes_of(std::vector<std::uint64_t>{100'000'001});
    const std::string deep = std::string(100000, '[');
    const std::vector<Malformed> cases{
        {"", "is empty"},
        {"PK", "2 bytes are too few"},
        {"just some text, long enough", "is not a safetensors file"},
        {huge + "{}" + eight, "100000001 bytes, more than 100000000"},
        {raw_safetensors(good, eight).substr(0, 30), "truncated: its header"},
        {raw_safetensors(good, eight.substr(1)),
         "truncated: its tensors need 8 bytes of data, the file holds 7"},
        {raw_safetensors(good, eight + "y"), "1 trailing bytes"},
        {raw_safetensors("{}", "z"), "1 trailing bytes"},
        {raw_safetensors("{\"t\":", ""), "is not valid JSON"},
        {raw_safetensors("{\"\xff\":1}", ""), "is not valid JSON"},
        {raw_safetensors("{\"a\":" + deep, ""), "nested too deeply"},
        {raw_safetensors("{}]", ""), "is not valid JSON"},
        {raw_safetensors(R"({"t":1})", ""), "is not described by a JSON object"},
        {raw_safetensors(R"({"t":{"shape":[0],"data_offsets":[0,0]}})", ""), "has no dtype"},
        {raw_safetensors(R"({"t":)" + entry("[0]", "[0,0]", "Q7") + "}", ""), "unknown dtype 'Q7'"},
        {raw_safetensors(R"({"t":)" + entry("[-1]", "[0,8]") + "}", eight), "its shape must be"},
        {raw_safetensors(R"({"t":)" + entry("[1.0]", "[0,8]") + "}", eight), "its shape must be"},
        {raw_safetensors(R"({"t":)" + entry("[18446744073709551615]", "[0,8]") + "}", eight),
         "its shape must be"},
        {raw_safetensors(R"({"t":)" + entry("8", "[0,8]") + "}", eight), "its shape must be"},
        {raw_safetensors(R"({"t":)" + entry("[4294967296,4294967297]", "[0,8]") + "}", eight),
         "impossibly large"},
        {raw_safetensors(R"({"t":)" + entry("[2]", "[0,8]") + "}", eight),
         "needs 16 bytes, its data_offsets give 8"},
        {raw_safetensors(R"({"t":)" + entry("[1]", "[8,0]") + "}", eight),
         "data_offsets must be two integers"},
        {raw_safetensors(R"({"t":)" + entry("[1]", "[0]") + "}", eight), "data_offsets must be two integers"},
        {raw_safetensors(R"({"a":)" + entry("[1]", "[0,8]") + R"(,"b":)" + entry("[1]", "[4,12]") + "}",
                         eight + "1234"),
         "tensor 'b' overlaps the one before"},
        {raw_safetensors(R"({"a":)" + entry("[1]", "[0,8]") + R"(,"b":)" + entry("[1]", "[9,17]") + "}",
                         eight + eight + "1"),
         "tensor 'b' leaves a gap before it"},
        {raw_safetensors(R"({"t":)" + entry("[1]", "[8,16]") + "}", eight + eight),
         "tensor 't' leaves a gap"},
        {raw_safetensors(R"({"t":)" + entry("[1]", "[0,8]") + R"(,"t":)" + entry("[1]", "[8,16]") + "}",
                         eight + eight),
         "the name 't' twice"},
        {raw_safetensors(R"({"__metadata__":[]})", ""), "__metadata__ must map"},
        {raw_safetensors(R"({"__metadata__":{"source":null}})", ""), "__metadata__ must map"},
        {raw_safetensors(R"({"__metadata__":null,"__metadata__":null})", ""), "twice"},
        {raw_safetensors(R"({"__metadata__":{"vocab_size":3}})", ""), "__metadata__ must map"},
        {raw_safetensors("{\"a\\nb\":1}", ""), "'a\\x0ab'"},
    };
    for (const Malformed& malformed : cases) {
        SCOPED_TRACE(malformed.reason);
        write_raw(folder / "f", malformed.bytes);
        const std::string message = refusal<InputError>([&] { const SafetensorsFile file(folder / "f"); });
        expect_contains(message, (folder / "f").string());
        expect_contains(message, malformed.reason);
    }
    expect_contains(refusal<InputError>([&] { const SafetensorsFile file(folder / "none"); }),
                    "No such file");
    expect_contains(refusal<InputError>([&] { const SafetensorsFile file(folder.path()); }), "is a folder");
}

// Cut anywhere, the file is refused: nothing reads past its end.
TEST(Safetensors, EveryTruncationIsRefused) {
    const ScratchFolder folder;
    const std::vector<double> values{1, 2, 3};
    write_safetensors(folder / "f", {tensor_to_write("t", {3}, values)}, {{"key", "value"}});
    const std::string whole = read_file(folder / "f");
    for (std::size_t length = 0; length < whole.size(); ++length) {
        write_raw(folder / "cut", whole.substr(0, length));
        EXPECT_THROW(SafetensorsFile(folder / "cut"), InputError) << length;
    }
}

TEST(Safetensors, TensorsThatAreNotAsAskedForAreNamed) {
    const ScratchFolder folder;
    const std::vector<double> values{1, 2};
    write_safetensors(folder / "f", {tensor_to_write("t", {2}, values)}, {});
    const SafetensorsFile file(folder / "f");
    expect_contains(refusal<InputError>([&] { (void)file.read<double>("u", 1); }),
                    "no tensor 'u'; it holds t");
    expect_contains(refusal<InputError>([&] { (void)file.read<float>("t", 1); }),
                    "dtype F64; it must be F32");
    expect_contains(refusal<InputError>([&] { (void)file.read<double>("t", 2); }),
                    "shape [2]; it must have 2");
    expect_contains(refusal<InputError>([&] { (void)file.read_matrix("t"); }), "shape [2]; it must have 2");
}

// The reader of one tensor must not mind what the others are.
TEST(Safetensors, DtypesOfTheWholeFormatPassInOtherTensors) {
    const ScratchFolder folder;
    write_raw(folder / "f",
              raw_safetensors(R"({"a":)" + entry("[3]", "[0,3]", "F8_E4M3") + R"(,"b":)" +
                                  entry("[4]", "[3,5]", "F4") + R"(,"c":)" + entry("[]", "[5,6]", "BOOL") +
                                  R"(,"d":)" + entry("[1]", "[6,14]") + "}   ",
                              std::string(6, 'x') + bytes_of(std::vector<double>{2.5})));
    EXPECT_EQ(SafetensorsFile(folder / "f").read<double>("d", 1), std::vector<double>{2.5});
}

TEST(Safetensors, MatricesOfEveryFloatAreWidenedExactly) {
    const ScratchFolder folder;
    const std::vector<std::uint16_t> half{0x3c00, 0xc000, 0x0001, 0x7bff, 0x3555, 0x8000};
    const std::vector<std::uint16_t> brain{0x3f80, 0xc000, 0x0001, 0x7f7f, 0x3eab, 0x8000};
    const std::vector<float> single{1, -2, 1.0F / 3, 3e38F, 1e-45F, -0.0F};
    write_safetensors(folder / "f",
                      {{"half", "F16", {2, 3}, std::as_bytes(std::span(half))},
                       {"brain", "BF16", {2, 3}, std::as_bytes(std::span(brain))},
                       tensor_to_write("single", {3, 2}, single)},
                      {});
    const SafetensorsFile file(folder / "f");
    const HostMatrix from_half = file.read_matrix("half");
    EXPECT_EQ(from_half.rows, 2);
    EXPECT_EQ(from_half.columns, 3);
    EXPECT_EQ(from_half.values, (std::vector<double>{1, -2, std::ldexp(1, -24), 65504, 1365.0 / 4096, 0}));
    EXPECT_TRUE(std::signbit(from_half.values[5]));
    EXPECT_EQ(file.read_matrix("brain").values,
              (std::vector<double>{1, -2, std::ldexp(1, -133), std::ldexp(255, 120), 171.0 / 512, 0}));
    EXPECT_EQ(file.read_matrix("single").values, std::vector<double>(single.begin(), single.end()));
    EXPECT_EQ(file.read_matrix("single").rows, 3);
}

TEST(Safetensors, IntegersAreNoMatrix) {
    const ScratchFolder folder;
    const std::vector<std::int32_t> ints{1, 2};
    write_safetensors(folder / "f", {tensor_to_write("t", {1, 2}, ints)}, {});
    expect_contains(refusal<InputError>([&] { (void)SafetensorsFile(folder / "f").read_matrix("t"); }),
                    "dtype I32; it must be F16, BF16, F32 or F64");
}

}  // namespace
}  // namespace ntpgeo
