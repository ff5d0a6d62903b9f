#include "host/report/horizontal_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

constexpr int kMostLabels = 8;

Scale scale_of(Across measure) {
    return measure == Across::logits_norm ? Scale::linear : Scale::logarithmic;
}

/// Least and greatest of the values that the scale has a place for; of none, 1.
std::pair<double, double> placed_range(Scale scale, const std::vector<double>& values) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const double value : values) {
        if (!has_place(scale, value)) continue;
        low = std::min(low, value);
        high = std::max(high, value);
    }
    return low <= high ? std::pair(low, high) : std::pair(1.0, 1.0);
}

}  // namespace

HorizontalAxis::HorizontalAxis(Across measure, const std::vector<double>& values) : measure_(measure) {
    if (measure == Across::step || measure == Across::iterations) {
        const bool any = std::any_of(values.begin(), values.end(), [](double value) { return value > 0.0; });
        const auto [low, high] = placed_range(Scale::logarithmic, values);
        const bool has_zero = std::find(values.begin(), values.end(), 0.0) != values.end();
        counts_.emplace(any ? static_cast<std::int64_t>(low) : 0, any ? static_cast<std::int64_t>(high) : 0,
                        has_zero);
        ticks_ = counts_->ticks();
        return;
    }
    const auto [low, high] = placed_range(scale_of(measure), values);
    continuous_.emplace(scale_of(measure), low, high, kMostLabels);
    for (const Tick& tick : continuous_->ticks()) {
        ticks_.push_back({measure == Across::lambda ? 1.0 - tick.position : tick.position, tick.label});
    }
}

double HorizontalAxis::position(double value) const {
    if (counts_) {
        if (!(value >= 0.0)) return std::numeric_limits<double>::quiet_NaN();
        return counts_->position(static_cast<std::int64_t>(value));
    }
    const double along = continuous_->position(value);
    return measure_ == Across::lambda ? 1.0 - along : along;
}

std::optional<double> HorizontalAxis::break_position() const {
    if (counts_ && counts_->has_break()) return counts_->break_position();
    return std::nullopt;
}

std::string_view HorizontalAxis::name() const {
    switch (measure_) {
        case Across::step:
            return "step";
        case Across::iterations:
            return "iteration";
        case Across::lambda:
            return "λ, falling to the right";
        case Across::logits_norm:
            return "‖L‖_{F}";
    }
    return "";
}

std::string HorizontalAxis::in_words(double value) const {
    switch (measure_) {
        case Across::step:
            return fmt::format("at step {:.0f}", value);
        case Across::iterations:
            return fmt::format("at iteration {:.0f}", value);
        case Across::lambda:
            return "at λ = " + number_markup(value, 3);
        case Across::logits_norm:
            return "at ‖L‖_{F} = " + number_markup(value, 4);
    }
    return "";
}

}  // namespace ntpgeo
