// Axes: where a value lies between the two ends of an axis, and which ticks the axis carries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/geometry/figure_table.hpp"

namespace ntpgeo {

/// Whether an axis of this scale has a place for the value: a finite one, > 0 on logarithmic, < 1 on nines.
bool has_place(Scale scale, double value);

struct Tick {
    double position;    ///< in [0, 1] along the axis
    std::string label;  ///< markup (host/report/text.hpp); empty for a minor tick
};

/// An axis over a range of values, with a margin at both ends (none below a linear axis that begins at 0).
class Axis {
  public:
    /// `low` ≤ `high`, both with a place on the scale; an empty range is widened. At most `max_labels` (≥ 3)
    /// labels on linear axes and those of two decades or more; `margin` is a fraction of the range.
    Axis(Scale scale, double low, double high, int max_labels, double margin = 0.04);

    /// In [0, 1] for values in the range; NaN where the scale has no place for the value.
    [[nodiscard]] double position(double value) const;
    [[nodiscard]] const std::vector<Tick>& ticks() const { return ticks_; }

  private:
    void add_linear_ticks(int max_labels);
    void add_decade_ticks(int max_labels);
    void add_one_two_five_ticks();
    void add_tick(double transformed, std::string label);

    Scale scale_;
    double low_, high_;  ///< ends of the axis in transformed coordinates
    std::vector<Tick> ticks_;
};

/// The horizontal axis of every figure: the number of updates, logarithmic, with step 0 (which a logarithm
/// cannot place) at a position of its own left of a break.
class StepAxis {
  public:
    /// Over all steps that occur: `least_positive` ≤ `greatest`, both 0 where no step is positive.
    StepAxis(std::int64_t least_positive, std::int64_t greatest, bool has_zero);

    [[nodiscard]] double position(std::int64_t step) const;
    [[nodiscard]] const std::vector<Tick>& ticks() const { return ticks_; }
    [[nodiscard]] bool has_break() const { return has_zero_ && has_positive_; }
    [[nodiscard]] double break_position() const { return kBreak; }

  private:
    static constexpr double kZero = 0.03, kBreak = 0.065, kFirst = 0.09;

    bool has_zero_, has_positive_;
    Axis positive_;
    std::vector<Tick> ticks_;
};

/// The horizontal axis of a chart: what the records follow. Steps and the solver's iterations are logarithmic
/// with 0 left of a break; λ is logarithmic and falls to the right; ‖L̄‖_F is linear.
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
