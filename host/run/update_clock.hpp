// How long a training's updates take, records and checkpoints aside, and what share of its device they use.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "engine/training/objective.hpp"
#include "engine/training/stage.hpp"
#include "kernels/backend.hpp"

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

/// What an update of a stage gets of the device's peak in its precision when it takes `seconds`: the flops of
/// its three products, 6·V·m·d, of two where a factor is frozen, over the time and the maker's figure. None
/// where that is not known (Backend::products_rate). A line search makes more of them than are counted.
std::optional<double> share_of_peak(const Backend& backend, const ModelShape& shape, const Stage& stage,
                                    double seconds);

/// "31 % of the peak in bf16, 3.1 GiB of 140.4 GiB in use", as far as it is known; "" on the CPU.
std::string words_of_use(const Backend& backend, const ModelShape& shape, const Stage& stage,
                         std::optional<double> seconds);

}  // namespace ntpgeo
