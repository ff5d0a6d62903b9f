// Random numbers one after the other, for drawing data.
#pragma once

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/random/philox.hpp"

namespace ntpgeo {

/// One stream of Philox read in order. Two purposes take two streams, so that a change of one never shifts
/// the other.
class RandomSequence {
  public:
    RandomSequence(std::uint64_t seed, std::uint64_t stream) : random_(seed, stream) {}

    double uniform() { return random_.uniform(index_++); }
    double normal() { return random_.normal(index_++); }

    /// Uniform in [0, bound), bound ≥ 1, without the bias of a plain remainder.
    std::int64_t below(std::int64_t bound) {
        const auto range = static_cast<std::uint64_t>(bound);
        const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() / range * range;
        std::uint64_t bits = random_.bits(index_++);
        while (bits >= limit) bits = random_.bits(index_++);
        return static_cast<std::int64_t>(bits % range);
    }

    /// A uniform permutation (Fisher and Yates).
    template <class T>
    void shuffle(std::vector<T>& values) {
        for (auto i = static_cast<std::int64_t>(values.size()) - 1; i > 0; --i) {
            std::swap(values[i], values[below(i + 1)]);
        }
    }

  private:
    Philox random_;
    std::uint64_t index_ = 0;
};

}  // namespace ntpgeo
