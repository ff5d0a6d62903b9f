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

/// What read_topk makes of the files at most, and takes beside it in bytes, from their headers alone. Throws
/// InputError as it does of those.
struct TopKBound {
    DatasetBound dataset;
    std::int64_t scratch;
};
TopKBound bound_of_topk(const TopKFiles& files, TopKSettings settings);

/// Reads the first `contexts` of theirs and makes nothing of them. Throws InputError as read_topk does.
void read_first_of_topk(const TopKFiles& files, TopKSettings settings, std::int64_t contexts);

/// The data set, read row by row. Adds a line on the mass that was missing to `lines`. Throws InputError,
/// naming file, row and place, for all that TopKCollector refuses of a stored file (`strict`) and for arrays
/// of other shapes or dtypes than ids [m, k] of whole numbers, probabilities [m, k] and weights [m] of
/// floating-point numbers.
Dataset read_topk(const TopKFiles& files, TopKSettings settings, std::string& lines);

}  // namespace ntpgeo
