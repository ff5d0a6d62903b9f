// What ranks make together of a team's three operations: sums whose bits do not depend on the number of
// ranks, minima, and agreement.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/team/shards.hpp"
#include "kernels/team/team.hpp"

namespace ntpgeo {

/// In which order ranks' rows are added: along the tree over shards, or as the transport does it, whose bits
/// differ from one number of ranks to another.
enum class SumOrder { ordered, fast };

class TeamSums {
  public:
    /// `team` must outlive it. As many ranks as the team has share `shards` shards.
    TeamSums(Team& team, std::int64_t shards, SumOrder order = SumOrder::ordered)
        : team_(team), shards_{shards, team.size()}, order_(order) {}

    [[nodiscard]] Team& team() const { return team_; }
    [[nodiscard]] const Shards& shards() const { return shards_; }
    [[nodiscard]] SumOrder order() const { return order_; }
    [[nodiscard]] std::int64_t first_shard() const { return shards_.first(team_.rank()); }
    [[nodiscard]] std::int64_t end_shard() const { return shards_.first(team_.rank() + 1); }
    /// This rank's of `rows` rows.
    [[nodiscard]] RowRange own(std::int64_t rows) const { return shards_.of_rank(rows, team_.rank()); }

    /// own [s, n]: n numbers of each own shard, in their order. The n sums over all shards, along the tree.
    [[nodiscard]] std::vector<double> numbers(const std::vector<double>& own, std::int64_t n) const;
    [[nodiscard]] double number(const std::vector<double>& own) const { return numbers(own, 1)[0]; }

    /// Every rank's value, by rank.
    [[nodiscard]] std::vector<std::int64_t> values(std::int64_t own) const;
    /// The largest of the ranks' values.
    [[nodiscard]] std::int64_t largest(std::int64_t value) const;
    /// One rank's bytes, on all of them.
    [[nodiscard]] std::string from(int rank, const std::string& bytes) const;
    [[nodiscard]] std::string from_first(const std::string& bytes) const { return from(0, bytes); }
    /// Throws InputError where a rank's bytes are others than the first rank's: "rank 3 has another `what`
    /// than rank 0".
    void require_same(const std::string& what, const std::string& bytes) const;

  private:
    Team& team_;
    Shards shards_;
    SumOrder order_;
};

}  // namespace ntpgeo
