// Generalized minimal residuals (Saad and Schultz 1986) over a backend's vectors, for the directions of the
// smoothed Newton iteration (design 4.2).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/exact/solver_rows.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// Solves A x = b from x = 0, without restarts. The basis is kept in fp32 whatever the products are made in:
/// directions are wanted to a tenth, and a basis vector's rounding is that of its own product alone.
class Gmres {
  public:
    /// out = A·v, both [size] and of the precision that solve() was told; v is not to be changed.
    using ProductWith = std::function<void(Vector v, Vector out)>;

    /// For vectors of own rows; `rows` must outlive it. Takes memory for basis vectors as they come, `most`
    /// of them at most.
    Gmres(const SolverRows& rows, std::int64_t most);

    /// Until the residual is `relative` of ‖b‖, or up to three times that after as many more vectors as make
    /// further ones dear. b, x [size] fp64, b ≠ 0. Returns whether it got there with `most` vectors.
    bool solve(const ProductWith& product, Real real, double relative, Vector b, Vector x);

    /// Bytes of the backend's memory.
    static std::int64_t bytes(std::int64_t size, std::int64_t most);

  private:
    /// One column of the Hessenberg matrix that the basis makes of A, and what turns it triangular.
    struct Column {
        std::vector<double> values;
        double cosine = 1, sine = 0;
    };
    /// Basis vectors that take their memory, and are read, at once.
    static constexpr std::int64_t chunk = SplittingOperations::most_rows;

    [[nodiscard]] Vector vector(std::int64_t k) const;
    void keep(Vector w, double scale, std::int64_t k);
    [[nodiscard]] Shares orthogonalise(Vector w, std::int64_t count);
    void combine(const std::vector<Column>& columns, std::vector<double> right, Vector x);

    const SolverRows& rows_;
    Backend& backend_;
    std::int64_t size_, most_;
    std::vector<Array> basis_;  // fp32 [chunk, size] each
    Array wide_, product_;      // fp64 [size]: a vector where products are made in fp64; A times it
};

}  // namespace ntpgeo
