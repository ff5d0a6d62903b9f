// A teacher's stored top-k (design 2.1, data topk): ids and probabilities as files.
#pragma once

#include <optional>
#include <string>

#include "engine/data/topk.hpp"

namespace ntpgeo {

/// Either `file`, a safetensors file with the tensors `ids`, `probs` or `log_probs` and, where there are
/// some, `weights`, and V as the metadata `vocab_size`, or arrays by name, each F.npy or F.safetensors:NAME.
struct TopKFiles {
    std::optional<std::string> file = {};
    std::optional<std::string> ids = {}, probs = {}, log_probs = {}, weights = {};
};

/// The data set, read row by row. Adds a line on the mass that was missing to `lines`. Throws InputError,
/// naming file, row and place, for all that TopKCollector refuses of a stored file (`strict`) and for arrays
/// of other shapes or dtypes than ids [m, k] of whole numbers, probabilities [m, k] and weights [m] of
/// floating-point numbers.
Dataset read_topk(const TopKFiles& files, TopKSettings settings, std::string& lines);

}  // namespace ntpgeo
