#include "host/files/token_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "tests/host/files/token_file_bytes.hpp"

namespace ntpgeo {
namespace {

using Ids = std::vector<std::int32_t>;

const std::string five16 = bytes_of(std::vector<std::uint16_t>{3, 1, 4, 1, 60000});
const std::string five32 = bytes_of(std::vector<std::uint32_t>{3, 1, 4, 1, 60000});
const Ids five = {3, 1, 4, 1, 60000};

Ids all_of(const TokenFiles& files) {
    Ids ids(static_cast<std::size_t>(files.size()));
    files.read(0, ids);
    return ids;
}

Ids read_one(const std::filesystem::path& path, const TokenFileOptions& options = {}) {
    return all_of(TokenFiles({path}, options));
}

/// The bytes of numbers, the highest first.
template <class T>
std::string big_endian(const std::vector<T>& values) {
    std::string bytes = bytes_of(values);
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(T))
        std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                     bytes.begin() + static_cast<std::ptrdiff_t>(at + sizeof(T)));
    return bytes;
}

TEST(TokenFiles, EachFormatIsKnownByItsBeginning) {
    const ScratchFolder folder;
    write_raw(folder / "raw.bin", five16);
    write_raw(folder / "one.bin", llmc_bytes(20240520, 1, 5, five16));
    write_raw(folder / "seven", llmc_bytes(20240801, 7, 5, five32));
    write_raw(folder / "array", npy_bytes("<u4", "(5,)", five32));
    write_raw(folder / "pair.bin", five16);
    write_raw(folder / "pair.idx", MegatronIndex{.lengths = {2, 3}, .documents = {0, 1, 2}}.bytes());
    for (const auto& [name, format] : {std::pair("raw.bin", TokenFormat::nanogpt),
                                       {"one.bin", TokenFormat::llmc},
                                       {"seven", TokenFormat::llmc},
                                       {"array", TokenFormat::npy},
                                       {"pair.bin", TokenFormat::megatron}}) {
        const TokenFiles files({folder / name}, {});
        EXPECT_EQ(files.files()[0].format, format) << name;
        EXPECT_EQ(all_of(files), five) << name;
        EXPECT_EQ(read_one(folder / name, {.format = format}), five) << name;
    }
}

TEST(TokenFiles, RawIdsHaveTheTypeThatIsGiven) {
    const ScratchFolder folder;
    write_raw(folder / "wide", five32);
    EXPECT_EQ(read_one(folder / "wide", {.format = TokenFormat::nanogpt, .type = IdType::uint32}), five);
    write_raw(folder / "bytes", std::string("\x00\xFF", 2));
    EXPECT_EQ(read_one(folder / "bytes", {.format = TokenFormat::nanogpt, .type = IdType::uint8}),
              (Ids{0, 255}));
    write_raw(folder / "long", bytes_of(std::vector<std::int64_t>{7, 2147483646}));
    EXPECT_EQ(read_one(folder / "long", {.format = TokenFormat::nanogpt, .type = IdType::int64}),
              (Ids{7, 2147483646}));
}

TEST(TokenFiles, ArraysOfEveryWidthAndByteOrderAreRead) {
    const ScratchFolder folder;
    const auto expect = [&](const std::string& descr, const std::string& bytes) {
        write_raw(folder / "ids.npy", npy_bytes(descr, "(3,)", bytes));
        EXPECT_EQ(read_one(folder / "ids.npy"), (Ids{1, 0, 100})) << descr;
    };
    const auto expect_width = [&]<class T>(const char* type, T) {
        const std::vector<T> values = {1, 0, 100};
        expect(std::string("<") + type, bytes_of(values));
        expect(std::string(">") + type, big_endian(values));
    };
    expect("|u1", std::string("\x01\x00\x64", 3));
    expect("|i1", std::string("\x01\x00\x64", 3));
    expect_width("u2", std::uint16_t{});
    expect_width("i2", std::int16_t{});
    expect_width("u4", std::uint32_t{});
    expect_width("i4", std::int32_t{});
    expect_width("u8", std::uint64_t{});
    expect_width("i8", std::int64_t{});
}

TEST(TokenFiles, ShardsAreOneTextThatCanBeReadFromAnyPlace) {
    const ScratchFolder folder;
    Ids all;
    std::vector<std::filesystem::path> paths;
    for (int shard = 0; shard < 3; ++shard) {  // longer than what is read at once
        std::vector<std::uint16_t> ids(static_cast<std::size_t>(5000 + shard));
        for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint16_t>(shard * 7000 + i);
        all.insert(all.end(), ids.begin(), ids.end());
        paths.push_back(folder / (std::to_string(shard) + ".bin"));
        write_raw(paths.back(), bytes_of(ids));
    }
    const TokenFiles files(paths, {});
    EXPECT_EQ(files.document_ends(), std::vector<std::int64_t>{15003});
    EXPECT_EQ(all_of(files), all);
    for (const std::int64_t begin : {0, 1, 4999, 5000, 5001, 10000, 10001, 15002}) {
        for (const std::size_t count : {1, 2, 4097, 9000}) {
            if (begin + static_cast<std::int64_t>(count) > files.size()) continue;
            Ids part(count);
            files.read(begin, part);
            EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + begin)) << begin << " " << count;
        }
    }
}

