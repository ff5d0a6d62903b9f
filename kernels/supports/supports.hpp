// What the figures sum up over supports and over classes of contexts with the same one (design 2.2, 4.4), so
// that a record's downloads are sums.
#pragma once

#include <cstdint>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// What a loss step knows of each context's logits, raw but where it says so.
struct SupportLogits {
    const double* support_logits = nullptr;      ///< [nnz]
    const double* mean_logits = nullptr;         ///< [m] over the vocabulary
    const double* off_support_max = nullptr;     ///< [m]
    const double* off_support_square = nullptr;  ///< [m] of the centred logits
};

/// Sums over contexts of the two parts of the centred logits L̄ (design 1.3). A full support leaves nothing of
/// them outside F.
struct SupportSums {
    double sparse = 0;        ///< ‖P_F(L̄)‖²
    double low_rank = 0;      ///< ‖P_⊥(L̄)‖²
    double error = 0;         ///< ‖P_F(L) − L_in‖², of the logits over both scales
    double limit = 0;         ///< ‖L_in‖²
    double log_mean = 0;      ///< Σ over the pattern of the square of its column's mean log p
    double with_support = 0;  ///< ⟨P_⊥(L̄), S̃⟩
    double least_lead = 0;  ///< min over supports that are not full of min_{S_j} ℓ − max_{off} ℓ; or infinity
};

/// Contexts by class, ascending in each.
struct ClassesView {
    std::int64_t classes = 0;
    const std::int64_t* indptr = nullptr;   ///< [classes + 1]
    const std::int64_t* members = nullptr;  ///< [m]
};

/// Sums over the classes of two contexts or more.
struct ClassSums {
    double energy = 0;  ///< Σ of their contexts' energies
    double sparse_within =
        0;  ///< Σ ‖f_j − their class's mean of f‖², f_j the sparse parts; full supports not
    double cosines = 0;  ///< Σ of the mean pairwise cosine of h_j ≠ 0, over the classes with two of them
    double with_cosine = 0;  ///< the number of those classes
};

class SupportOperations {
  public:
    virtual ~SupportOperations() = default;

    /// sparse_part [nnz] = P_F(L), each column's support logits less their mean; energy [m] = ‖P_⊥ ℓ̄_j‖²; and
    /// their sums. L_in is log p less its mean. A column of one label has neither.
    virtual SupportSums split_logits(const LabelsView& labels, const SupportLogits& logits, double scale,
                                     double other_scale, double* sparse_part, double* energy) = 0;
    /// scatter[j] = h_j less the mean of its class, 0 where the support is full or nobody shares it; and the
    /// sums. contexts H and scatter [m, d] fp64; sparse_part [nnz] and energy [m] as split_logits leaves
    /// them. The contexts of a class have the same support.
    virtual ClassSums scatter_classes(const LabelsView& labels, const ClassesView& classes, Matrix contexts,
                                      const double* sparse_part, const double* energy, Matrix scatter) = 0;
};

/// On one thread, sums in the order of the contexts.
class CpuSupportOperations : public virtual SupportOperations {
  public:
    SupportSums split_logits(const LabelsView& labels, const SupportLogits& logits, double scale,
                             double other_scale, double* sparse_part, double* energy) override;
    ClassSums scatter_classes(const LabelsView& labels, const ClassesView& classes, Matrix contexts,
                              const double* sparse_part, const double* energy, Matrix scatter) override;
};

/// A warp a context, and a block a class; sums in an order that follows from the sizes alone. Each waits for
/// its sums, once, and copies nothing else.
class CudaSupportOperations : public virtual SupportOperations {
  public:
    explicit CudaSupportOperations(device::Device& device) : device_(device) {}
    SupportSums split_logits(const LabelsView& labels, const SupportLogits& logits, double scale,
                             double other_scale, double* sparse_part, double* energy) override;
    ClassSums scatter_classes(const LabelsView& labels, const ClassesView& classes, Matrix contexts,
                              const double* sparse_part, const double* energy, Matrix scatter) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
