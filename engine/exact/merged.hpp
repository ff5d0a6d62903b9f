// Contexts that an exact solver may treat as one (design 4.2, 4.3): merging them changes no optimum.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/data/dataset.hpp"

namespace ntpgeo {

/// Groups of contexts, one row each. A row of group c holds √n_c times the logits of each of its n_c members,
/// so that norms are those of the unmerged matrix.
struct MergedContexts {
    Dataset labels;                      ///< a group's labels; its weight is the sum of its members' π
    std::vector<std::int64_t> group_of;  ///< [m]
    std::vector<double> scales;          ///< [K] √n_c
};

/// Contexts with one support set, for NTP-SVM, which knows of nothing else; `labels` have uniform
/// probabilities on the support and weights n_c/m.
MergedContexts merge_by_support(const Dataset& dataset);

/// Contexts with equal p and equal π, to the last bit.
MergedContexts merge_by_label(const Dataset& dataset);

/// One row a member from one row a group, h_j = row(group of j)/scale: rows [K, width] to [m, width].
std::vector<double> spread_over_members(const MergedContexts& merged, const std::vector<double>& rows,
                                        std::int64_t width);

}  // namespace ntpgeo
