// How long a training's updates take, records and checkpoints aside.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace ntpgeo {

/// Seconds and updates.
class UpdateClock {
  public:
    /// Lets `work` make updates, which `count` counts, and settle some of them.
    template <class Work, class Count>
    void time(const Work& work, const Count& count) {
        const std::int64_t before = count();
        const auto start = Clock::now();
        work();
        seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
        updates_ += count() - before;
    }

    /// Of an update since the last reading; none where none was made.
    std::optional<double> read() {
        const std::optional<double> mean = mean_from(read_seconds_, read_updates_);
        read_seconds_ = seconds_;
        read_updates_ = updates_;
        return mean;
    }
    /// Of an update since begin_mean, or since the clock was made.
    [[nodiscard]] std::optional<double> mean() const { return mean_from(mean_seconds_, mean_updates_); }
    void begin_mean() {
        mean_seconds_ = seconds_;
        mean_updates_ = updates_;
    }

  private:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] std::optional<double> mean_from(double seconds, std::int64_t updates) const {
        if (updates_ == updates) return std::nullopt;
        return (seconds_ - seconds) / static_cast<double>(updates_ - updates);
    }

    double seconds_ = 0, read_seconds_ = 0, mean_seconds_ = 0;
    std::int64_t updates_ = 0, read_updates_ = 0, mean_updates_ = 0;
};

}  // namespace ntpgeo
