// The soft labels of a dataset where the backend can read them.
#pragma once

#include <vector>

#include "engine/data/dataset.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// What a context's labels may sum to: 1, and what numbers that were rounded elsewhere may be beyond it.
inline constexpr double most_label_mass = 1 + 1e-5;

/// Folds label masses μ_j = Σ_z p_j[z] ≤ 1 (a teacher's top-k, say) into the weights: π ← πμ, p ← p/μ, which
/// is the same problem (design 1.2), so that no kernel needs a branch. probs [nnz], context_probs [m], both
/// overwritten. Throws InputError where a mass is not in (0, most_label_mass].
void fold_label_mass(const std::vector<std::int64_t>& indptr, std::vector<double>& probs,
                     std::vector<double>& context_probs);

/// Bytes of the backend's memory that a dataset's labels take.
std::int64_t labels_bytes(const Dataset& dataset);

/// The labels where the data set itself has them, without their logarithms and the word-wise half: what a
/// backend whose memory is the host's needs to tell sizes. `dataset` must outlive it.
LabelsView labels_in_place(const Dataset& dataset);

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
