#include "engine/training/shared_rows.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <utility>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

template <class T>
std::vector<T> part_of(const std::vector<T>& all, std::int64_t first, std::int64_t end) {
    return {all.begin() + first, all.begin() + end};
}

}  // namespace

void require_rows(const Dataset& dataset, std::int64_t shards) {
    for (const auto& [what, rows] :
         {std::pair("words", dataset.vocab_size), std::pair("contexts", dataset.contexts())})
        if (rows < shards)
            throw InputError("shards: " + std::to_string(shards) + " are more than the " +
                             std::to_string(rows) + " " + what + " of the data set");
}

SharedRows::SharedRows(const TeamSums& sums, Memory& memory, const Dataset& dataset)
    : sums_(sums),
      dataset_(dataset),
      words_(sums.own(dataset.vocab_size)),
      contexts_(sums.own(dataset.contexts())) {
    require_rows(dataset, sums.shards().count);
    const std::int64_t first = dataset.indptr[contexts_.first], end = dataset.indptr[contexts_.end];
    const std::vector<double> probs = part_of(dataset.probs, first, end);
    std::vector<double> log_probs(probs.size());
    std::transform(probs.begin(), probs.end(), log_probs.begin(), [](double p) { return std::log(p); });
    std::vector<std::int64_t> indptr = part_of(dataset.indptr, contexts_.first, contexts_.end + 1);
    for (std::int64_t& at : indptr) at -= first;
    indptr_ = upload_array(memory, indptr);
    indices_ = upload_array(memory, part_of(dataset.indices, first, end));
    probs_ = upload_array(memory, probs);
    log_probs_ = upload_array(memory, log_probs);
    context_probs_ = upload_array(memory, part_of(dataset.context_probs, contexts_.first, contexts_.end));
    view_.vocab_size = dataset.vocab_size;
    view_.contexts = contexts_.size();
    view_.nnz = end - first;
    view_.indptr = indptr_.as<std::int64_t>();
    view_.indices = indices_.as<std::int32_t>();
    view_.probs = probs_.as<double>();
    view_.log_probs = log_probs_.as<double>();
    view_.context_probs = context_probs_.as<double>();

    std::vector<std::int64_t> offsets;  // each shard's begin with 0
    for (std::int64_t s = sums.first_shard(); s < sums.end_shard(); ++s) {
        const RowRange rows = own_rows(dataset.contexts(), s, contexts_);
        for (std::int64_t j = rows.first; j <= rows.end; ++j)
            offsets.push_back(indptr[j] - indptr[rows.first]);
    }
    shard_indptr_ = upload_array(memory, offsets);
    const auto* at = shard_indptr_.as<std::int64_t>();
    for (std::int64_t s = sums.first_shard(); s < sums.end_shard(); ++s) {
        const RowRange rows = own_rows(dataset.contexts(), s, contexts_);
        const std::int64_t from = indptr[rows.first];
        slices_.push_back(
            {s,
             rows.first,
             {rows.size(), indptr[rows.end] - from, at, view_.indices + from, view_.probs + from,
              view_.log_probs + from, view_.context_probs + rows.first, nullptr}});
        at += rows.size() + 1;
    }
}

ShardBounds shard_bounds(const Dataset& dataset, const Shards& shards, std::int64_t most) {
    ShardBounds bounds;
    for (std::int64_t s = 0; s < shards.count; ++s) {
        const RowRange rows = shards.of_shard(dataset.contexts(), s);
        std::int64_t contexts = rows.size(), nnz = dataset.indptr[rows.end] - dataset.indptr[rows.first];
        if (most > 0 && most < contexts) {
            std::vector<std::int64_t> sizes;
            for (std::int64_t j = rows.first; j < rows.end; ++j) sizes.push_back(dataset.support_size(j));
            std::partial_sort(sizes.begin(), sizes.begin() + most, sizes.end(), std::greater<>());
            contexts = most;
            nnz = std::accumulate(sizes.begin(), sizes.begin() + most, std::int64_t{0});
        }
        bounds = {std::max(bounds.contexts, contexts), std::max(bounds.nnz, nnz)};
    }
    return bounds;
}

}  // namespace ntpgeo
