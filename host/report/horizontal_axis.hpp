// The horizontal axis of a chart: what the records follow.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/report/axis.hpp"

namespace ntpgeo {

/// Steps and the solver's iterations are logarithmic with 0 left of a break; λ is logarithmic and falls to
/// the right; ‖L̄‖_F is linear.
class HorizontalAxis {
  public:
    /// Over the values that occur; those that the axis has no place for (NaN, λ = 0) are passed over.
    HorizontalAxis(Across measure, const std::vector<double>& values);

    /// In [0, 1], growing to the right; NaN where the axis has no place for the value.
    [[nodiscard]] double position(double value) const;
    [[nodiscard]] const std::vector<Tick>& ticks() const { return ticks_; }
    /// Where the axis is broken, right of 0.
    [[nodiscard]] std::optional<double> break_position() const;
    /// Whether records that follow one another lie one right of the other.
    [[nodiscard]] bool is_ordered() const { return measure_ != Across::logits_norm; }
    /// What stands below the axis, markup.
    [[nodiscard]] std::string_view name() const;
    /// "at step 100", "at λ = 10^{−6}": markup.
    [[nodiscard]] std::string in_words(double value) const;

  private:
    Across measure_;
    std::optional<StepAxis> counts_;
    std::optional<Axis> continuous_;
    std::vector<Tick> ticks_;
};

}  // namespace ntpgeo
