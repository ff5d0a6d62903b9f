// The problems of the loss-step cases, written for the peers' scripts (bench/peers), which run on the same
// data in the same session.
#pragma once

#include <filesystem>

#include "bench/cuda/cases.hpp"

namespace ntpgeo::bench {

/// Writes FOLDER/problem-N.safetensors, the most important first: W F32 [V,d], H F32 [m,d], indptr I64 [m+1],
/// indices I32 [nnz], probs_0 and probs_1 F64 [nnz]; metadata `name`, and of both states `scale_0`,
/// `excess_0`, `gradient_norm_0` ... (excess and norm of our fp64 step on the first `compared_contexts`
/// contexts, equally weighted). A state is scale·H, rounded to fp32, with its probs. The last problem has
/// supports of one word: for peers that know hard labels alone. Needs a GPU.
void write_peer_problems(const std::filesystem::path& folder, const Scale& scale);

}  // namespace ntpgeo::bench
