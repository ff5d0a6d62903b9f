#include "host/files/token_format.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "tests/host/files/token_file_bytes.hpp"

namespace ntpgeo {
namespace {

const std::string four16 = bytes_of(std::vector<std::uint16_t>{3, 1, 4, 1});

/// The message for a file of these bytes and, if there are any, those of an index beside it.
std::string said_of(const std::string& name, const std::string& bytes, const TokenFileOptions& options = {},
                    const std::string& index = "") {
    const ScratchFolder folder;
    write_raw(folder / name, bytes);
    if (!index.empty()) write_raw(std::filesystem::path(folder / name).replace_extension(".idx"), index);
    return refusal<InputError>([&] { open_ids(folder / name, options); });
}

TEST(TokenFormat, RawFilesThatAreNoneAreRefused) {
    const TokenFileOptions raw{.format = TokenFormat::nanogpt, .type = IdType::uint32};
    expect_contains(said_of("a.bin", ""), "is empty");
    expect_contains(said_of("a.bin", four16 + "x"),
                    "its 9 bytes are no whole number of uint16 ids: from byte 8 on it holds part of one");
    expect_contains(said_of("a.bin", four16 + "xy", raw), "uint32 ids: from byte 8 on");
    expect_contains(said_of("a.txt", four16), "raw ids are read by --format nanogpt");
    expect_contains(said_of("a.bin", std::string("PK\x03\x04", 4) + four16), "is a zip archive");
    expect_contains(said_of("a.bin", std::string("\x1F\x8B\x08\x00", 4)), "is compressed by gzip");
    const std::vector<std::uint32_t> wide(40, 50000);
    expect_contains(said_of("a.bin", bytes_of(wide)), "every second id from byte 2 on is 0");
    const ScratchFolder folder;
    write_raw(folder / "a.bin", bytes_of(wide));
    EXPECT_EQ(open_ids(folder / "a.bin", {.type = IdType::uint16}).count, 80);  // where it is said
}

TEST(TokenFormat, LlmcsFilesThatAreNotWhatTheySayAreRefused) {
    const TokenFileOptions llmc{.format = TokenFormat::llmc};
    expect_contains(said_of("a.bin", llmc_bytes(20240520, 2, 4, four16)),
                    "its version is 2 at byte 4; of magic 20240520 version 1 can be read");
    expect_contains(said_of("a.bin", llmc_bytes(20240801, 1, 4, four16)), "version 7 can be read");
    expect_contains(said_of("a.bin", llmc_bytes(20240520, 1, 5, four16)),
                    "its header says 5 tokens at byte 8, which are 10 bytes; from byte 1024 on it holds 8");
    expect_contains(said_of("a.bin", llmc_bytes(20240520, 1, -1, four16)), "-1 tokens at byte 8");
    expect_contains(said_of("a.bin", llmc_bytes(20240520, 1, 0, "")), "holds no token");
    expect_contains(said_of("a.bin", llmc_bytes(20240522, 1, 4, four16)), "begins with 20240522 at byte 0");
    expect_contains(said_of("a.bin", llmc_bytes(20270101, 9, 4, four16)), "is newer than");
    expect_contains(said_of("a.bin", llmc_bytes(7, 1, 4, four16), llmc), "its magic is 7 at byte 0");
    expect_contains(said_of("a.bin", four16, llmc), "truncated");
    expect_contains(said_of("a.bin", llmc_bytes(20240520, 1, 4, four16), {.type = IdType::uint16}),
                    "--dtype uint16 is for raw ids");
}

TEST(TokenFormat, ArraysThatAreNoIdsAreRefused) {
    const auto said = [](const std::string& descr, const std::string& shape, const std::string& data) {
        return said_of("a.npy", npy_bytes(descr, shape, data));
    };
    expect_contains(said("<f4", "(2,)", four16), "has dtype '<f4'; ids are integers");
    expect_contains(said("=u2", "(4,)", four16), "has dtype '=u2'");
    expect_contains(said("|b1", "(8,)", four16), "has dtype '|b1'");
    expect_contains(said("<u2", "(2, 2)", four16), "has shape (2, 2); ids have 1 dimension");
    expect_contains(said("<u2", "()", four16), "has shape ()");
    expect_contains(said("<u2", "(5,)", four16),
                    "its shape (5,) of uint16 is not what follows: from byte 128 on it holds 8 bytes");
    expect_contains(said("<u2", "(4,)", four16 + "x"), "holds 9 bytes");
    expect_contains(said("<u8", "(4611686018427387904,)", four16), "is not what follows");
    expect_contains(said("<u2", "(0,)", ""), "holds no token");
    expect_contains(said_of("a.npy", four16, {.format = TokenFormat::npy}), "is not a .npy file");
}

TEST(TokenFormat, AnIndexThatDoesNotMatchIsRefused) {
    const MegatronIndex right{.lengths = {1, 3}, .documents = {0, 1, 2}};
    const auto said = [&](auto change) {
        MegatronIndex index = right;
        change(index);
        return said_of("a.bin", four16, {.format = TokenFormat::megatron}, index.bytes());
    };
    const auto said_of_bytes = [&](const std::string& bytes) {
        return said_of("a.bin", four16, {.format = TokenFormat::megatron}, bytes);
    };
    expect_contains(said([](auto& index) {
                        index.lengths = {1, 2};
                    }),
                    "its sequences have 3 tokens, 6 bytes, and the .bin holds 8");
    expect_contains(said([](auto& index) { index.dtype = 4; }),
                    "sequence 1 begins at byte 2 by byte 50; behind the");
    expect_contains(said([](auto& index) { index.dtype = 6; }), "its dtype is 6 at byte 17");
    expect_contains(said([](auto& index) { index.dtype = 9; }), "its dtype is 9 at byte 17");
    expect_contains(said([](auto& index) { index.dtype = 0; }), "its dtype is 0 at byte 17");
    expect_contains(said([](auto& index) { index.version = 2; }),
                    "its version is 2 at byte 9; 1 can be read");
    expect_contains(said([](auto& index) { index.magic = "SOMETHING"; }), "does not begin with MMIDIDX");
    expect_contains(said([](auto& index) {
                        index.lengths = {-1, 5};
                    }),
                    "sequence 0 has a length of -1 at byte 34");
    expect_contains(said([](auto& index) {
                        index.documents = {0, 2, 1};
                    }),
                    "document 2 is to begin with sequence 1 at byte 74, of 2");
    expect_contains(said([](auto& index) {
                        index.documents = {1, 2};
                    }),
                    "document 0 is to begin with sequence 1");
    expect_contains(said([](auto& index) {
                        index.documents = {0, 3};
                    }),
                    "document 1 is to begin with sequence 3");
    expect_contains(said([](auto& index) {
                        index.documents = {0, 1};
                    }),
                    "its documents end with sequence 1, of 2: at byte 66 should be 2");
    expect_contains(said_of_bytes(right.bytes().substr(0, 30)), "truncated");
    expect_contains(said_of_bytes(right.bytes() + "x"), "2 sequences (byte 18) and 3 documents (byte 26)");
    expect_contains(said_of_bytes(right.bytes().substr(0, 60)), "are not what its 60 bytes hold");
    std::string many = right.bytes();
    many.replace(18, 8, 8, '\xFF');
    expect_contains(said_of_bytes(many), "18446744073709551615 sequences");
    expect_contains(said_of("a.bin", four16, {}, std::string("TNTIDX\0\0", 8)), "fairseq's older kind");
    expect_contains(said_of("a.bin", four16, {.format = TokenFormat::megatron}), "a.idx: cannot be opened");
}

}  // namespace
}  // namespace ntpgeo
