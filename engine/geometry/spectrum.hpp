// Leading singular triplets of an implicit matrix (design 4.4).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "engine/geometry/implicit_matrix.hpp"

namespace ntpgeo {

/// The leading part of a singular value decomposition.
struct LeadingSpectrum {
    std::vector<double> values;  ///< σ descending, at most as many as asked for and as min(rows, columns)
    double residual = 0;  ///< max over the values of ‖A v − σ u‖ / σ₁; 0 where the decomposition was dense
    std::vector<double> residuals;  ///< of each value
    Array vectors;                  ///< [short side, values] singular vectors on the shorter side, row-major
    bool vectors_are_left = true;   ///< whether the shorter side is the rows
};

/// What a search for singular triplets may take, in additions and multiplications.
struct SearchEffort {
    double most_operations = std::numeric_limits<double>::infinity();
    /// ‖A v − σ u‖ / σ₁ above which a triplet is of no use. Where even the first, as fast as it has come
    /// nearer so far, would take several times what is left to come so near, the search ends without any.
    double useless_above = std::numeric_limits<double>::infinity();
};

/// The `count` largest singular values with vectors on the shorter side. Dense (QR and a dense SVD) where
/// min(rows, columns) ≤ 256; above that block Krylov on A Aᵀ (or AᵀA) with full re-orthogonalisation and
/// restarts, until residuals are below 1e-10 σ₁, or 20 restarts or the effort's operations are spent (counted
/// from sizes alone, and one block at least is taken); the residual reached is reported either way. Vectors
/// are in the place's memory. The starting block is drawn from Philox(seed, stream), so the result depends on
/// nothing else. Throws Failure where a decomposition does not converge.
LeadingSpectrum leading_spectrum(const Place& place, const ImplicitMatrix& matrix, std::int64_t count,
                                 std::uint64_t seed, std::uint64_t stream, const SearchEffort& effort = {});

/// Bytes of the backend's memory that the above takes at most.
std::int64_t leading_spectrum_bytes(std::int64_t rows, std::int64_t columns, std::int64_t count);

/// Additions and multiplications of one cycle without a restart, or `most` where that is less; `product` is
/// what a product with one vector takes.
double leading_spectrum_operations(std::int64_t rows, std::int64_t columns, std::int64_t count,
                                   double product, double most);

/// exp of the entropy of the squared singular values of `a`, normalised to sum to 1: from the Gram matrix of
/// its shorter side. None where ‖a‖ is within `rounding`.
std::optional<double> effective_rank(const Place& place, Matrix a, double rounding);

}  // namespace ntpgeo
