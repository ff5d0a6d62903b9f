// The one boundary between the engine and the machine: an engine routine is written once over these coarse
// operations, which exist for every backend (design 3). Dispatch happens once an operation, never once an
// element.
//
// Memory handed to an operation must come from the same backend. Operations run in the order they are called;
// those that return a number have finished when they return. Reductions are made in a fixed order, in double.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/base/views.hpp"
#include "kernels/columns/columns.hpp"
#include "kernels/dense/dense.hpp"
#include "kernels/splitting/splitting.hpp"
#include "kernels/svd/small.hpp"
#include "kernels/update/update.hpp"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {

/// Bytes of a device's memory. The CPU's are the machine's, and what the kernel would give back from its
/// caches does not count as free.
struct DeviceMemory {
    std::int64_t total = 0, free = 0;
};

class Backend {
  public:
    virtual ~Backend() = default;

    /// What a config or a record calls this device: "cpu".
    [[nodiscard]] virtual std::string device() const = 0;
    /// Whether the three large products of a loss step can be made in `precision` here.
    [[nodiscard]] virtual bool supports(Precision precision) const = 0;
    /// Why a loss step cannot be made in this way here: one clause without a full stop; empty where it can.
    [[nodiscard]] virtual std::string why_not(LossKernel kernel, Precision precision) const = 0;

    // Memory. `allocate` returns memory aligned for any operation and throws Failure where there is none
    // left.
    [[nodiscard]] virtual DeviceMemory memory() const = 0;
    virtual void* allocate(std::int64_t bytes) = 0;
    virtual void release(void* memory) noexcept = 0;
    virtual void upload(const void* host, void* device, std::int64_t bytes) = 0;
    virtual void download(const void* device, void* host, std::int64_t bytes) = 0;

    // update/: parameters and optimizer state.
    virtual void fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale) = 0;
    virtual void fill_zero(Vector x) = 0;
    virtual void copy(Vector from, Vector to) = 0;
    virtual double dot(Vector x, Vector y) = 0;
    virtual void axpy(double a, Vector x, Vector y) = 0;
    virtual void scale(double a, Vector x) = 0;
    virtual void descend(double rate, Vector gradient, const Parameters& parameters) = 0;
    virtual void heavy_ball(double momentum, double rate, Vector gradient, Vector velocity,
                            const Parameters& parameters) = 0;
    virtual void adam(const AdamStep& step, Vector gradient, Vector first_moment, Vector second_moment,
                      const Parameters& parameters) = 0;
    virtual double splitting_step(double relaxation, const SplittingStep& step) = 0;
    virtual RowDots row_dots(Matrix rows, std::int64_t row, Vector x) = 0;
    virtual void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) = 0;

    // dense/ and sparse/: the factors' products and the pattern's; fp64, multiply and gram also fp32.
    virtual void multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta,
                          Matrix c) = 0;
    virtual void gram(Matrix a, bool of_columns, Matrix c) = 0;
    virtual void column_means(Matrix a, Vector means) = 0;
    virtual void column_squares(Matrix a, Vector squares) = 0;
    virtual void subtract_row(Vector row, Matrix a) = 0;
    virtual void orthonormalise(Matrix a) = 0;
    virtual void pattern_times(const LabelsView& labels, const double* values, double alpha, Matrix x,
                               Matrix y) = 0;
    virtual void pattern_transposed_times(const LabelsView& labels, const double* values, double alpha,
                                          Matrix y, Matrix x) = 0;

    // columns/, fp64: dense logits a context at a time, for the exact solvers.
    virtual void project_margins(const LabelsView& labels, const double* margins, Matrix y, Matrix z,
                                 Matrix reflected) = 0;
    virtual MarginDual margin_dual(const LabelsView& labels, const double* margins, double rho, Matrix z,
                                   Matrix y, Matrix dual) = 0;
    virtual std::int64_t prox_cross_entropy(const LabelsView& labels, const double* scales, double rho,
                                            Matrix y, Matrix x, Matrix reflected) = 0;
    virtual ColumnLoss column_cross_entropy(const LabelsView& labels, const double* scales, Matrix x,
                                            Matrix gradient) = 0;
    virtual void prox_gradient(const LabelsView& labels, const double* scales, double rho, Matrix y, Matrix x,
                               Matrix gradient) = 0;
    virtual double polar_candidate(const LabelsView& labels, double lambda, Matrix polar,
                                   Matrix gradient) = 0;
    virtual DualEntropy dual_entropy(const LabelsView& labels, const double* scales, Matrix gradient,
                                     double t) = 0;

    // svd/, on host memory: the matrices are small next to what they come from, and the engine looks at the
    // numbers.
    virtual SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n,
                                           Real real = Real::fp64) = 0;
    virtual SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns) = 0;

    // anchored_xent/
    virtual std::unique_ptr<LossStep> make_loss_step(const LabelsView& labels, const LossPlan& plan) = 0;
    /// What make_loss_step would take now, taking none of it. Exact to what a kernel library keeps for
    /// itself.
    [[nodiscard]] virtual LossStepSize loss_step_size(const LabelsView& labels, const LossPlan& plan) = 0;
};

/// Memory on a backend, released with it.
class Array {
  public:
    Array() = default;
    Array(Backend& backend, std::int64_t bytes)
        : backend_(&backend), bytes_(bytes), data_(backend.allocate(bytes)) {}
    Array(Array&& other) noexcept { swap(other); }
    Array& operator=(Array&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Array() {
        if (data_) backend_->release(data_);
    }

    [[nodiscard]] void* data() const { return data_; }
    [[nodiscard]] std::int64_t bytes() const { return bytes_; }
    template <class T>
    [[nodiscard]] T* as() const {
        return static_cast<T*>(data_);
    }
    [[nodiscard]] Vector vector(Real real, std::int64_t size, std::int64_t offset = 0) const {
        return {static_cast<char*>(data_) + offset * bytes_of(real), real, size};
    }
    [[nodiscard]] Matrix matrix(Real real, std::int64_t rows, std::int64_t columns,
                                std::int64_t offset = 0) const {
        return {static_cast<char*>(data_) + offset * bytes_of(real), real, rows, columns};
    }

  private:
    void swap(Array& other) noexcept {
        std::swap(backend_, other.backend_);
        std::swap(bytes_, other.bytes_);
        std::swap(data_, other.data_);
    }

    Backend* backend_ = nullptr;
    std::int64_t bytes_ = 0;
    void* data_ = nullptr;
};

/// A copy of host values on a backend.
template <class T>
Array upload_array(Backend& backend, const std::vector<T>& host) {
    Array array(backend, static_cast<std::int64_t>(host.size() * sizeof(T)));
    backend.upload(host.data(), array.data(), array.bytes());
    return array;
}

/// A copy of the first `size` values of backend memory on the host.
template <class T>
std::vector<T> download_array(Backend& backend, const void* device, std::int64_t size) {
    std::vector<T> host(static_cast<std::size_t>(size));
    backend.download(device, host.data(), static_cast<std::int64_t>(size * sizeof(T)));
    return host;
}

/// The CPU: OpenMP threads, OpenBLAS, Highway. GEMM precision fp32 or fp64.
std::unique_ptr<Backend> make_cpu_backend();

/// What of CUDA this process can use: how many GPUs, or in words why none.
struct CudaAvailability {
    int devices = 0;
    std::string why_none;  ///< one clause without a full stop; empty where devices > 0
};
CudaAvailability cuda_availability();

/// GPU number `index`. Throws InputError where there is no such device.
std::unique_ptr<Backend> make_cuda_backend(int index);

}  // namespace ntpgeo
