// Gram matrices of a small data set as one looks at them: of which contexts, in which order, as cosines.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/data/dataset.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// A factor F whose Gram matrix FFᵀ is meant; a row a word or a context.
struct Factor {
    std::int64_t rows = 0, columns = 0;
    std::vector<double> values;  ///< [rows, columns] row-major
};

/// The contexts of a picture, by support class: class sizes descending, ties by first context; in each class
/// the contexts in their order.
struct ShownContexts {
    std::vector<std::int64_t> contexts;     ///< [n]
    std::vector<std::int64_t> class_sizes;  ///< contexts shown of each class in this order; their sum is n
    std::int64_t classes = 0;               ///< K of the data set
};

/// At most `most` (≥ 1) contexts: all where there are no more. Otherwise a class shows as many as leave room
/// for the 16 largest classes (for all, if there are fewer), and the smallest are left out.
ShownContexts shown_contexts(const Dataset& dataset, std::int64_t most);

/// S̃ = UΣVᵀ through the V×V eigenvectors of S̃S̃ᵀ, which only a small vocabulary allows: O(V³ + nnz·V) flops
/// and O(V²) memory. Singular values below √(V·2^-52)·σ₁ count as zero, as in SupportProxy.
class SmallProxy {
  public:
    /// Keeps a reference to the data set. Throws Failure where the decomposition does not converge.
    SmallProxy(Backend& backend, const Dataset& dataset);

    /// UΣ^{1/2} [V, r], so that the Gram matrix is (S̃S̃ᵀ)^{1/2}.
    [[nodiscard]] Factor words() const;
    /// The rows of VΣ^{1/2} = S̃ᵀUΣ^{-1/2} at these contexts [n, r]: a part of (S̃ᵀS̃)^{1/2}.
    [[nodiscard]] Factor contexts(const std::vector<std::int64_t>& contexts) const;

    /// All words, those with one sign pattern along the 5 leading directions of S̃ (fewer where it has fewer)
    /// together, positive before negative before those at their noise (coordinate_signs), the first direction
    /// deciding first, and last the words that never follow; within a pattern each word is followed by the
    /// one of the rest with the greatest cosine in (S̃S̃ᵀ)^{1/2}. A direction's sign is such that its largest
    /// entry is positive. What rounding cannot tell apart goes by number.
    [[nodiscard]] std::vector<std::int64_t> word_order() const;

  private:
    const Dataset& dataset_;
    std::int64_t rank_ = 0;
    std::vector<double> values_;   // [rank] σ descending
    std::vector<double> vectors_;  // [V, rank] U
};

/// Subtracts from each column its mean: W̄ of W.
void centre_columns(Factor& factor);

/// The cosines of the rows `order` of F, [n, n]: the Gram matrix scaled to a diagonal of 1, which takes out
/// the scale in which Gram matrices are compared. NaN in the row and column of a zero row, as which one below
/// 1e-9 of the longest counts.
std::vector<double> gram_cosines(const Factor& factor, const std::vector<std::int64_t>& order);

}  // namespace ntpgeo
