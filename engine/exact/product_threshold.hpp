// Singular value thresholding by matrix products alone, for devices that multiply much faster than they
// decompose (design (4.2-11)).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/exact/solver_rows.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// Scales ζ of x ← ζx(3 − ζ²x²)/2 that take every x in [least, 1] to 1 within four roundings, 2^-53 or 2^-24:
/// the best of that form while all stay above 0.
std::vector<double> newton_schulz_scales(double least, Real real);

/// What a threshold takes, all of it known beforehand.
struct ProductPlan {
    double bound = 0;  ///< of the Gram matrix's eigenvalues, as long as the guess that it comes from holds
    std::vector<double> sign_scales, root_scales;

    /// [n, n] products beside those that a decomposition needs as well.
    [[nodiscard]] std::int64_t products() const {
        return 2 * std::ssize(sign_scales) + 3 * std::ssize(root_scales) + 3;
    }
};

/// With G the Gram matrix of A's shorter side: max(G, τ²I) by the sign of G − τ²I, and from its inverse
/// square root X = A − τA·max(G, τ²I)^{-1/2}. Nothing comes to the host before all is queued; then three
/// numbers tell whether it has worked.
class ProductThreshold {
  public:
    /// `rows` must outlive it. Where ranks share them, all make the products of the shorter side.
    explicit ProductThreshold(const SolverRows& rows);

    /// Takes ‖A‖_F² of a matrix that the next one is expected to be like.
    void expect(double square) { square_ = square; }
    /// Null where no matrix is known, or τ is too far from its norm, or the last result could not be relied
    /// on though the matrix was as expected.
    [[nodiscard]] std::optional<ProductPlan> plan(double tau, Real real) const;

    /// X = SVT(A, τ) in A's precision. False where ‖A‖_F is above what was planned for or a residual above
    /// its rounding: X is then of no use. `squares`: four matrices [n, n] of that precision to work in. `x`
    /// must not be `a`. Waits once.
    bool apply(const ProductPlan& plan, const std::array<Matrix, 4>& squares, const SharedMatrix& a,
               double tau, Matrix x);

  private:
    const SolverRows& rows_;
    Backend& backend_;
    Array checks_;  // [3]: ‖A‖_F², and the squares of both residuals
    double square_ = 0;
    bool reliable_ = true;
};

}  // namespace ntpgeo
