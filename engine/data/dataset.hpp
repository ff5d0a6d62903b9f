// Sparse soft labels: m distinct contexts over a vocabulary of V tokens (design 1.1).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace ntpgeo {

/// The training data in memory. Context j has next-token distribution p_j with support
/// indices[indptr[j] .. indptr[j+1]), probabilities in probs at the same places, and weight π_j =
/// context_probs[j]. A Dataset that left `check_dataset` is valid; everything else in the engine takes that
/// for granted.
struct Dataset {
    std::int64_t vocab_size = 0;        ///< V
    std::vector<std::int64_t> indptr;   ///< [m+1], indptr[0] = 0, strictly increasing (no empty support)
    std::vector<std::int32_t> indices;  ///< [nnz], in [0, V), strictly increasing in each context
    std::vector<double> probs;          ///< [nnz], normal and > 0, sums to 1 in each context
    std::vector<double> context_probs;  ///< [m], > 0, sums to 1
    std::vector<std::int64_t> counts;   ///< [nnz] occurrences, or empty where unknown
    std::vector<std::int32_t> context_tokens;  ///< [m, context_length] row-major, or empty where unknown
    std::int64_t context_length = 0;           ///< tokens a context; 0 where unknown
    std::vector<std::string> vocab;            ///< [V] bytes of each token, or empty where unknown
    std::string source;                        ///< where it came from, for people

    [[nodiscard]] std::int64_t contexts() const { return static_cast<std::int64_t>(context_probs.size()); }
    [[nodiscard]] std::int64_t nnz() const { return static_cast<std::int64_t>(indices.size()); }
    [[nodiscard]] std::int64_t support_size(std::int64_t j) const { return indptr[j + 1] - indptr[j]; }
};

/// Of a data set that is not made yet: as many contexts and entries as it has at most. Their products may be
/// beyond every integer: bytes end at 2⁶².
struct DatasetBound {
    std::int64_t contexts = 0;
    double entries = 0;

    /// In memory, without counts, contexts' tokens and vocabulary, and what describing it takes beside: at
    /// most as many support classes as contexts.
    [[nodiscard]] std::int64_t bytes() const {
        constexpr double class_bytes = 80;  // three numbers and a place in a hash table, which grow
        return capped(12 * entries + (24 + class_bytes) * static_cast<double>(contexts));
    }
    /// As a file (design 2.2), its header aside.
    [[nodiscard]] std::int64_t file_bytes() const {
        return capped(12 * entries + 16 * static_cast<double>(contexts) + 8);
    }
    static std::int64_t capped(double bytes) { return static_cast<std::int64_t>(std::min(bytes, 0x1p62)); }
};

/// Checks every condition above and renormalises probs and context_probs in fp64 where their sums are off by
/// at most 1e-5 (design 2.2). `where` names the origin in messages (a file name, say). Throws InputError
/// naming the first context, position or size that is wrong; refuses subnormal probabilities.
void check_dataset(Dataset& dataset, const std::string& where);

/// The part of it that what lies at indptr's places can be read by: it begins with 0, rises strictly and ends
/// with `nnz`.
void check_indptr(const std::vector<std::int64_t>& indptr, std::int64_t nnz, const std::string& where);

/// −Σ_z p_j[z] log p_j[z] of each context, nats. [m]
std::vector<double> context_entropies(const std::vector<std::int64_t>& indptr,
                                      const std::vector<double>& probs);

/// Hent = −Σ_j π_j Σ_z p_j[z] log p_j[z] in nats, the lower bound of the loss (design 1.1).
double entropy(const Dataset& dataset);

/// Contexts grouped by equal support set (design 1.1).
struct SupportClasses {
    std::vector<std::int64_t> class_of;  ///< [m] class of each context, numbered in order of appearance
    std::vector<std::int64_t> size;      ///< [K] contexts in each class
    std::vector<std::int64_t> first;  ///< [K] the first context of each class, which stands for its support

    [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(size.size()); }
};

/// Groups the contexts of a valid dataset, in one pass over its indices.
SupportClasses support_classes(const Dataset& dataset);

}  // namespace ntpgeo
