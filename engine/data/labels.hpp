// The soft labels of a dataset where the backend can read them.
#pragma once

#include <vector>

#include "engine/data/dataset.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// Folds label masses μ_j = Σ_z p_j[z] ≤ 1 (a teacher's top-k, say) into the weights: π ← πμ, p ← p/μ, which
/// is the same problem (design 1.2), so that no kernel needs a branch. probs [nnz], context_probs [m], both
/// overwritten. Throws InputError where a mass is not in (0, 1 + 1e-5].
void fold_label_mass(const std::vector<std::int64_t>& indptr, std::vector<double>& probs,
                     std::vector<double>& context_probs);

/// Bytes of the backend's memory that a dataset's labels take.
std::int64_t labels_bytes(const Dataset& dataset);

/// Labels on a backend, with log p and the word-wise half of the pattern. The view lives as long as this
/// does.
class Labels {
  public:
    /// The dataset must be valid (`check_dataset`), but Σπ may be less than 1 after `fold_label_mass`.
    Labels(Backend& backend, const Dataset& dataset);
    [[nodiscard]] const LabelsView& view() const { return view_; }

  private:
    Array indptr_, indices_, probs_, log_probs_, context_probs_, word_indptr_, word_contexts_,
        word_positions_;
    LabelsView view_;
};

}  // namespace ntpgeo
