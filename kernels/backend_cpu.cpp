#include <cblas.h>
#include <omp.h>
#include <sys/sysinfo.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"
#include "kernels/cpu/single_thread.hpp"
#include "kernels/sparse/pattern.hpp"

namespace ntpgeo {
namespace {

class CpuBackend final : public Backend {
  public:
    CpuBackend() { const SingleThread once; }  // leaves OpenBLAS's own threads (its pthread build) at one

    [[nodiscard]] std::string device() const override { return "cpu"; }
    [[nodiscard]] bool supports(Precision precision) const override {
        return precision == Precision::fp32 || precision == Precision::fp64;
    }
    [[nodiscard]] std::string why_not(LossKernel kernel, Precision) const override {
        return kernel == LossKernel::epilogue ? "the epilogue kernel needs a GPU" : "";
    }

    [[nodiscard]] DeviceMemory memory() const override {
        struct sysinfo machine = {};
        if (::sysinfo(&machine) != 0) throw Failure("the machine does not tell how much memory it has");
        const auto unit = static_cast<std::int64_t>(machine.mem_unit);
        return {static_cast<std::int64_t>(machine.totalram) * unit,
                static_cast<std::int64_t>(machine.freeram + machine.bufferram) * unit};
    }
    void* allocate(std::int64_t bytes) override {
        void* const memory = std::aligned_alloc(64, (static_cast<std::size_t>(bytes) + 64) / 64 * 64);
        if (!memory) throw Failure("out of memory: " + std::to_string(bytes) + " bytes asked for");
        return memory;
    }
    void release(void* memory) noexcept override { std::free(memory); }
    void upload(const void* host, void* device, std::int64_t bytes) override {
        copy_bytes(host, device, bytes);
    }
    void download(const void* device, void* host, std::int64_t bytes) override {
        copy_bytes(device, host, bytes);
    }

    void fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale) override {
        vectors_cpu::fill_normal(x, seed, stream, scale);
    }
    void fill_zero(Vector x) override { vectors_cpu::fill_zero(x); }
    void copy(Vector from, Vector to) override { vectors_cpu::copy(from, to); }
    double dot(Vector x, Vector y) override { return vectors_cpu::dot(x, y); }
    void axpy(double a, Vector x, Vector y) override { vectors_cpu::axpy(a, x, y); }
    void scale(double a, Vector x) override { vectors_cpu::scale(a, x); }
    void descend(double rate, Vector gradient, const Parameters& parameters) override {
        update_cpu::descend(rate, gradient, parameters);
    }
    void heavy_ball(double momentum, double rate, Vector gradient, Vector velocity,
                    const Parameters& parameters) override {
        update_cpu::heavy_ball(momentum, rate, gradient, velocity, parameters);
    }
    void adam(const AdamStep& step, Vector gradient, Vector first_moment, Vector second_moment,
              const Parameters& parameters) override {
        update_cpu::adam(step, gradient, first_moment, second_moment, parameters);
    }
    double splitting_step(double relaxation, const SplittingStep& step) override {
        return splitting_cpu::splitting_step(relaxation, step);
    }
    RowDots row_dots(Matrix rows, std::int64_t row, Vector x) override {
        return splitting_cpu::row_dots(rows, row, x);
    }
    void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) override {
        splitting_cpu::subtract_rows(coefficients, rows, y);
    }

    void multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta, Matrix c) override {
        dense_cpu::multiply(product, alpha, a, b, beta, c);
    }
    void gram(Matrix a, bool of_columns, Matrix c) override { dense_cpu::gram(a, of_columns, c); }
    void column_means(Matrix a, Vector means) override { dense_cpu::column_means(a, means); }
    void column_squares(Matrix a, Vector squares) override { dense_cpu::column_squares(a, squares); }
    void subtract_row(Vector row, Matrix a) override { dense_cpu::subtract_row(row, a); }
    void orthonormalise(Matrix a) override { dense_cpu::orthonormalise(a); }
    void pattern_times(const LabelsView& labels, const double* values, double alpha, Matrix x,
                       Matrix y) override {
        sparse_cpu::pattern_times(labels, values, alpha, x, y);
    }
    void pattern_transposed_times(const LabelsView& labels, const double* values, double alpha, Matrix y,
                                  Matrix x) override {
        sparse_cpu::pattern_transposed_times(labels, values, alpha, y, x);
    }

    void project_margins(const LabelsView& labels, const double* margins, Matrix y, Matrix z,
                         Matrix reflected) override {
        columns_cpu::project_margins(labels, margins, y, z, reflected);
    }
    MarginDual margin_dual(const LabelsView& labels, const double* margins, double rho, Matrix z, Matrix y,
                           Matrix dual) override {
        return columns_cpu::margin_dual(labels, margins, rho, z, y, dual);
    }
    std::int64_t prox_cross_entropy(const LabelsView& labels, const double* scales, double rho, Matrix y,
                                    Matrix x, Matrix reflected) override {
        return columns_cpu::prox_cross_entropy(labels, scales, rho, y, x, reflected);
    }
    ColumnLoss column_cross_entropy(const LabelsView& labels, const double* scales, Matrix x,
                                    Matrix gradient) override {
        return columns_cpu::column_cross_entropy(labels, scales, x, gradient);
    }
    void prox_gradient(const LabelsView& labels, const double* scales, double rho, Matrix y, Matrix x,
                       Matrix gradient) override {
        columns_cpu::prox_gradient(labels, scales, rho, y, x, gradient);
    }
    double polar_candidate(const LabelsView& labels, double lambda, Matrix polar, Matrix gradient) override {
        return columns_cpu::polar_candidate(labels, lambda, polar, gradient);
    }
    DualEntropy dual_entropy(const LabelsView& labels, const double* scales, Matrix gradient,
                             double t) override {
        return columns_cpu::dual_entropy(labels, scales, gradient, t);
    }

    SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n, Real real) override {
        return svd_cpu::symmetric_eigen(std::move(matrix), n, real);
    }
    SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns) override {
        return svd_cpu::small_svd(std::move(matrix), rows, columns);
    }

    std::unique_ptr<LossStep> make_loss_step(const LabelsView& labels, const LossPlan& plan) override {
        return make_loss_step_cpu(labels, plan);
    }
    [[nodiscard]] LossStepSize loss_step_size(const LabelsView& labels, const LossPlan& plan) override {
        return loss_step_size_cpu(labels, plan);
    }

  private:
    static void copy_bytes(const void* from, void* to, std::int64_t bytes) {
        if (bytes > 0) std::memcpy(to, from, static_cast<std::size_t>(bytes));
    }
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend() {
    return std::make_unique<CpuBackend>();
}

}  // namespace ntpgeo
