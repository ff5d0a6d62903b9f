// The CPU backend under another name, with its memory counted.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// Forwards every operation to a CPU backend. `bytes` is what has been allocated and not yet released, `peak`
/// its highest value; a loss step counts with the size that the backend gives for it.
class MeteringBackend final : public Backend {
  public:
    std::int64_t bytes = 0, peak = 0;
    std::string name = "cpu";
    std::string why_no_epilogue = "no such kernel";
    std::set<Precision> precisions = {Precision::fp32, Precision::fp64};
    DeviceMemory device_memory = {std::int64_t{1} << 40, std::int64_t{1} << 40};

    [[nodiscard]] std::string device() const override { return name; }
    [[nodiscard]] bool supports(Precision precision) const override { return precisions.contains(precision); }
    [[nodiscard]] std::string why_not(LossKernel kernel, Precision) const override {
        return kernel == LossKernel::epilogue ? why_no_epilogue : "";
    }
    [[nodiscard]] DeviceMemory memory() const override { return device_memory; }
    void* allocate(std::int64_t size) override {
        void* const memory = cpu_->allocate(size);
        sizes_[memory] = size;
        count(size);
        return memory;
    }
    void release(void* memory) noexcept override {
        count(-sizes_[memory]);
        sizes_.erase(memory);
        cpu_->release(memory);
    }
    void upload(const void* host, void* device, std::int64_t size) override {
        cpu_->upload(host, device, size);
    }
    void download(const void* device, void* host, std::int64_t size) override {
        cpu_->download(device, host, size);
    }
    void fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale) override {
        cpu_->fill_normal(x, seed, stream, scale);
    }
    void fill_zero(Vector x) override { cpu_->fill_zero(x); }
    void copy(Vector from, Vector to) override { cpu_->copy(from, to); }
    double dot(Vector x, Vector y) override { return cpu_->dot(x, y); }
    void axpy(double a, Vector x, Vector y) override { cpu_->axpy(a, x, y); }
    void scale(double a, Vector x) override { cpu_->scale(a, x); }
    void descend(double rate, Vector gradient, const Parameters& x) override {
        cpu_->descend(rate, gradient, x);
    }
    void heavy_ball(double momentum, double rate, Vector gradient, Vector velocity,
                    const Parameters& x) override {
        cpu_->heavy_ball(momentum, rate, gradient, velocity, x);
    }
    void adam(const AdamStep& step, Vector gradient, Vector first, Vector second,
              const Parameters& x) override {
        cpu_->adam(step, gradient, first, second, x);
    }
    double splitting_step(double relaxation, const SplittingStep& step) override {
        return cpu_->splitting_step(relaxation, step);
    }
    RowDots row_dots(Matrix rows, std::int64_t row, Vector x) override {
        return cpu_->row_dots(rows, row, x);
    }
    void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) override {
        cpu_->subtract_rows(coefficients, rows, y);
    }
    void gram(Matrix a, bool of_columns, Matrix c) override { cpu_->gram(a, of_columns, c); }
    void column_squares(Matrix a, Vector squares) override { cpu_->column_squares(a, squares); }
    void project_margins(const LabelsView& labels, const double* margins, Matrix y, Matrix z,
                         Matrix reflected) override {
        cpu_->project_margins(labels, margins, y, z, reflected);
    }
    MarginDual margin_dual(const LabelsView& labels, const double* margins, double rho, Matrix z, Matrix y,
                           Matrix dual) override {
        return cpu_->margin_dual(labels, margins, rho, z, y, dual);
    }
    std::int64_t prox_cross_entropy(const LabelsView& labels, const double* scales, double rho, Matrix y,
                                    Matrix x, Matrix reflected) override {
        return cpu_->prox_cross_entropy(labels, scales, rho, y, x, reflected);
    }
    ColumnLoss column_cross_entropy(const LabelsView& labels, const double* scales, Matrix x,
                                    Matrix gradient) override {
        return cpu_->column_cross_entropy(labels, scales, x, gradient);
    }
    void prox_gradient(const LabelsView& labels, const double* scales, double rho, Matrix y, Matrix x,
                       Matrix gradient) override {
        cpu_->prox_gradient(labels, scales, rho, y, x, gradient);
    }
    double polar_candidate(const LabelsView& labels, double lambda, Matrix polar, Matrix gradient) override {
        return cpu_->polar_candidate(labels, lambda, polar, gradient);
    }
    DualEntropy dual_entropy(const LabelsView& labels, const double* scales, Matrix gradient,
                             double t) override {
        return cpu_->dual_entropy(labels, scales, gradient, t);
    }
    void multiply(const Product& product, double alpha, Matrix a, Matrix b, double beta, Matrix c) override {
        cpu_->multiply(product, alpha, a, b, beta, c);
    }
    void column_means(Matrix a, Vector means) override { cpu_->column_means(a, means); }
    void subtract_row(Vector row, Matrix a) override { cpu_->subtract_row(row, a); }
    void orthonormalise(Matrix a) override { cpu_->orthonormalise(a); }
    void pattern_times(const LabelsView& labels, const double* values, double alpha, Matrix x,
                       Matrix y) override {
        cpu_->pattern_times(labels, values, alpha, x, y);
    }
    void pattern_transposed_times(const LabelsView& labels, const double* values, double alpha, Matrix y,
                                  Matrix x) override {
        cpu_->pattern_transposed_times(labels, values, alpha, y, x);
    }
    SymmetricEigen symmetric_eigen(std::vector<double> matrix, std::int64_t n, Real real) override {
        return cpu_->symmetric_eigen(std::move(matrix), n, real);
    }
    SmallSvd small_svd(std::vector<double> matrix, std::int64_t rows, std::int64_t columns) override {
        return cpu_->small_svd(std::move(matrix), rows, columns);
    }
    std::unique_ptr<LossStep> make_loss_step(const LabelsView& labels, const LossPlan& plan) override {
        return std::make_unique<Counted>(*this, cpu_->make_loss_step(labels, plan),
                                         cpu_->loss_step_size(labels, plan).bytes);
    }
    [[nodiscard]] LossStepSize loss_step_size(const LabelsView& labels, const LossPlan& plan) override {
        return cpu_->loss_step_size(labels, plan);
    }

  private:
    class Counted final : public LossStep {
      public:
        Counted(MeteringBackend& meter, std::unique_ptr<LossStep> step, std::int64_t size)
            : meter_(meter), step_(std::move(step)), size_(size) {
            meter_.count(size_);
        }
        ~Counted() override { meter_.count(-size_); }
        LossSums run(Matrix words, Matrix contexts, double lambda, Matrix words_gradient,
                     Matrix contexts_gradient, const LossDetail& detail) override {
            return step_->run(words, contexts, lambda, words_gradient, contexts_gradient, detail);
        }

      private:
        MeteringBackend& meter_;
        std::unique_ptr<LossStep> step_;
        std::int64_t size_;
    };

    void count(std::int64_t size) {
        bytes += size;
        peak = std::max(peak, bytes);
    }

    std::unique_ptr<Backend> cpu_ = make_cpu_backend();
    std::map<void*, std::int64_t> sizes_;
};

}  // namespace ntpgeo
