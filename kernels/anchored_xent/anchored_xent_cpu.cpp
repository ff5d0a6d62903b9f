#include <array>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/anchored_xent/step_cpu.hpp"
#include "kernels/anchored_xent/workspace_cpu.hpp"
#include "kernels/base/status.hpp"
#include "kernels/base/stored.hpp"
#include "kernels/cpu/blas.hpp"

namespace ntpgeo {
namespace {

using namespace anchored_xent;

/// For fixed labels, whose largest chunk is known.
Layout layout_of(const LabelsView& labels, const LossPlan& plan) {
    Layout layout({labels.vocab_size, plan.dim, labels.contexts, labels.nnz, plan.precision, plan.kernel,
                   plan.chunk, plan.group},
                  plan.master, 0);
    layout.largest_support = entries_of_a_chunk(labels, layout.chunking);
    return layout;
}

// T: master, G: GEMM.
template <class T, class G>
class LossStepCpu final : public LossStep {
  public:
    LossStepCpu(const LabelsView& labels, const Layout& layout)
        : labels_(labels),
          layout_(layout),
          memory_(WorkspaceCpu<G>::bytes(layout_)),
          work_(layout_, memory_.data()) {}
    LossStepCpu(const LossStepCpu&) = delete;
    LossStepCpu& operator=(const LossStepCpu&) = delete;

    using LossStep::run;
    LossSums run(Matrix words, Matrix contexts, double lambda, Matrix words_gradient,
                 Matrix contexts_gradient, const LossDetail& detail) override {
        const LossSums sums = StepCpu<T, G>(layout_, labels_, work_)
                                  .run({words.as<T>(), contexts.as<T>(), words_gradient.as<T>(),
                                        contexts_gradient.as<T>(), lambda, 1, nullptr, nullptr, detail});
        sums_ = {sums.excess_loss, sums.off_support_mass};
        return sums;
    }
    void enqueue(Matrix words, Matrix contexts, const double* ridge, Matrix words_gradient,
                 Matrix contexts_gradient) override {
        run(words, contexts, *ridge, words_gradient, contexts_gradient);
    }
    [[nodiscard]] const double* sums() const override { return sums_.data(); }

  private:
    LabelsView labels_;
    Layout layout_;
    AlignedArray<unsigned char> memory_;
    WorkspaceCpu<G> work_;
    std::array<double, 2> sums_{};  // of the last run
};

}  // namespace

bool CpuLossSteps::supports(Precision precision) const {
    return precision == Precision::fp32 || precision == Precision::fp64;
}

std::string CpuLossSteps::why_not(LossKernel kernel, Precision) const {
    return kernel == LossKernel::epilogue ? "the epilogue kernel needs a GPU" : "";
}

std::unique_ptr<LossStep> CpuLossSteps::make_loss_step(const LabelsView& labels, const LossPlan& plan) {
    check_cpu_way(plan.kernel, plan.precision);
    const Layout layout = layout_of(labels, plan);
    return with_real(plan.master, [&]<class T>(T) -> std::unique_ptr<LossStep> {
        if (plan.precision == Precision::fp32) return std::make_unique<LossStepCpu<T, float>>(labels, layout);
        return std::make_unique<LossStepCpu<T, double>>(labels, layout);
    });
}

LossStepSize CpuLossSteps::loss_step_size(const LabelsView& labels, const LossPlan& plan) {
    const Layout layout = layout_of(labels, plan);
    const bool narrow = plan.precision == Precision::fp32;
    return {narrow ? WorkspaceCpu<float>::bytes(layout) : WorkspaceCpu<double>::bytes(layout),
            layout.chunking.chunk, layout.threads};
}

}  // namespace ntpgeo
