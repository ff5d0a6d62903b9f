#include "host/report/axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

/// Beyond this a range would overflow when its ends are subtracted.
constexpr double kLargest = 1e300;

double transform(Scale scale, double value) {
    switch (scale) {
        case Scale::linear:
            return value;
        case Scale::logarithmic:
            return std::log10(value);
        case Scale::nines:
            return -std::log1p(-value) / std::log(10.0);
    }
    return value;
}

/// What the axis measures linearly or in powers of ten, at a transformed coordinate: the value; 1 − value on
/// nines.
double distance(Scale scale, double transformed) {
    if (scale == Scale::linear) return transformed;
    return std::pow(10.0, scale == Scale::nines ? -transformed : transformed);
}

/// The least of 1, 2, 5 times a power of ten that is at least `least`.
double nice_step(double least) {
    const double power = std::pow(10.0, std::floor(std::log10(least)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor * power >= least * (1.0 - 1e-9)) return factor * power;
    }
    return 10.0 * power;
}

std::string exponent_text(int exponent) {
    return fixed_text(exponent, 0);
}

/// The label at mantissa·10^exponent of the distance that a logarithmic axis measures (the value, or 1 −
/// value).
std::string log_label(Scale scale, int mantissa, int exponent, bool as_power) {
    if (scale == Scale::nines) {
        if (exponent < -6) {
            const std::string factor = mantissa == 1 ? "" : std::to_string(mantissa) + "×";
            return "1 − " + factor + "10^{" + exponent_text(exponent) + "}";
        }
        return fixed_text(1.0 - mantissa * std::pow(10.0, exponent), std::max(0, -exponent));
    }
    if (as_power) return "10^{" + exponent_text(exponent) + "}";
    return number_markup(mantissa * std::pow(10.0, exponent), 1);
}

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

bool has_place(Scale scale, double value) {
    if (!std::isfinite(value) || std::abs(value) > kLargest) return false;
    if (scale == Scale::logarithmic) return value > 0.0;
    return scale != Scale::nines || value < 1.0;
}

Axis::Axis(Scale scale, double low, double high, int max_labels, double margin)
    : scale_(scale), low_(transform(scale, low)), high_(transform(scale, high)) {
    const double span = high_ - low_;
    // The least range worth an axis: relative where rounding sets the limit, of the logarithm else, absolute
    // where 1 − value does.
    const double least = scale == Scale::nines         ? 1e-6
                         : scale == Scale::logarithmic ? 1e-9
                                                       : 1e-9 * std::max(std::abs(low_), std::abs(high_));
    if (span <= least) {
        const double half = scale != Scale::linear || low_ == 0.0 ? 0.5 : 0.5 * std::abs(low_);
        low_ -= half;
        high_ += half;
    } else {
        if (scale != Scale::linear || low != 0.0) low_ -= margin * span;
        high_ += margin * span;
    }
    if (scale == Scale::linear) {
        add_linear_ticks(max_labels);
    } else if (high_ - low_ < 0.9) {
        add_linear_ticks(max_labels / 2 + 1);  // they crowd at one end
    } else if (high_ - low_ < 2.0) {
        add_one_two_five_ticks();
    } else {
        add_decade_ticks(max_labels);
    }
}

double Axis::position(double value) const {
    if (!has_place(scale_, value)) return std::numeric_limits<double>::quiet_NaN();
    return (transform(scale_, value) - low_) / (high_ - low_);
}

void Axis::add_tick(double transformed, std::string label) {
    const double position = (transformed - low_) / (high_ - low_);
    if (position >= -1e-9 && position <= 1.0 + 1e-9) {
        ticks_.push_back({std::clamp(position, 0.0, 1.0), std::move(label)});
    }
}

