// When an iteration whose gap falls about geometrically should be certified next, and when it has stopped
// falling.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace ntpgeo {

class CertificateSchedule {
  public:
    /// From `start` iterations on.
    explicit CertificateSchedule(double tolerance, std::int64_t start = 0)
        : tolerance_(tolerance), next_(start + first), last_iteration_(start), best_iteration_(start) {}

    [[nodiscard]] bool due(std::int64_t iteration) const { return iteration >= next_; }

    /// Takes the gap found at `iteration`.
    void note(std::int64_t iteration, double gap) {
        std::int64_t wait = first;
        if (last_gap_ > gap && gap > 0) {
            const double rate = std::log(last_gap_ / gap) / static_cast<double>(iteration - last_iteration_);
            wait = static_cast<std::int64_t>(std::clamp(std::log(gap / tolerance_) / rate, 5.0, 20.0));
        }
        if (gap < 0.9 * best_) {
            best_ = gap;
            best_iteration_ = iteration;
        }
        last_iteration_ = iteration;
        last_gap_ = gap;
        next_ = iteration + wait;
    }

    /// Iterations since the gap last fell by a tenth.
    [[nodiscard]] std::int64_t resting() const { return last_iteration_ - best_iteration_; }
    /// Whether it has not within the last 500: it has met its rounding, or never will.
    [[nodiscard]] bool stalled() const { return resting() >= 500; }

  private:
    static constexpr std::int64_t first = 10;

    double tolerance_, last_gap_ = 0, best_ = std::numeric_limits<double>::infinity();
    std::int64_t next_, last_iteration_, best_iteration_;
};

}  // namespace ntpgeo
