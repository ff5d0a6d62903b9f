// Large matrices that are never formed: known by their products with blocks of vectors, all fp64 on one
// backend.
#pragma once

#include <optional>

#include "kernels/backend.hpp"

namespace ntpgeo {

class ImplicitMatrix {
  public:
    virtual ~ImplicitMatrix() = default;
    [[nodiscard]] virtual std::int64_t rows() const = 0;
    [[nodiscard]] virtual std::int64_t columns() const = 0;
    /// y [rows, b] = A·x, x [columns, b].
    virtual void times(Matrix x, Matrix y) const = 0;
    /// x [columns, b] = Aᵀ·y, y [rows, b].
    virtual void transposed_times(Matrix y, Matrix x) const = 0;
};

/// A matrix that is there in full, or A = B·Cᵀ of two tall factors.
class FactoredMatrix final : public ImplicitMatrix {
  public:
    /// left B [rows, d]; right C [columns, d], or none: then A = B. Both must outlive this.
    FactoredMatrix(Backend& backend, Matrix left, std::optional<Matrix> right)
        : backend_(backend), left_(left), right_(right) {}

    [[nodiscard]] std::int64_t rows() const override { return left_.rows; }
    [[nodiscard]] std::int64_t columns() const override { return right_ ? right_->rows : left_.columns; }
    void times(Matrix x, Matrix y) const override;
    void transposed_times(Matrix y, Matrix x) const override;

  private:
    Backend& backend_;
    Matrix left_;
    std::optional<Matrix> right_;
};

/// P_⊥(L̄) = W̄Hᵀ − F for centred logits L̄ = W̄Hᵀ and F = P_F(L) on the labels' pattern (design 1.3).
class LowRankPart final : public ImplicitMatrix {
  public:
    /// words W̄ [V,d], centred; contexts [m,d]; sparse_part [nnz] on the backend. All must outlive this.
    LowRankPart(Backend& backend, const LabelsView& labels, Matrix words, Matrix contexts,
                const double* sparse_part)
        : backend_(backend), labels_(labels), logits_(backend, words, contexts), sparse_part_(sparse_part) {}

    [[nodiscard]] std::int64_t rows() const override { return logits_.rows(); }
    [[nodiscard]] std::int64_t columns() const override { return logits_.columns(); }
    void times(Matrix x, Matrix y) const override;
    void transposed_times(Matrix y, Matrix x) const override;

  private:
    Backend& backend_;
    const LabelsView& labels_;
    FactoredMatrix logits_;
    const double* sparse_part_;
};

/// S̃ = (I − 11ᵀ/V) S, the centred support matrix (design 1.1).
class CentredSupport final : public ImplicitMatrix {
  public:
    CentredSupport(Backend& backend, const LabelsView& labels);

    [[nodiscard]] std::int64_t rows() const override { return labels_.vocab_size; }
    [[nodiscard]] std::int64_t columns() const override { return labels_.contexts; }
    void times(Matrix x, Matrix y) const override;
    void transposed_times(Matrix y, Matrix x) const override;

  private:
    void centre(Matrix y) const;

    Backend& backend_;
    const LabelsView& labels_;
    Array ones_;  // [nnz]
};

}  // namespace ntpgeo
