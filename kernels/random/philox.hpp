// Philox4x32-10, a counter-based generator (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011). A value depends on (seed, stream, index) alone, so every backend and every number of
// threads draws the same. Everything is constexpr because that is what makes it callable from CUDA kernels as
// well (nvcc's relaxed constexpr) without a word of CUDA here.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace ntpgeo {

/// A standard normal from two numbers uniform in (0, 1), by Box and Muller's transformation. A template,
/// because log and cos are not constexpr and only a template may say that it is all the same.
template <class Number>
constexpr Number box_muller(Number first, Number second) {
    return std::sqrt(Number{-2} * std::log(first)) *
           std::cos(Number{2} * std::numbers::pi_v<Number> * second);
}

/// One stream of random numbers, addressed by index. Cheap to copy; holds no state that moves.
class Philox {
  public:
    constexpr explicit Philox(std::uint64_t seed, std::uint64_t stream = 0) : seed_(seed), stream_(stream) {}

    /// 128 random bits of `index` as two 64-bit words.
    [[nodiscard]] constexpr std::array<std::uint64_t, 2> words(std::uint64_t index) const {
        std::array<std::uint32_t, 4> counter{low(index), high(index), low(stream_), high(stream_)};
        std::array<std::uint32_t, 2> key{low(seed_), high(seed_)};
        for (int round = 0; round < 10; ++round) {
            const std::uint64_t product0 = 0xD2511F53ULL * counter[0];
            const std::uint64_t product1 = 0xCD9E8D57ULL * counter[2];
            counter = {high(product1) ^ counter[1] ^ key[0], low(product1),
                       high(product0) ^ counter[3] ^ key[1], low(product0)};
            key[0] += 0x9E3779B9U;
            key[1] += 0xBB67AE85U;
        }
        return {(std::uint64_t{counter[1]} << 32) | counter[0],
                (std::uint64_t{counter[3]} << 32) | counter[2]};
    }

    /// 64 random bits.
    [[nodiscard]] constexpr std::uint64_t bits(std::uint64_t index) const { return words(index)[0]; }

    /// Uniform in the open interval (0, 1): an odd multiple of 2^-53, so that neither end is reached by
    /// rounding.
    [[nodiscard]] constexpr double uniform(std::uint64_t index) const { return to_unit(bits(index)); }

    /// Standard normal.
    [[nodiscard]] constexpr double normal(std::uint64_t index) const {
        const auto [first, second] = words(index);
        return box_muller(to_unit(first), to_unit(second));
    }

  private:
    static constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
    static constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
    static constexpr double to_unit(std::uint64_t x) {
        return (static_cast<double>(x >> 12) + 0.5) * 0x1p-52;
    }

    std::uint64_t seed_, stream_;
};

}  // namespace ntpgeo