void Axis::add_linear_ticks(int max_labels) {
    // At 1-2-5 steps of the distance; on a logarithmic scale this is for ranges under a decade.
    const auto [first, last] = std::minmax({distance(scale_, low_), distance(scale_, high_)});
    double step = nice_step((last - first) / max_labels);
    if (std::floor(last / step) - std::ceil(first / step) + 1 > max_labels) step = nice_step(1.5 * step);
    const int step_exponent = static_cast<int>(std::floor(std::log10(step) + 1e-9));
    const double largest = std::max(std::abs(first), std::abs(last));
    const int digits = static_cast<int>(std::floor(std::log10(largest))) - step_exponent + 1;
    const bool plain = largest < 1e5 && step_exponent >= (scale_ == Scale::nines ? -8 : -4);
    for (double index = std::ceil(first / step - 1e-9); index * step <= last + 1e-9 * step; index += 1.0) {
        const double at = index * step;
        const std::string number = number_markup(at, std::clamp(digits, 1, 16));
        if (scale_ == Scale::nines) {
            const std::string label =
                plain ? fixed_text(1.0 - at, std::max(0, -step_exponent)) : "1 − " + number;
            if (at > 0.0) add_tick(-std::log10(at), label);
        } else {
            const std::string label = plain ? fixed_text(at, std::max(0, -step_exponent)) : number;
            if (has_place(scale_, at)) add_tick(transform(scale_, at), label);
        }
    }
}

void Axis::add_decade_ticks(int max_labels) {
    // In powers of ten of the distance that is measured: the value, or 1 − value, which falls as the axis
    // rises.
    const int sign = scale_ == Scale::nines ? -1 : 1;
    const double low = sign > 0 ? low_ : -high_, high = sign > 0 ? high_ : -low_;
    const int first = static_cast<int>(std::ceil(low - 1e-9)),
              last = static_cast<int>(std::floor(high + 1e-9));
    int stride = 1;
    while ((last - first) / stride + 1 > max_labels) ++stride;
    for (int exponent = first - 1; exponent <= last; ++exponent) {
        const bool labelled = exponent % stride == 0;
        add_tick(sign * exponent, labelled ? log_label(scale_, 1, exponent, true) : "");
        for (int mantissa = 2; stride == 1 && high - low <= 8.0 && mantissa <= 9; ++mantissa) {
            add_tick(sign * (exponent + std::log10(mantissa)), "");
        }
    }
}

void Axis::add_one_two_five_ticks() {
    const int sign = scale_ == Scale::nines ? -1 : 1;
    const double low = sign > 0 ? low_ : -high_, high = sign > 0 ? high_ : -low_;
    for (int exponent = static_cast<int>(std::floor(low)); exponent <= static_cast<int>(std::floor(high));
         ++exponent) {
        for (int mantissa = 1; mantissa <= 9; ++mantissa) {
            const bool labelled = mantissa == 1 || mantissa == 2 || mantissa == 5;
            add_tick(sign * (exponent + std::log10(mantissa)),
                     labelled ? log_label(scale_, mantissa, exponent, false) : "");
        }
    }
}

StepAxis::StepAxis(std::int64_t least_positive, std::int64_t greatest, bool has_zero)
    : has_zero_(has_zero),
      has_positive_(greatest > 0),
      positive_(Scale::logarithmic, static_cast<double>(std::max<std::int64_t>(least_positive, 1)),
                static_cast<double>(std::max<std::int64_t>(greatest, 1)), 7, 0.012) {
    if (has_zero_) ticks_.push_back({position(0), "0"});
    for (const Tick& tick : positive_.ticks()) {
        if (!has_positive_) break;
        ticks_.push_back({has_zero_ ? kFirst + (1.0 - kFirst) * tick.position : tick.position, tick.label});
    }
}

double StepAxis::position(std::int64_t step) const {
    if (step == 0) return has_positive_ ? kZero : 0.5;
    const double inner = positive_.position(static_cast<double>(step));
    return has_zero_ ? kFirst + (1.0 - kFirst) * inner : inner;
}

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
