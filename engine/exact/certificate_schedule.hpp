// When an iteration whose gap falls about geometrically should be certified next, and when it has stopped
// falling.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace ntpgeo {

class CertificateSchedule {
  public:
    explicit CertificateSchedule(double tolerance) : tolerance_(tolerance) {}

    [[nodiscard]] bool due(std::int64_t iteration) const { return iteration >= next_; }

    /// Takes the gap found at `iteration`.
    void note(std::int64_t iteration, double gap) {
        std::int64_t wait = first;
        if (last_iteration_ > 0 && gap > 0 && last_gap_ > gap) {
            const double rate = std::log(last_gap_ / gap) / static_cast<double>(iteration - last_iteration_);
            wait = static_cast<std::int64_t>(std::clamp(std::log(gap / tolerance_) / rate, 5.0, 20.0));
        }
        if (last_iteration_ == 0 || gap < 0.9 * best_) {
            best_ = gap;
            best_iteration_ = iteration;
        }
        last_iteration_ = iteration;
        last_gap_ = gap;
        next_ = iteration + wait;
    }

    /// Whether the gap has not fallen by a tenth within the last 500 iterations: it has met its rounding, or
    /// never will.
    [[nodiscard]] bool stalled() const { return last_iteration_ - best_iteration_ >= 500; }

  private:
    static constexpr std::int64_t first = 10;

    double tolerance_, last_gap_ = 0, best_ = 0;
    std::int64_t next_ = first, last_iteration_ = 0, best_iteration_ = 0;
};

}  // namespace ntpgeo
