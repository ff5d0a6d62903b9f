// Scratch on disk: what is written comes back, and no name is ever seen.
#include "host/files/disk_scratch.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

TEST(DiskScratch, WhatIsWrittenComesBackAndHasNoName) {
    const ScratchFolder folder;
    DiskScratch scratch(folder.path());
    const std::unique_ptr<ScratchFile> one = scratch.make(), other = scratch.make();
    std::vector<std::uint16_t> numbers(100'000), back(30'000);
    std::iota(numbers.begin(), numbers.end(), std::uint16_t{0});
    for (int part = 0; part < 4; ++part)
        one->append(std::as_bytes(std::span(numbers).subspan(25'000 * part, 25'000)));
    other->append(std::as_bytes(std::span(numbers).first(1)));
    EXPECT_TRUE(folder.names().empty());
    one->read(2 * 40'000, std::as_writable_bytes(std::span(back)));
    EXPECT_TRUE(std::equal(back.begin(), back.end(), numbers.begin() + 40'000));
    expect_contains(refusal<Failure>([&] { other->read(0, std::as_writable_bytes(std::span(back))); }),
                    "cannot be read again");
}

TEST(DiskScratch, ADiskThatIsTooSmallIsSeenBefore) {
    const ScratchFolder folder;
    const DiskScratch scratch(folder.path());
    scratch.require(1);
    expect_contains(refusal<Failure>([&] { scratch.require(std::int64_t{1} << 60); }),
                    "counting will take about 1024.0 PiB there, and ");
}

TEST(DiskScratch, AFolderThatIsNotThereIsRefused) {
    const ScratchFolder folder;
    DiskScratch scratch(folder / "gone");
    expect_contains(refusal<InputError>([&] { static_cast<void>(scratch.make()); }),
                    "gone: cannot be written to: ");
}

}  // namespace
}  // namespace ntpgeo
