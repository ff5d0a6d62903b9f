#include <memory>
#include <port.cuh>
#include <string>
#include <utility>

#include "kernels/anchored_xent/loss_step_cuda.hpp"
#include "kernels/backend.hpp"
#include "kernels/columns/columns_cuda.cuh"
#include "kernels/dense/dense_cuda.cuh"
#include "kernels/device/device.cuh"
#include "kernels/sparse/pattern_cuda.cuh"
#include "kernels/splitting/splitting_cuda.cuh"
#include "kernels/svd/small_cuda.cuh"
#include "kernels/update/update_cuda.cuh"
#include "kernels/vectors/vectors_cuda.cuh"

namespace ntpgeo {
namespace {

/// One GPU. Operations are queued on its one stream and return at once, unless they hand back a number or
/// host memory. A kernel that fails shows at the next operation that waits.
class CudaBackend final : public Backend {
  public:
    explicit CudaBackend(int index) : device_(index) {}

    [[nodiscard]] std::string device() const override { return "cuda"; }
    [[nodiscard]] bool supports(Precision) const override { return true; }
    [[nodiscard]] std::string why_not(LossKernel kernel, Precision precision) const override {
        return why_not_loss_kernel_cuda(kernel, precision);
    }

    [[nodiscard]] DeviceMemory memory() const override {
        std::size_t free = 0, total = 0;
        NTPGEO_CHECK(cudaMemGetInfo(&free, &total));
        return {static_cast<std::int64_t>(total), static_cast<std::int64_t>(free)};
    }
    void* allocate(std::int64_t bytes) override { return device::allocate_device(bytes); }
    // Queued operations may still use the memory.
    void release(void* memory) noexcept override {
        static_cast<void>(cudaStreamSynchronize(device_.stream()));
        static_cast<void>(cudaFree(memory));
    }
    void upload(const void* host, void* device, std::int64_t bytes) override {
        copy_and_wait(host, device, bytes, cudaMemcpyHostToDevice);
    }
    void download(const void* device, void* host, std::int64_t bytes) override {
        copy_and_wait(device, host, bytes, cudaMemcpyDeviceToHost);
    }

    void fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale) override {
        vectors_cuda::fill_normal(device_, x, seed, stream, scale);
    }
    void fill_zero(Vector x) override { vectors_cuda::fill_zero(device_, x); }
    void copy(Vector from, Vector to) override { vectors_cuda::copy(device_, from, to); }
    double dot(Vector x, Vector y) override { return vectors_cuda::dot(device_, x, y); }
    void axpy(double a, Vector x, Vector y) override { vectors_cuda::axpy(device_, a, x, y); }
    void scale(double a, Vector x) override { vectors_cuda::scale(device_, a, x); }
    void descend(double rate, Vector gradient, const Parameters& parameters) override {
        update_cuda::descend(device_, rate, gradient, parameters);
    }
    void heavy_ball(double momentum, double rate, Vector gradient, Vector velocity,
                    const Parameters& parameters) override {
        update_cuda::heavy_ball(device_, momentum, rate, gradient, velocity, parameters);
    }
    void adam(const AdamStep& step, Vector gradient, Vector first_moment, Vector second_moment,
              const Parameters& parameters) override {
        update_cuda::adam(device_, step, gradient, first_moment, second_moment, parameters);
    }
    double splitting_step(double relaxation, const SplittingStep& step) override {
        return splitting_cuda::splitting_step(device_, relaxation, step);
    }
    RowDots row_dots(Matrix rows, std::int64_t row, Vector x) override {
        return splitting_cuda::row_dots(device_, rows, row, x);
    }
    void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) override {
        splitting_cuda::subtract_rows(device_, coefficients, rows, y);
    }

