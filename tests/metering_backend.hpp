// The CPU backend under another name, with its memory counted.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "kernels/backend_cpu.hpp"

namespace ntpgeo {

/// Computes as the CPU does and says of itself what it is told to. `bytes` is what has been allocated and not
/// yet released, `peak` its highest value; a loss step counts with the size that the backend gives for it.
class MeteringBackend final : public CpuBackend {
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
        void* const memory = CpuBackend::allocate(size);
        sizes_[memory] = size;
        count(size);
        return memory;
    }
    void release(void* memory) noexcept override {
        count(-sizes_[memory]);
        sizes_.erase(memory);
        CpuBackend::release(memory);
    }
    std::unique_ptr<LossStep> make_loss_step(const LabelsView& labels, const LossPlan& plan) override {
        return std::make_unique<Counted>(*this, CpuBackend::make_loss_step(labels, plan),
                                         loss_step_size(labels, plan).bytes);
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
        void enqueue(Matrix words, Matrix contexts, const double* ridge, Matrix words_gradient,
                     Matrix contexts_gradient) override {
            step_->enqueue(words, contexts, ridge, words_gradient, contexts_gradient);
        }
        [[nodiscard]] const double* sums() const override { return step_->sums(); }

      private:
        MeteringBackend& meter_;
        std::unique_ptr<LossStep> step_;
        std::int64_t size_;
    };

    void count(std::int64_t size) {
        bytes += size;
        peak = std::max(peak, bytes);
    }

    std::map<void*, std::int64_t> sizes_;
};

}  // namespace ntpgeo
