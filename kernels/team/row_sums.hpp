// Sums of shards' matrices, whose rows the ranks own.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/memory/memory.hpp"
#include "kernels/team/parcel.hpp"
#include "kernels/team/team_sums.hpp"
#include "kernels/team/tree_sum.hpp"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {

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
    /// What of `finish` comes before ranks exchange anything, so that other work may be queued behind it:
    /// `finish(own)` makes the rest.
    void begin_finish(std::int64_t count);

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
    /// A rank to exchange subtrees with: what it has, and of which owners it takes the rows.
    struct Partner {
        int rank = 0;
        std::vector<TreeNode> places;
        std::vector<int> owners;
    };
    /// Subtrees of the rows of `owners` ranks go to partners, ascending, this rank among them.
    struct Pass {
        std::vector<int> owners;
        std::vector<Partner> partners;
        std::int64_t own_rows = 0;
        std::vector<std::int64_t> send_at, receive_at;
    };
    [[nodiscard]] Pass pass_of(std::int64_t subtrees, std::vector<int> owners,
                               std::vector<Partner> partners) const;
    /// The first of one or two, and the last.
    [[nodiscard]] Pass pass_within_machines(std::int64_t subtrees) const;
    [[nodiscard]] Pass pass_to_owners(std::int64_t subtrees) const;
    void send(TreeSum<Piece>& from, const Pass& pass);
    /// The partners' of this one's rows, added up as far as they go.
    TreeSum<Piece> receive(const Pass& pass);
    /// How many ranks of a machine add theirs first; 1: none does.
    [[nodiscard]] int ranks_that_add_first() const;

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
    std::optional<Pass> begun_;
    std::int64_t shard_ = 0;  ///< the coming one's number
};

}  // namespace ntpgeo