TEST(TokenFiles, TheEndOfTextIsOutsideOfAllWindowsAndOfTheVocabulary) {
    const ScratchFolder folder;
    write_raw(folder / "ids.bin", five16);
    TokenFiles files({folder / "ids.bin"}, {.end_of_text = 60000});
    EXPECT_EQ(all_of(files), (Ids{3, 1, 4, 1, -1}));
    const IdSurvey open = files.survey(std::nullopt);
    EXPECT_EQ(open.greatest, 60000);
    EXPECT_EQ(open.ends_of_text, 1);
    EXPECT_EQ(files.survey(5).ends_of_text, 1);
    TokenFiles one({folder / "ids.bin"}, {.end_of_text = 1});
    EXPECT_EQ(one.survey(60001).ends_of_text, 2);
    EXPECT_EQ(all_of(one), (Ids{3, -1, 4, -1, 60000}));
}

TEST(TokenFiles, MegatronsDocumentsBoundWindowsAndEmptyOnesLeaveNoTrace) {
    const ScratchFolder folder;
    write_raw(folder / "one.bin", five16);
    write_raw(folder / "a.bin", five16);
    // Of sequences of 2, 0, 1, 0 and 2 tokens, the documents are the first two, the third, the fourth and the
    // last.
    const MegatronIndex index{.lengths = {2, 0, 1, 0, 2}, .documents = {0, 2, 3, 4, 5}};
    write_raw(folder / "a.idx", index.bytes());
    EXPECT_EQ(TokenFiles({folder / "a.bin"}, {}).document_ends(), (std::vector<std::int64_t>{2, 3, 5}));
    EXPECT_EQ(TokenFiles({folder / "one.bin", folder / "a.bin", folder / "one.bin"}, {}).document_ends(),
              (std::vector<std::int64_t>{5, 7, 8, 10, 15}));
    write_raw(folder / "a.idx", index.bytes() + std::string(5, '\1'));  // modes, a byte a sequence
    EXPECT_EQ(TokenFiles({folder / "a.bin"}, {}).document_ends().size(), 3);
}

TEST(TokenFiles, AnIdOutsideTheVocabularyIsNamedWithItsPlace) {
    const ScratchFolder folder;
    write_raw(folder / "ids.bin", llmc_bytes(20240520, 1, 5, five16));
    TokenFiles files({folder / "ids.bin"}, {});
    EXPECT_EQ(files.survey(60001).greatest, 60000);
    expect_contains(
        refusal<InputError>([&] { (void)files.survey(60000); }),
        "ids.bin: token 4 at byte 1032 is 60000; ids are below 60000, the size of the vocabulary");

    for (const auto& [descr, bytes, said] :
         {std::tuple("<i4", bytes_of(std::vector<std::int32_t>{1, -1}),
                     "at byte 132 is -1; ids are whole numbers"),
          {"<u8", bytes_of(std::vector<std::uint64_t>{1, ~std::uint64_t{0}}), "is 18446744073709551615;"},
          {"<i8", bytes_of(std::vector<std::int64_t>{1, 2147483647}),
           "is 2147483647; ids are whole numbers"}}) {
        write_raw(folder / "ids.npy", npy_bytes(descr, "(2,)", bytes));
        TokenFiles array({folder / "ids.npy"}, {});
        expect_contains(refusal<InputError>([&] { (void)array.survey(std::nullopt); }), said);
    }
}

TEST(TokenFiles, AFileThatChangesAfterItWasLookedAtIsRefused) {
    const ScratchFolder folder;
    write_raw(folder / "ids.bin", bytes_of(std::vector<std::uint16_t>{1, 2, 3}));
    TokenFiles files({folder / "ids.bin"}, {});
    EXPECT_EQ(files.survey(std::nullopt).greatest, 3);
    write_raw(folder / "ids.bin", bytes_of(std::vector<std::uint16_t>{1, 4, 3}));
    expect_contains(refusal<InputError>([&] { all_of(files); }), "token 1 at byte 2 is 4; ids are below 4");
    write_raw(folder / "ids.bin", bytes_of(std::vector<std::uint16_t>{1, 2}));
    expect_contains(refusal<InputError>([&] { all_of(files); }), "truncated");
}

TEST(TokenFiles, PatternsAndPairsNameFiles) {
    const ScratchFolder folder;
    for (const char* name : {"b_2.bin", "b_1.bin", "b_10.bin", "pair.bin", "pair.idx", "odd[1].bin"})
        write_raw(folder / name, five16);
    const auto names = [&](const std::vector<std::string>& arguments,
                           TokenFormat format = TokenFormat::automatic) {
        std::vector<std::string> full, found;
        for (const std::string& argument : arguments) full.push_back((folder / argument).string());
        for (const auto& path : token_paths(full, format)) found.push_back(path.filename().string());
        return found;
    };
    using Found = std::vector<std::string>;
    EXPECT_EQ(names({"b_*.bin"}), (Found{"b_1.bin", "b_10.bin", "b_2.bin"}));
    EXPECT_EQ(names({"b_?.bin", "b_10.bin"}), (Found{"b_1.bin", "b_2.bin", "b_10.bin"}));
    EXPECT_EQ(names({"pair.idx"}), Found{"pair.bin"});
    EXPECT_EQ(names({"pair"}), Found{"pair.bin"});
    EXPECT_EQ(names({"pair.*"}), Found{"pair.bin"});
    EXPECT_EQ(names({"pair.idx", "pair.bin"}), Found{"pair.bin"});
    EXPECT_EQ(names({"b_1.bin", "b_1.bin"}), (Found{"b_1.bin", "b_1.bin"}));
    EXPECT_EQ(names({"odd[1].bin"}), Found{"odd[1].bin"});  // a file's name before it is a pattern
    EXPECT_EQ(names({"pair.idx"}, TokenFormat::nanogpt), Found{"pair.idx"});
    expect_contains(refusal<InputError>([&] { names({"c_*.bin"}); }), "no file's name is like that");
}

}  // namespace
}  // namespace ntpgeo
