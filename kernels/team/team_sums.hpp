// What ranks make together of a team's three operations: sums whose bits do not depend on the number of
// ranks, minima, and agreement.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/memory/memory.hpp"
#include "kernels/team/parcel.hpp"
#include "kernels/team/shards.hpp"
#include "kernels/team/team.hpp"
#include "kernels/team/tree_sum.hpp"
#include "kernels/vectors/vectors.hpp"

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

/// Sums over shards of [rows, width] matrices in a backend's memory: each rank pushes those of its shards,
/// some at a time, and is left with its own rows of the sum: the ranks' subtrees are sent as they
/// are, and added by the rows' owners along the rest of the tree, so that as much is sent as by any other
/// sum. Where several machines have several ranks each, their ranks add theirs first, each a share of all
/// rows, so that between machines goes what one rank a machine would send; the tree is the same, and so are
/// the bits.
class RowSums {
  public:
    /// `memory` and `vectors` are one backend's, and outlive it.
    /// What is pushed is in precision `given`, which `real` holds, and sums in that.
    RowSums(const TeamSums& sums, Memory& memory, VectorOperations& vectors, Real real, std::int64_t rows,
            std::int64_t width, std::optional<Real> given = std::nullopt);

    /// Bytes that one rank with all of so many shards takes where it pushes `at_once` at a time, of matrices
    /// of `size` numbers.
    static std::int64_t bytes(std::int64_t shards, std::int64_t at_once, std::int64_t size, Real real,
                              Real given);
    /// How many shards' matrices of so many bytes are pushed at a time where that is to be fast: sums of many
    /// in one pass, in at most a gibibyte.
    static std::int64_t many_at_once(std::int64_t shards, std::int64_t bytes) {
        constexpr std::int64_t budget = std::int64_t{1} << 30, most = VectorOperations::most_parts;
        const std::int64_t affordable = std::clamp<std::int64_t>(budget / bytes, 1, std::min(shards, most));
        return static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(affordable)));
    }

    /// Where the matrix of the k-th coming shard, counted from 0, is to be written, all of it.
    [[nodiscard]] Vector next(std::int64_t k = 0);
    /// Those of so many coming shards have been written.
    void push(std::int64_t count = 1);
    /// own [own rows, width] ← this rank's rows of the sum over all shards: every own shard has been pushed,
    /// but for so many that have been written.
    void finish(Vector own, std::int64_t count = 0);

  private:
    /// Of all rows, or of one rank's; which array is free again once a join has taken it in.
    struct Piece {
        std::size_t array = 0;
        std::int64_t size = 0;
    };
    /// Whether all shards' matrices, pushed at once, are one sum.
    static bool is_one_sum(std::int64_t shards) {
        return shards <= VectorOperations::most_parts &&
               std::has_single_bit(static_cast<std::uint64_t>(shards));
    }
    /// Shards of the largest subtree that begins at `shard`, of `left` ones.
    static std::int64_t subtree_at(std::int64_t shard, std::int64_t left);
    [[nodiscard]] bool adds_in_place() const { return given_ == real_; }
    /// Those from the k-th coming shard on.
    [[nodiscard]] std::vector<Vector> coming(std::int64_t k, std::int64_t count);
    /// Their sum; they are a subtree.
    [[nodiscard]] Piece sum_of(std::int64_t k, std::int64_t count);
    [[nodiscard]] std::size_t take_array();
    void give_back(std::size_t array) { free_.push_back(array); }
    [[nodiscard]] Vector vector_of(const Piece& piece) const {
        return arrays_[piece.array].vector(real_, piece.size);
    }
    void add(Piece& left, const Piece& right);
    void exchange(Vector own);
    /// A rank to exchange subtrees with: what it has, and of which owners it takes the rows.
    struct Partner {
        int rank = 0;
        std::vector<TreeNode> places;
        std::vector<int> owners;
    };
    /// Subtrees of the rows of `owners` ranks go to partners, ascending, this rank among them; theirs of this
    /// one's rows come back, added up as far as they go.
    TreeSum<Piece> pass(TreeSum<Piece>& from, const std::vector<int>& owners,
                        const std::vector<Partner>& partners);

    const TeamSums& sums_;
    Memory& memory_;
    VectorOperations& vectors_;
    Real real_, given_;
    std::int64_t rows_, width_;
    std::vector<Array> arrays_;
    std::vector<std::size_t> free_;
    std::vector<Array> given_arrays_;  ///< of the coming shards, where they are in another precision
    std::vector<std::size_t> next_;    ///< theirs among the arrays, where they are in the sums'
    Parcel sent_, received_;
    TreeSum<Piece> partial_;
    std::int64_t shard_ = 0;  ///< the coming one's number
};

}  // namespace ntpgeo
