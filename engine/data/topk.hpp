// Data sets of a teacher's top-k.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/dataset.hpp"

namespace ntpgeo {

/// The k most likely words of each of m contexts, row-major, as teachers give them.
struct TopK {
    std::int64_t vocab_size = 0, contexts = 0, k = 0;
    std::span<const std::int64_t> ids;  ///< [m, k]; negative: padding, whose probability is ignored
    std::span<const double> probs;      ///< [m, k], ≥ 0
    std::vector<double> weights;        ///< [m] > 0, of any sum; empty: all alike
};

/// A word and its probability.
using TopKEntry = std::pair<std::int64_t, double>;

/// Sorts a context's entries by word and adds duplicates, in the order in which they came, to the first of
/// theirs. Returns the mass of all of them, summed as they were sorted.
double merge_duplicates(std::vector<TopKEntry>& row);

/// Sorts the ids of each context, merges duplicates, leaves padding and entries of probability 0 out, folds
/// label masses μ_j into the weights (fold_label_mass), makes these sum to 1 and checks the whole. `where` as
/// in check_dataset. Throws InputError naming the context: a probability that is negative, subnormal or not
/// finite, an id that is no word, a mass that is not in (0, 1 + 1e-5], no entry at all.
Dataset topk_dataset(const TopK& topk, const std::string& where);

}  // namespace ntpgeo
