// Vector operations in master precision.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// Which numbers of a stream are drawn: from `first` on.
struct Normals {
    std::uint64_t seed = 0, stream = 0;
    std::int64_t first = 0;
};

/// Vectors may start at any element; sizes may be 0.
class VectorOperations {
  public:
    virtual ~VectorOperations() = default;

    /// x_i = scale·N(0,1), the normal number first + i of Philox(seed, stream).
    virtual void fill_normal(Vector x, const Normals& normals, double scale) = 0;
    virtual void fill_zero(Vector x) = 0;
    /// Converts where the two differ in precision.
    virtual void copy(Vector from, Vector to) = 0;
    /// ⟨x, y⟩ in double, in an order that follows from the size alone.
    virtual double dot(Vector x, Vector y) = 0;
    /// The same bits into out [1], memory of the backend, which many may come to the host together from.
    virtual void dot_into(Vector x, Vector y, double* out) = 0;
    /// y += a·x.
    virtual void axpy(double a, Vector x, Vector y) = 0;
    virtual void scale(double a, Vector x) = 0;

    /// out[i·q + k] = ⟨left[i], row k of right⟩ in double, in one pass over all of them; a product's bits
    /// follow from its two vectors alone, whichever is left. Up to `most_left` left ones; right [q, n] in
    /// their precision.
    static constexpr std::int64_t most_left = 3;
    virtual std::vector<double> products(const std::vector<Vector>& left, Matrix right) = 0;
    /// out = Σ_k coefficients[k]·row k, added in double in the rows' order and rounded once. rows [q, n] in
    /// out's precision, which is none of them.
    virtual void combine_rows(const std::vector<double>& coefficients, Matrix rows, Vector out) = 0;

    /// sum = Σ parts, pairs of neighbours first, then pairs of pairs, each addition in sum's precision: a
    /// power of two of parts, `most_parts` at most, all of one precision that sum's holds. sum may be the
    /// first of them.
    static constexpr std::int64_t most_parts = 16;
    virtual void add_pairwise(const std::vector<Vector>& parts, Vector sum) = 0;
};

class CpuVectorOperations : public virtual VectorOperations {
  public:
    void fill_normal(Vector x, const Normals& normals, double scale) override;
    void fill_zero(Vector x) override;
    void copy(Vector from, Vector to) override;
    double dot(Vector x, Vector y) override;
    void dot_into(Vector x, Vector y, double* out) override;
    void axpy(double a, Vector x, Vector y) override;
    void scale(double a, Vector x) override;
    std::vector<double> products(const std::vector<Vector>& left, Matrix right) override;
    void combine_rows(const std::vector<double>& coefficients, Matrix rows, Vector out) override;
    void add_pairwise(const std::vector<Vector>& parts, Vector sum) override;
};

/// The same formulas in the same arithmetic (no contraction), so that all but the sums and the normals have
/// the CPU's bits; a normal differs by what log and cos differ (an ulp or two). Neither the GPU nor the
/// alignment changes the bits of a dot product. Everything is queued on the device's stream; only `dot` and
/// `products` wait.
class CudaVectorOperations : public virtual VectorOperations {
  public:
    explicit CudaVectorOperations(device::Device& device) : device_(device) {}
    void fill_normal(Vector x, const Normals& normals, double scale) override;
    void fill_zero(Vector x) override;
    void copy(Vector from, Vector to) override;
    double dot(Vector x, Vector y) override;
    void dot_into(Vector x, Vector y, double* out) override;
    void axpy(double a, Vector x, Vector y) override;
    void scale(double a, Vector x) override;
    std::vector<double> products(const std::vector<Vector>& left, Matrix right) override;
    void combine_rows(const std::vector<double>& coefficients, Matrix rows, Vector out) override;
    void add_pairwise(const std::vector<Vector>& parts, Vector sum) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
