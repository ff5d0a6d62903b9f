// Virtual shards: how a run's rows are cut, so that sums have the same bits on any number of ranks.
#pragma once

#include <cstdint>
#include <vector>

namespace ntpgeo {

/// Rows first .. end−1 of a matrix.
struct RowRange {
    std::int64_t first = 0, end = 0;

    [[nodiscard]] std::int64_t size() const { return end - first; }
    friend bool operator==(const RowRange&, const RowRange&) = default;
};

/// S shards on R ≤ S ranks, each of which owns consecutive ones. S is fixed by the run, R by the launcher.
struct Shards {
    std::int64_t count = 1;
    int ranks = 1;

    /// The first shard of a rank; of rank R, S.
    [[nodiscard]] std::int64_t first(int rank) const { return count * rank / ranks; }
    /// Where a shard's rows begin of `rows` in all; of shard S, `rows`.
    [[nodiscard]] std::int64_t row(std::int64_t rows, std::int64_t shard) const {
        return rows / count * shard + rows % count * shard / count;
    }
    [[nodiscard]] RowRange of_shard(std::int64_t rows, std::int64_t shard) const {
        return {row(rows, shard), row(rows, shard + 1)};
    }
    [[nodiscard]] RowRange of_rank(std::int64_t rows, int rank) const {
        return {row(rows, first(rank)), row(rows, first(rank + 1))};
    }
    /// Offsets [R+1] of the ranks' rows.
    [[nodiscard]] std::vector<std::int64_t> offsets(std::int64_t rows) const {
        std::vector<std::int64_t> at;
        for (int k = 0; k <= ranks; ++k) at.push_back(row(rows, first(k)));
        return at;
    }
};

}  // namespace ntpgeo
