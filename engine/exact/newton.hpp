// The finish of the limit's solver: a smoothed Newton iteration whose directions come from GMRES (design
// 4.2), for supports on which Douglas-Rachford splitting crawls.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/exact/gmres.hpp"
#include "engine/exact/smoothed.hpp"

namespace ntpgeo {

/// Solves F_ν(Y) = 0 for falling ν at the state of a splitting. A point on that path has a gap of (number of
/// inequalities)·ν, so that ν falls no further than half of what the tolerance takes.
class SmoothedNewton {
  public:
    /// What a later process needs beside the splitting's state.
    struct State {
        double rho = 0, nu = 0;
        bool in_fp64 = false;  ///< products
    };

    /// ‖L_mm‖_* is about `norm`; `unit` is the ρ that splitting would have at c = 1 (design (4.2-1)).
    /// `labels` are all rows', `margins` the own rows'.
    SmoothedNewton(const SolverRows& rows, const LabelsView& labels, const double* margins,
                   Splitting& splitting, double unit, double tolerance, double norm);

    /// From the splitting's state, whose penalty is `rho` and whose relative gap is `gap`.
    void start(double rho, double gap);
    void start(const State& state);

    /// One iteration: a direction, halved until ‖F‖ falls. Returns whether the point is worth a certificate:
    /// it solves its problem, or is at rest.
    bool step();
    /// After step() returned true: to the next ν, if there is one.
    void next_problem();
    /// Whether eight halvings did not lower ‖F‖ of the last problem with products in fp64.
    [[nodiscard]] bool at_rest() const { return at_rest_; }
    [[nodiscard]] const State& state() const { return state_; }
    /// The residual's length at the splitting's state; it is NaN where something overflowed.
    [[nodiscard]] double length() const { return length_; }

    /// Memory for own rows [rows, V], fp64, that nothing is kept in after a step.
    [[nodiscard]] Matrix scratch() const { return like_state(direction_); }
    [[nodiscard]] Matrix more_scratch() const { return like_state(before_); }

    /// Whether as many basis vectors as it takes have room.
    static bool fits(std::int64_t rows, std::int64_t vocab);
    /// Bytes of the backend's memory.
    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab);

  private:
    [[nodiscard]] Smoothing smoothing() const { return {1 / state_.rho, state_.nu}; }
    [[nodiscard]] Real products() const { return state_.in_fp64 ? Real::fp64 : Real::fp32; }
    [[nodiscard]] Matrix like_state(const Array& array) const { return rows_.matrix(array); }
    void evaluate() { length_ = residual_.evaluate(smoothing(), products()); }
    std::optional<double> descend();

    const SolverRows& rows_;
    Backend& backend_;
    Splitting& splitting_;
    SmoothedResidual residual_;
    Gmres gmres_;
    Array direction_, before_;           // fp64 [rows·V]: of a step; Y before it
    Array point_, dual_;                 // fp64 [rows·V]: Z and M at the end of the last problem
    std::optional<double> nu_of_point_;  // null before the first
    std::int64_t size_;
    double unit_, nu_per_gap_, last_nu_;
    State state_;
    double length_ = 0, first_length_ = 0;  // ‖F‖ now, and where the problem began
    bool evaluated_ = false, at_rest_ = false;
};

}  // namespace ntpgeo
