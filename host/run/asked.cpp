#include "host/run/asked.hpp"

#include <cstdint>
#include <utility>

namespace ntpgeo {

void Asked::agree() {
    if (ranks_.size() == 1) return;
    const auto stop = InterruptGuard::stop_requested();
    const std::int64_t own = (stop ? stop->exit_status : 0) * 4 +
                             (InterruptGuard::take_checkpoint_request() ? 2 : 0) +
                             (ranks_.is_first() && checkpoint_due_() ? 1 : 0);
    const std::int64_t all = TeamSums(ranks_.team(), ranks_.size()).largest(own);
    stop_ = static_cast<int>(all / 4);
    checkpoint_ = all / 2 % 2 != 0;
    clock_ = all % 2 != 0;
}

std::optional<StopRequest> Asked::stop() const {
    if (ranks_.size() == 1) return InterruptGuard::stop_requested();
    if (stop_ == 0) return std::nullopt;
    return StopRequest{stop_, stop_ == 124 ? "stopped by --time-limit" : "interrupted"};
}

bool Asked::take_checkpoint() {
    return ranks_.size() == 1 ? InterruptGuard::take_checkpoint_request() : std::exchange(checkpoint_, false);
}

}  // namespace ntpgeo
