#include "host/run/newest_whole.hpp"

#include <gtest/gtest.h>

#include "host/files/atomic_file.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

class NewestWhole : public testing::Test {
  protected:
    fs::path write(const std::string& name) {
        const std::vector<double> values{1, 2};
        const std::vector<TensorToWrite> tensors{tensor_to_write("t", {2}, values)};
        write_safetensors(folder_ / name, tensors, with_checksums(tensors, {}));
        return folder_ / name;
    }
    /// One whose tensor has another bit.
    fs::path write_damaged(const std::string& name) {
        std::string bytes = read_file(write(name));
        bytes.back() = static_cast<char>(bytes.back() ^ 1);
        write_raw(folder_ / name, bytes);
        return folder_ / name;
    }
    auto choose(const std::vector<fs::path>& files) {
        taken_.clear();
        return read_newest_whole(
            files,
            [&](const fs::path& path, const SafetensorsFile& file) {
                (void)file.read<double>("t", 1);
                taken_ = path.filename();
            },
            "what can be done");
    }

    ScratchFolder folder_;
    std::string taken_;
};

TEST_F(NewestWhole, TheFirstThatIsWholeIsTakenAndThoseBeforeItAreNamed) {
    EXPECT_TRUE(choose({}).value().empty());
    EXPECT_EQ(taken_, "");
    EXPECT_TRUE(choose({write("c"), write("b")}).value().empty());
    EXPECT_EQ(taken_, "c");
    write_raw(folder_ / "e", "");
    const auto damaged = choose({folder_ / "e", write_damaged("d"), folder_ / "c", folder_ / "b"}).value();
    EXPECT_EQ(taken_, "c");
    ASSERT_EQ(damaged.size(), 2U);
    EXPECT_EQ(damaged[0].text(),
              (folder_ / "e").string() + " is damaged (is empty; a safetensors file is needed)");
    EXPECT_EQ(damaged[1].path, folder_ / "d");
    expect_contains(damaged[1].reason, "the bytes of its tensor 't'");
}

TEST_F(NewestWhole, WhereNoneIsWholeAllAreNamed) {
    const std::string said = refusal<InputError>([&] {
        (void)choose({write_damaged("d"), write_damaged("e")});
    });
    for (const char* part : {"/d is damaged", "/e is damaged", "; what can be done"})
        expect_contains(said, part);
}

TEST_F(NewestWhole, FilesThatHaveGoneAwayAreLookedForAgain) {
    EXPECT_FALSE(choose({folder_ / "gone"}));
    EXPECT_FALSE(choose({folder_ / "gone", write_damaged("d")}));
    EXPECT_TRUE(choose({folder_ / "gone", write("b")}).value().empty());
    EXPECT_EQ(taken_, "b");
}

TEST_F(NewestWhole, WhatCannotBeOpenedIsRefusedAndNotPassedOver) {
    fs::create_directory(folder_ / "folder");
    expect_contains(refusal<InputError>([&] {
                        (void)choose({folder_ / "folder", write("b")});
                    }),
                    "is a folder");
}

TEST_F(NewestWhole, AResultAloneIsReadWhereItIsThere) {
    int reads = 0;
    const auto read = [&](const fs::path&, const SafetensorsFile& file) {
        (void)file.read<double>("t", 1);
        ++reads;
    };
    EXPECT_FALSE(read_if_whole(folder_ / "gone", read));
    EXPECT_EQ(reads, 0);
    EXPECT_FALSE(read_if_whole(write("b"), read));
    EXPECT_EQ(reads, 1);
    const auto damaged = read_if_whole(write_damaged("d"), read);
    ASSERT_TRUE(damaged);
    EXPECT_EQ(damaged->path, folder_ / "d");
    EXPECT_EQ(reads, 1);
}

}  // namespace
}  // namespace ntpgeo
