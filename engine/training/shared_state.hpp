// The state of a run whose rows are shared: a part a rank, put together again by rows for any other number.
#pragma once

#include <vector>

#include "engine/training/trainer.hpp"
#include "kernels/team/shards.hpp"

namespace ntpgeo {

/// What one rank saved (Trainer::save): its rows of W, H and of the optimizer's vectors.
struct StatePart {
    RowRange words, contexts;
    std::vector<StateTensor> tensors;
};

/// The tensors of a rank that owns `words` and `contexts`, of the parts that hold them, in the first part's
/// order. What has no rows (the optimizer's numbers) is the first part's. Throws InputError where rows are
/// missing, or a part's tensors are others than the first's.
std::vector<StateTensor> own_rows(const std::vector<StatePart>& parts, RowRange words, RowRange contexts);

/// Whether a tensor has rows of words, or of contexts; of none of both, all of it is on every rank.
bool has_word_rows(const std::string& name);
bool has_context_rows(const std::string& name);

}  // namespace ntpgeo
