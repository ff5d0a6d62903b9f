// Concepts: words and contexts grouped by the signs of their coordinates along a matrix's leading singular
// directions (orthant clusters, arXiv 2505.08348).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/geometry/implicit_matrix.hpp"

namespace ntpgeo {

/// The K leading singular directions of a matrix whose rows are words, on the host, and the coordinates along
/// them. Each pair of vectors has the sign that makes the largest absolute entry of u_k positive (the first
/// of those that tie to 1e-9), so that a result can be made again.
struct ConceptSpace {
    std::vector<double> values;  ///< [K] σ > 0, descending
    std::vector<bool> tied;     ///< [K] whether σ_k agrees with a neighbour to 1e-6 σ_k: then the direction
                                ///< is one arbitrary choice among rotations of theirs
    std::vector<double> words;  ///< [V, K], u_k in column k
    std::vector<double> contexts;  ///< [columns, K], v_k
    double residual = 0;           ///< as in LeadingSpectrum

    [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(values.size()); }
};

/// Up to `count` directions: fewer where the matrix has fewer singular values above 1e-10 σ₁, none where it
/// is 0. Depends on the matrix and the backend alone.
ConceptSpace concept_space(Backend& backend, const ImplicitMatrix& matrix, std::int64_t count);

/// That of S̃.
ConceptSpace support_concepts(Backend& backend, const Dataset& dataset, std::int64_t count);

/// That of L̄ = W̄Hᵀ: words W [V, d], centred here, contexts H [m, d], host memory, row-major. Without contexts
/// that of W̄, whose columns are its own dimensions: then the space has no contexts.
ConceptSpace factor_concepts(Backend& backend, const std::vector<double>& words,
                             const std::vector<double>& contexts, std::int64_t dim, std::int64_t count);

/// What the matrix is called: "centred support matrix", or, of factors, "centred logits" or "centred words".
const char* concept_matrix_name(bool has_words, bool has_contexts);

/// Throws InputError where the space of such a matrix has no direction: its entries are all 0.
void require_directions(const ConceptSpace& space, bool has_words, bool has_contexts);

/// Which words follow no context of the data set, [V]. Their rows of S are 0, so that those of S̃ are all one
/// and the same: no direction tells them apart.
std::vector<bool> words_that_never_follow(const Dataset& dataset);

/// The noise of each direction of `points` [n, K]: a coordinate is signed where its square is a fifth or more
/// of the mean square of the direction's coordinates, that is u_ik² ≥ 1/(5n) of a unit vector u_k, and else
/// counts as 0. What is centred gives every point the same shift, and this is its size: a direction that
/// singles out a share p of the points equally has coordinates √((1−p)/(pn)) there and −√(p/((1−p)n)) on all
/// others, which are below the noise for p < 1/6. So it is far above what a decomposition leaves of an entry
/// that should be 0 (its residual of 1e-10 σ₁ at most over σ_k, but for directions that are tied). Points
/// that are `apart` [n] (none where it is empty) count neither in the mean nor in n.
std::vector<double> coordinate_noise(const std::vector<double>& points, std::int64_t directions,
                                     const std::vector<bool>& apart = {});

/// The signs of the K coordinates of one point: '+', '-', or '0' below the noise [K] of the direction.
std::string coordinate_signs(const double* point, const std::vector<double>& noise);

/// Points furthest out along one direction, on both sides of it, the furthest first.
struct AxisEnds {
    std::vector<std::int64_t> positive, negative;
};

/// The `most` points with the largest and with the smallest coordinate `axis` of `points` [n, K] that has a
/// sign and is not of a point apart. What agrees to 1e-9 of the largest absolute one ties, and goes by index.
AxisEnds axis_ends(const std::vector<double>& points, std::int64_t directions, std::int64_t axis,
                   std::int64_t most, const std::vector<bool>& apart = {});

/// Points whose coordinates have the same signs.
struct Orthant {
    std::string signs;                  ///< [K], as coordinate_signs gives them; of points apart all '0'
    std::vector<std::int64_t> members;  ///< nearest to the centre first, ties (to 1e-9) by index
    bool apart = false;                 ///< those of the points that are apart, which are in no other
};

/// The sign patterns that occur among `points` [n, K], the largest cluster first, ties by pattern. Distance
/// is that of the coordinates scaled by the square roots of the singular values `values` [K], as in the
/// geometry of 1.3 (U Σ^{1/2}, V Σ^{1/2}); the centre is the members' mean.
std::vector<Orthant> orthants(const std::vector<double>& points, const std::vector<double>& values,
                              const std::vector<bool>& apart = {});

}  // namespace ntpgeo
