// Leading singular directions with both their sides, and how strong a matrix is along them (design 2.2,
// direction_strengths).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/geometry/implicit_matrix.hpp"
#include "engine/geometry/spectrum.hpp"

namespace ntpgeo {

/// The K leading singular triplets (σ_k, u_k, v_k) of a matrix, fp64 on one backend. The sign of a pair (u_k,
/// v_k) is arbitrary, and where singular values agree so is every rotation among their pairs: then only the
/// span of such directions means something, not a single one.
struct Directions {
    std::vector<double> values;  ///< [K] σ > 0, descending
    Array left;                  ///< [rows, K] row-major, u_k in column k
    Array right;                 ///< [columns, K], v_k

    [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(values.size()); }
};

/// The first `count` columns of a matrix, copied exactly.
Array leading_columns(Backend& backend, Matrix matrix, std::int64_t count);

/// The first `count` of the triplets (fewer where there are fewer) whose vectors on one side are known, the
/// other side by a product: v_k = Aᵀu_k/σ_k, or u_k = A v_k/σ_k. `vectors` [short, values], of which
/// `vectors_are_left` tells the side; the values taken must be > 0.
Directions complete_directions(Backend& backend, const ImplicitMatrix& matrix, Matrix vectors,
                               bool vectors_are_left, const std::vector<double>& values, std::int64_t count);

/// u_kᵀ A v_k for each of the directions, [K]. Costs one product of A with K vectors.
std::vector<double> direction_strengths(Backend& backend, const ImplicitMatrix& matrix,
                                        const Directions& directions);

/// Bytes of the backend's memory: what `count` completed directions of S̃ keep, what making them takes
/// besides, and what measuring a low-rank part of width `dim` along them does.
struct DirectionMemory {
    std::int64_t kept = 0, making = 0, measuring = 0;
};
DirectionMemory direction_memory(const LabelsView& labels, std::int64_t vectors, std::int64_t count,
                                 std::int64_t dim);

}  // namespace ntpgeo
