// What a record needs of a pass over the logits, where that was made elsewhere: by ranks that share the
// contexts.
#pragma once

#include <vector>

#include "kernels/anchored_xent/loss_call.hpp"
#include "kernels/memory/memory.hpp"

namespace ntpgeo {

/// Where a loss step leaves what a record needs of its logits (LossDetail), in a backend's memory.
struct DetailArrays {
    DetailArrays(Memory& memory, const LabelsView& labels)
        : support_logits(memory, labels.nnz * 8),
          mean_logits(memory, labels.contexts * 8),
          off_support_max(memory, labels.contexts * 8),
          off_support_square(memory, labels.contexts * 8) {}

    [[nodiscard]] LossDetail view() const {
        return {support_logits.as<double>(), mean_logits.as<double>(), off_support_max.as<double>(),
                off_support_square.as<double>()};
    }
    Array support_logits, mean_logits, off_support_max, off_support_square;
};

/// As a loss step leaves it, of all contexts; norms of W, H and their gradients as they are. What is raw of
/// logits is of W and H times `up_words` and `up_contexts`, which take their norms into range (rounding.hpp).
struct LossPass {
    double excess_loss = 0, off_support_mass = 0;
    double words_norm = 0, contexts_norm = 0;
    double grad_norm = 0, words_grad_norm = 0, contexts_grad_norm = 0;
    double up_words = 1, up_contexts = 1;
    // LossDetail's, on the host of the rank that measures; empty on others.
    std::vector<double> support_logits, mean_logits, off_support_max, off_support_square;
};

}  // namespace ntpgeo
