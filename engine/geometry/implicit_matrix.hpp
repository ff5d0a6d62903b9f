// Large matrices that are never formed, known by their products with blocks of vectors, all fp64 on one
// backend; and their leading singular directions with both their sides, and how strong a matrix is along them
// (design 2.2, direction_strengths).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// A backend, and where what is only needed on the way takes its memory: there too, or in an arena, so that
/// what is done again and again neither allocates nor waits. Both must outlive whoever keeps one.
struct Place {
    Backend& backend;
    Memory& memory;

    Place(Backend& on) : backend(on), memory(on) {}  // NOLINT(google-explicit-constructor)
    Place(Backend& on, Memory& within) : backend(on), memory(within) {}
};

class ImplicitMatrix {
  public:
    virtual ~ImplicitMatrix() = default;
    [[nodiscard]] virtual std::int64_t rows() const = 0;
    [[nodiscard]] virtual std::int64_t columns() const = 0;
    /// y [rows, b] = A·x, x [columns, b].
    virtual void times(Matrix x, Matrix y) const = 0;
    /// x [columns, b] = Aᵀ·y, y [rows, b].
    virtual void transposed_times(Matrix y, Matrix x) const = 0;
    /// Additions and multiplications of either product for each of the b vectors.
    [[nodiscard]] virtual double operations() const = 0;
};

/// A matrix that is there in full, or A = B·Cᵀ of two tall factors.
class FactoredMatrix final : public ImplicitMatrix {
  public:
    /// left B [rows, d]; right C [columns, d], or none: then A = B. Both must outlive this.
    FactoredMatrix(const Place& place, Matrix left, std::optional<Matrix> right)
        : place_(place), left_(left), right_(right) {}

    [[nodiscard]] std::int64_t rows() const override { return left_.rows; }
    [[nodiscard]] std::int64_t columns() const override { return right_ ? right_->rows : left_.columns; }
    void times(Matrix x, Matrix y) const override;
    void transposed_times(Matrix y, Matrix x) const override;
    [[nodiscard]] double operations() const override;

  private:
    Place place_;
    Matrix left_;
    std::optional<Matrix> right_;
};

/// P_⊥(L̄) = W̄Hᵀ − F for centred logits L̄ = W̄Hᵀ and F = P_F(L) on the labels' pattern (design 1.3).
class LowRankPart final : public ImplicitMatrix {
  public:
    /// words W̄ [V,d], centred; contexts [m,d]; sparse_part [nnz] on the backend. All must outlive this.
    LowRankPart(const Place& place, const LabelsView& labels, Matrix words, Matrix contexts,
                const double* sparse_part)
        : backend_(place.backend),
          labels_(labels),
          logits_(place, words, contexts),
          sparse_part_(sparse_part) {}

    [[nodiscard]] std::int64_t rows() const override { return logits_.rows(); }
    [[nodiscard]] std::int64_t columns() const override { return logits_.columns(); }
    void times(Matrix x, Matrix y) const override;
    void transposed_times(Matrix y, Matrix x) const override;
    [[nodiscard]] double operations() const override {
        return logits_.operations() + 2.0 * static_cast<double>(labels_.nnz);
    }

  private:
    Backend& backend_;
    const LabelsView& labels_;
    FactoredMatrix logits_;
    const double* sparse_part_;
};

/// Another matrix, and a call before each of its products, which may throw to end the work that asks for
/// them.
class WatchedMatrix final : public ImplicitMatrix {
  public:
    /// Both must outlive this; an empty `before` is not called.
    WatchedMatrix(const ImplicitMatrix& matrix, const std::function<void()>& before)
        : matrix_(matrix), before_(before) {}

    [[nodiscard]] std::int64_t rows() const override { return matrix_.rows(); }
    [[nodiscard]] std::int64_t columns() const override { return matrix_.columns(); }
    void times(Matrix x, Matrix y) const override {
        if (before_) before_();
        matrix_.times(x, y);
    }
    void transposed_times(Matrix y, Matrix x) const override {
        if (before_) before_();
        matrix_.transposed_times(y, x);
    }
    [[nodiscard]] double operations() const override { return matrix_.operations(); }

  private:
    const ImplicitMatrix& matrix_;
    const std::function<void()>& before_;
};

/// S̃ = (I − 11ᵀ/V) S, the centred support matrix (design 1.1).
class CentredSupport final : public ImplicitMatrix {
  public:
    /// The labels must outlive this.
    CentredSupport(const Place& place, const LabelsView& labels) : place_(place), labels_(labels) {}

    [[nodiscard]] std::int64_t rows() const override { return labels_.vocab_size; }
    [[nodiscard]] std::int64_t columns() const override { return labels_.contexts; }
    void times(Matrix x, Matrix y) const override;
    void transposed_times(Matrix y, Matrix x) const override;
    [[nodiscard]] double operations() const override {
        return 2.0 * static_cast<double>(labels_.nnz + labels_.vocab_size);
    }

  private:
    void centre(Matrix y) const;

    Place place_;
    const LabelsView& labels_;
};

/// The K leading singular triplets (σ_k, u_k, v_k) of a matrix, fp64 on one backend. The sign of a pair (u_k,
/// v_k) is arbitrary, and where singular values agree so is every rotation among their pairs: then only the
/// span of such directions means something, not a single one.
struct Directions {
    std::vector<double> values;  ///< [K] σ > 0, descending
    Array left;                  ///< [rows, K] row-major, u_k in column k
    Array right;                 ///< [columns, K], v_k

    [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(values.size()); }
};

/// The first `count` columns of a matrix, copied exactly, in the place's memory.
Array leading_columns(const Place& place, Matrix matrix, std::int64_t count);

/// The first `count` of the triplets (fewer where there are fewer) whose vectors on one side are known, the
/// other side by a product: v_k = Aᵀu_k/σ_k, or u_k = A v_k/σ_k. `vectors` [short, values], of which
/// `vectors_are_left` tells the side; the values taken must be > 0.
Directions complete_directions(Backend& backend, const ImplicitMatrix& matrix, Matrix vectors,
                               bool vectors_are_left, const std::vector<double>& values, std::int64_t count);

/// u_kᵀ A v_k for each of the directions, [K]. Costs one product of A with K vectors.
std::vector<double> direction_strengths(const Place& place, const ImplicitMatrix& matrix,
                                        const Directions& directions);

/// Bytes of the backend's memory: what `count` completed directions of S̃ keep, what making them takes
/// besides, and what measuring a low-rank part of width `dim` along them does.
struct DirectionMemory {
    std::int64_t kept = 0, making = 0, measuring = 0;
};
DirectionMemory direction_memory(const LabelsView& labels, std::int64_t vectors, std::int64_t count,
                                 std::int64_t dim);

}  // namespace ntpgeo
