#include <chrono>

#include "library/handles.hpp"

namespace ntpgeo {

Watch::Watch(const ntpgeo_watch* watch) {
    if (watch == nullptr) return;
    require_size(watch->size, sizeof(ntpgeo_watch), "ntpgeo_watch");
    watch_ = *watch;
}

void Watch::poll() {
    if (watch_.should_stop == nullptr) return;
    constexpr std::int64_t between = 50'000'000;
    const std::int64_t now =
        std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
    if (asked_ != 0 && now - asked_ < between) return;
    asked_ = now;
    if (watch_.should_stop(watch_.user) != 0) throw Stopped();
}

void Watch::show(const ntpgeo_result::Shown& record) const {
    if (watch_.on_record == nullptr) return;
    if (watch_.on_record(watch_.user, record.figures.data(), record.figures.size()) != 0) throw Stopped();
}

}  // namespace ntpgeo
