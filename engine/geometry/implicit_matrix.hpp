// Large matrices that are never formed: known by their products with blocks of vectors, all fp64 on one
// backend.
#pragma once

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

/// P_⊥(L̄) = W̄Hᵀ − F for centred logits L̄ = W̄Hᵀ and F = P_F(L) on the labels' pattern (design 1.3).
class LowRankPart final : public ImplicitMatrix {
  public:
    /// words W̄ [V,d], centred; contexts [m,d]; sparse_part [nnz] on the backend. All must outlive this.
    LowRankPart(Backend& backend, const LabelsView& labels, Matrix words, Matrix contexts,
                const double* sparse_part)
        : backend_(backend), labels_(labels), words_(words), contexts_(contexts), sparse_part_(sparse_part) {}

    [[nodiscard]] std::int64_t rows() const override { return words_.rows; }
    [[nodiscard]] std::int64_t columns() const override { return contexts_.rows; }
    void times(Matrix x, Matrix y) const override;
    void transposed_times(Matrix y, Matrix x) const override;

  private:
    Backend& backend_;
    const LabelsView& labels_;
    Matrix words_, contexts_;
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
