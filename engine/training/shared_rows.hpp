// The rows of a problem that this rank owns, and their labels, a virtual shard after the other (design 4.6).
#pragma once

#include <cstdint>
#include <vector>

#include "engine/data/dataset.hpp"
#include "kernels/anchored_xent/loss_call.hpp"
#include "kernels/base/views.hpp"
#include "kernels/memory/memory.hpp"
#include "kernels/team/team_sums.hpp"

namespace ntpgeo {

/// The contexts of one shard that an evaluation is of: rows first_row on of this rank's H.
struct ShardSlice {
    std::int64_t shard = 0, first_row = 0;
    CallLabels labels;
};

/// Bounds that all shards of a run keep, whatever the number of ranks.
struct ShardBounds {
    std::int64_t contexts = 0, nnz = 0;
};

/// Of a shard in an update of `most` contexts at most, 0 standing for all.
ShardBounds shard_bounds(const Dataset& dataset, const Shards& shards, std::int64_t most = 0);

/// Throws InputError where a data set has fewer words or contexts than shards.
void require_rows(const Dataset& dataset, std::int64_t shards);

class SharedRows {
  public:
    /// Labels of the own contexts in the backend's memory. `sums` and `dataset` must outlive it. Throws
    /// InputError where there are fewer words or contexts than shards.
    SharedRows(const TeamSums& sums, Memory& memory, const Dataset& dataset);

    [[nodiscard]] const TeamSums& sums() const { return sums_; }
    [[nodiscard]] const Dataset& dataset() const { return dataset_; }
    [[nodiscard]] RowRange words() const { return words_; }
    [[nodiscard]] RowRange contexts() const { return contexts_; }
    /// Of each own shard, all of its contexts.
    [[nodiscard]] const std::vector<ShardSlice>& slices() const { return slices_; }
    [[nodiscard]] ShardBounds bounds(std::int64_t most = 0) const {
        return shard_bounds(dataset_, sums_.shards(), most);
    }
    /// The own contexts, which begin with 0 here, without the word-wise half.
    [[nodiscard]] const LabelsView& view() const { return view_; }

    /// A sum over all rows of what own rows of W and of H have: `of_rows(matrix, rows)` of each own shard's,
    /// along the tree. An empty matrix has nothing.
    template <class OfRows>
    [[nodiscard]] double sum(Matrix words, Matrix contexts, const OfRows& of_rows) const {
        std::vector<double> own;
        for (std::int64_t s = sums_.first_shard(); s < sums_.end_shard(); ++s) {
            double value = 0;
            if (words.data) value += of_rows(words, own_rows(dataset_.vocab_size, s, words_));
            if (contexts.data) value += of_rows(contexts, own_rows(dataset_.contexts(), s, contexts_));
            own.push_back(value);
        }
        return sums_.number(own);
    }
    /// A shard's rows of `rows` in all, counted from this rank's first.
    [[nodiscard]] RowRange own_rows(std::int64_t rows, std::int64_t shard, const RowRange& own) const {
        const RowRange all = sums_.shards().of_shard(rows, shard);
        return {all.first - own.first, all.end - own.first};
    }

  private:
    const TeamSums& sums_;
    const Dataset& dataset_;
    RowRange words_, contexts_;
    Array indptr_, shard_indptr_, indices_, probs_, log_probs_, context_probs_;
    LabelsView view_;
    std::vector<ShardSlice> slices_;
};

}  // namespace ntpgeo
