// Anderson acceleration of a splitting iteration (design 4.2).
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// Type-II Anderson mixing over the last `window` steps of Y⁺ = Y + g(Y): Y = Y⁺ − Σ γ_q ΔY⁺_q with
/// (FᵀF + 1e-10·tr(FᵀF)·I)γ = Fᵀg, F the changes of g. The changes are kept in fp32. A mix after which ‖g‖
/// exceeds twice the least so far is undone: the plain Y⁺ takes its place, the history is emptied, and twice
/// as many plain steps go before the next mix as before the last, so that the plain iteration's convergence
/// is not lost.
class Anderson {
  public:
    static constexpr std::int64_t window = 10;

    Anderson(Backend& backend, std::int64_t size);

    /// Moves y [size, fp64] on by g = relaxation·(towards − from); returns ‖g‖.
    double advance(double relaxation, Vector towards, Vector from, Vector y);

    /// Forgets the history, for a new problem or a new penalty.
    void clear();

    /// Bytes of the backend's memory for a state of `size` numbers.
    static std::int64_t bytes(std::int64_t size) { return (16 + 8 * window) * size; }

  private:
    static constexpr std::int64_t first_plain_steps = 6;
    [[nodiscard]] std::vector<double> coefficients() const;

    Backend& backend_;
    std::int64_t size_;
    Array residual_, moved_;                        // fp64 [size]
    Array residual_changes_, moved_changes_;        // fp32 [window, size]
    std::int64_t steps_ = 0;                        // since the history was emptied
    std::int64_t plain_steps_ = first_plain_steps;  // before the first mix
    bool mixed_ = false;                            // whether the last step was
    double least_ = std::numeric_limits<double>::infinity();
    std::vector<double> products_, right_;  // FᵀF [window, window], Fᵀg [window]
};

}  // namespace ntpgeo
