// Memory that is handed out again.
#include "kernels/memory/arena.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "tests/metering_backend.hpp"

namespace ntpgeo {
namespace {

TEST(Arena, TakesItsMemoryOnceAndGivesTheSamePlacesAgain) {
    MeteringBackend meter;
    Arena arena(meter, 4 * Arena::rounded(1000));
    const std::int64_t taken = meter.bytes;
    void* places[3] = {};
    for (int round = 0; round < 3; ++round) {
        const Array first(arena, 1000), second(arena, 1000), none(arena, 0);
        void* const now[] = {first.data(), second.data(), none.data()};
        if (round > 0) {
            EXPECT_EQ(std::memcmp(now, places, sizeof now), 0) << round;
        }
        std::memcpy(places, now, sizeof now);
        EXPECT_EQ(meter.bytes, taken);
    }
}

TEST(Arena, WhatItHasNoRoomForComesFromTheBackend) {
    MeteringBackend meter;
    Arena arena(meter, 1000);
    const std::int64_t taken = meter.bytes;
    {
        const Array large(arena, 5000);
        EXPECT_EQ(meter.bytes, taken + 5000);
    }
    EXPECT_EQ(meter.bytes, taken);
}

// Released in any order, its parts become one again; until then nobody's is another's.
TEST(Arena, PartsNeverOverlapAndJoinAgain) {
    MeteringBackend meter;
    constexpr std::int64_t size = 64 * 1024;
    Arena arena(meter, size);
    const std::int64_t taken = meter.bytes;
    std::mt19937_64 random(5);
    for (int round = 0; round < 50; ++round) {
        std::vector<std::pair<Array, unsigned char>> kept;
        for (int k = 0; k < 40; ++k) {
            if (kept.size() > 3 && random() % 2 == 0) {
                const std::size_t which = random() % kept.size();
                std::swap(kept[which], kept.back());
                kept.pop_back();
                continue;
            }
            const auto mark = static_cast<unsigned char>(k + 1);
            kept.emplace_back(Array(arena, 1 + static_cast<std::int64_t>(random() % 1500)), mark);
            std::memset(kept.back().first.data(), mark, static_cast<std::size_t>(kept.back().first.bytes()));
        }
        for (const auto& [array, mark] : kept)
            for (std::int64_t i = 0; i < array.bytes(); ++i)
                ASSERT_EQ(array.as<unsigned char>()[i], mark) << round;
        ASSERT_EQ(meter.bytes, taken) << "there was room";
        kept.clear();
        const Array all(arena, size);
        ASSERT_EQ(meter.bytes, taken) << "round " << round << " left it in pieces";
    }
}

}  // namespace
}  // namespace ntpgeo