    void multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta, Matrix c) override {
        dense_cuda::multiply(device_, product, alpha, a, b, beta, c);
    }
    void gram(Matrix a, bool of_columns, Matrix c) override { dense_cuda::gram(device_, a, of_columns, c); }
    void column_means(Matrix a, Vector means) override { dense_cuda::column_means(device_, a, means); }
    void column_squares(Matrix a, Vector squares) override {
        dense_cuda::column_squares(device_, a, squares);
    }
    void subtract_row(Vector row, Matrix a) override { dense_cuda::subtract_row(device_, row, a); }
    void orthonormalise(Matrix a) override { dense_cuda::orthonormalise(device_, a); }
    void pattern_times(const LabelsView& labels, const double* values, double alpha, Matrix x,
                       Matrix y) override {
        sparse_cuda::pattern_times(device_, labels, values, alpha, x, y);
    }
    void pattern_transposed_times(const LabelsView& labels, const double* values, double alpha, Matrix y,
                                  Matrix x) override {
        sparse_cuda::pattern_transposed_times(device_, labels, values, alpha, y, x);
    }

    void project_margins(const LabelsView& labels, const double* margins, Matrix y, Matrix z,
                         Matrix reflected) override {
        columns_cuda::project_margins(device_, labels, margins, y, z, reflected);
    }
    MarginDual margin_dual(const LabelsView& labels, const double* margins, double rho, Matrix z, Matrix y,
                           Matrix dual) override {
        return columns_cuda::margin_dual(device_, labels, margins, rho, z, y, dual);
    }
    std::int64_t prox_cross_entropy(const LabelsView& labels, const double* scales, double rho, Matrix y,
                                    Matrix x, Matrix reflected) override {
        return columns_cuda::prox_cross_entropy(device_, labels, scales, rho, y, x, reflected);
    }
    ColumnLoss column_cross_entropy(const LabelsView& labels, const double* scales, Matrix x,
                                    Matrix gradient) override {
        return columns_cuda::column_cross_entropy(device_, labels, scales, x, gradient);
    }
    void prox_gradient(const LabelsView& labels, const double* scales, double rho, Matrix y, Matrix x,
                       Matrix gradient) override {
        columns_cuda::prox_gradient(device_, labels, scales, rho, y, x, gradient);
    }
    double polar_candidate(const LabelsView& labels, double lambda, Matrix polar, Matrix gradient) override {
        return columns_cuda::polar_candidate(device_, labels, lambda, polar, gradient);
    }
    DualEntropy dual_entropy(const LabelsView& labels, const double* scales, Matrix gradient,
                             double t) override {
        return columns_cuda::dual_entropy(device_, labels, scales, gradient, t);
    }

    SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n, Real real) override {
        return svd_cuda::symmetric_eigen(device_, matrix, n, real);
    }
    SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns) override {
        return svd_cuda::small_svd(device_, matrix, rows, columns);
    }

    std::unique_ptr<LossStep> make_loss_step(const LabelsView& labels, const LossPlan& plan) override {
        return make_loss_step_cuda(device_, labels, plan);
    }
    [[nodiscard]] LossStepSize loss_step_size(const LabelsView& labels, const LossPlan& plan) override {
        return loss_step_size_cuda(device_, labels, plan);
    }

  private:
    // On the stream, so that what was queued before has happened to the device's side.
    void copy_and_wait(const void* from, void* to, std::int64_t bytes, cudaMemcpyKind kind) {
        if (bytes == 0) return;
        NTPGEO_CHECK(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), kind, device_.stream()));
        device_.synchronise();
    }

    device::Device device_;
};

}  // namespace

CudaAvailability cuda_availability() {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status == cudaSuccess && devices > 0) return {devices, ""};
    static_cast<void>(cudaGetLastError());
    return {0, device::why_no_device(status == cudaSuccess ? cudaErrorNoDevice : status)};
}

std::unique_ptr<Backend> make_cuda_backend(int index) {
    return std::make_unique<CudaBackend>(index);
}

}  // namespace ntpgeo
