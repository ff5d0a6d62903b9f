// Anderson acceleration of a splitting iteration (design 4.2).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// Type-II Anderson mixing over the last `window` steps of Y⁺ = Y + g(Y): Y = Y⁺ − Σ γ_q ΔY⁺_q with
/// (FᵀF + 1e-10·tr(FᵀF)·I)γ = Fᵀg, F the changes of g. The changes are kept in fp32. A step whose ‖g‖ exceeds
/// twice the least so far is taken plain and empties the history.
class Anderson {
  public:
    static constexpr std::int64_t window = 10;

    Anderson(Backend& backend, std::int64_t size);

    /// Moves y [size, fp64] on by g = relaxation·(towards − from); returns ‖g‖.
    double advance(double relaxation, Vector towards, Vector from, Vector y);

    /// Forgets the history, for a new problem or a new penalty.
    void clear();

    /// Bytes of the backend's memory for a state of `size` numbers.
    static std::int64_t bytes(std::int64_t size) { return size * (2 * 8 + 2 * window * 4); }

  private:
    [[nodiscard]] std::vector<double> coefficients() const;

    Backend& backend_;
    std::int64_t size_;
    Array residual_, moved_;                  // fp64 [size]
    Array residual_changes_, moved_changes_;  // fp32 [window, size]
    std::int64_t steps_ = 0;                  // since the history was emptied
    double least_ = 0;
    std::vector<double> products_, right_;  // FᵀF [window, window], Fᵀg [window]
};

}  // namespace ntpgeo
