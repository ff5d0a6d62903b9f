// The rows of an exact solver's matrices [n, V], one a class or group of contexts: all of them here, or on
// every rank those of its virtual shards (design 4.6), and what takes the rows of all ranks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/team/parcel.hpp"
#include "kernels/team/row_sums.hpp"
#include "kernels/team/team_sums.hpp"

namespace ntpgeo {

/// A matrix whose rows are shared: this rank's, and all of them where an operation takes those.
struct SharedMatrix {
    Matrix own;
    Matrix all{};  ///< data null where nothing needs it
};

/// Sums over all rows are made a shard at a time and added along the tree, so that their bits follow from the
/// number of shards alone; without shards they are made in one. Every rank calls the same in the same order.
/// Matrices and vectors that are not said to be whole are this rank's rows.
class SolverRows {
  public:
    /// All rows are here.
    SolverRows(Backend& backend, std::int64_t rows, std::int64_t vocab)
        : SolverRows(backend, nullptr, rows, vocab) {}
    /// Shared as `sums` has it, which outlives it; all here where that is null. Throws InputError where there
    /// are fewer rows or words than shards.
    SolverRows(Backend& backend, const TeamSums* sums, std::int64_t rows, std::int64_t vocab);

    [[nodiscard]] Backend& backend() const { return backend_; }
    [[nodiscard]] const TeamSums* sums() const { return sums_; }
    /// Whether rows have shards, be it on one rank.
    [[nodiscard]] bool has_shards() const { return sums_ != nullptr; }
    [[nodiscard]] bool is_first() const { return !sums_ || sums_->team().is_first(); }
    [[nodiscard]] std::int64_t rows() const { return rows_; }
    [[nodiscard]] std::int64_t vocab() const { return vocab_; }
    [[nodiscard]] const RowRange& own() const { return own_; }
    /// Entries of the own rows.
    [[nodiscard]] std::int64_t size() const { return own_.size() * vocab_; }
    [[nodiscard]] std::int64_t shorter() const { return std::min(rows_, vocab_); }
    [[nodiscard]] std::int64_t longer() const { return std::max(rows_, vocab_); }
    /// Whether the shorter side is the words': what sums over rows is [V, V] then, and nothing else needs
    /// rows of other ranks.
    [[nodiscard]] bool by_words() const { return vocab_ <= rows_; }
    /// The own rows a shard at a time, counted from the first of them; all in one without shards.
    [[nodiscard]] const std::vector<RowRange>& pieces() const { return pieces_; }

    [[nodiscard]] Matrix matrix(const Array& array, Real real = Real::fp64) const {
        return array.matrix(real, own_.size(), vocab_);
    }
    /// Own rows of a matrix that a piece has.
    [[nodiscard]] static Matrix piece_of(Matrix own, const RowRange& piece);
    /// Labels of `rows` rows from `first` on.
    [[nodiscard]] static LabelsView rows_of(const LabelsView& all, std::int64_t first, std::int64_t rows);
    /// The labels of the own rows, and of a piece of them, of all rows' labels.
    [[nodiscard]] LabelsView own_labels(const LabelsView& all) const;
    [[nodiscard]] LabelsView labels_of(const RowRange& piece, const LabelsView& all) const;

    /// Of every piece, `count` numbers; their sums over all rows.
    using NumbersOf = std::function<std::vector<double>(const RowRange& piece)>;
    [[nodiscard]] std::vector<double> sums_of(std::int64_t count, const NumbersOf& numbers) const;
    /// ⟨x, y⟩ over all rows; x and y [size()].
    [[nodiscard]] double dot(Vector x, Vector y) const;
    /// out [n, n], n the shorter side, on every rank ← the sum of what `write` makes of every piece.
    void add_up(Matrix out, const std::function<void(const RowRange& piece, Matrix out)>& write) const;

    /// Together with all rows where the shorter side is the contexts' and rows are shared: products along it
    /// take them. Memory of `room`, which grows.
    [[nodiscard]] SharedMatrix collect(Matrix own, Array& room) const;
    /// The Gram matrix of the shorter side, [n, n] on every rank.
    void gram(const SharedMatrix& a, Matrix out) const;
    /// out = A·M on the words' side, M·A on the contexts', M symmetric [n, n] on every rank.
    void multiply(double alpha, const SharedMatrix& a, Matrix symmetric, double beta, Matrix out) const;
    /// out = A·right, a piece at a time: what a product's row is to the last bit depends on how many are
    /// made.
    void multiply_rows(const Product& product, double alpha, Matrix a, Matrix right, double beta,
                       Matrix out) const;
    /// out [n, n] on every rank ← BᵀA on the words' side (B's own rows do), B Aᵀ on the contexts'.
    void cross(Matrix b, const SharedMatrix& a, Matrix out) const;
    /// This rank's rows of a matrix [n, k] of the contexts' side that is on every rank.
    [[nodiscard]] Matrix own_rows(Matrix whole) const;

    /// A whole matrix's rows: own ones in place before, everybody's after.
    void share(Matrix whole) const;
    /// What the first rank has, on all of them.
    void from_first(Vector x) const;
    [[nodiscard]] std::vector<double> from_first(const std::vector<double>& numbers) const;
    /// All rows, in host memory of the first rank; empty elsewhere.
    [[nodiscard]] std::vector<double> on_first(Matrix own) const;
    /// own ← the own ones of all rows.
    void upload_own(const std::vector<double>& all, Matrix own) const;
    /// The first rank does `work`, which calls nothing of the others, while these wait.
    void at_first(const std::function<void()>& work) const;

    /// Bytes of the backend's memory that one rank with all of so many shards takes: sums of [n, n] matrices,
    /// and all rows of one matrix on their way. 0 without.
    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab, std::int64_t shards);

  private:
    [[nodiscard]] RowSums& matrix_sums(Real real) const;

    Backend& backend_;
    const TeamSums* sums_;
    std::int64_t rows_, vocab_;
    RowRange own_;
    std::vector<RowRange> pieces_;
    // Working memory of sums: nothing is kept in it between calls.
    mutable std::unique_ptr<RowSums> sums_fp64_, sums_fp32_;
    std::unique_ptr<Parcel> parcel_;
};

}  // namespace ntpgeo
