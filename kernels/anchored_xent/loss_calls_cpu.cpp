#include <algorithm>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/anchored_xent/step_cpu.hpp"
#include "kernels/anchored_xent/workspace_cpu.hpp"
#include "kernels/base/stored.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

using namespace anchored_xent;

double number_at(const StoredMatrix& matrix, std::int64_t row, std::int64_t column) {
    const std::int64_t at = row * matrix.stride + column;
    switch (matrix.storage) {
        case Storage::bf16:
            return widened_bf16(static_cast<const std::uint16_t*>(matrix.data)[at]);
        case Storage::fp16:
            return widened_fp16(static_cast<const std::uint16_t*>(matrix.data)[at]);
        case Storage::fp32:
            return static_cast<const float*>(matrix.data)[at];
        case Storage::fp64:
            break;
    }
    return static_cast<const double*>(matrix.data)[at];
}

/// 16 bits by way of fp32, as on a GPU.
void put(const StoredMatrix& matrix, std::int64_t row, std::int64_t column, double value) {
    const std::int64_t at = row * matrix.stride + column;
    const auto single = static_cast<float>(value);
    switch (matrix.storage) {
        case Storage::bf16:
            static_cast<std::uint16_t*>(matrix.data)[at] = rounded_bf16(single);
            break;
        case Storage::fp16:
            static_cast<std::uint16_t*>(matrix.data)[at] = rounded_fp16(single);
            break;
        case Storage::fp32:
            static_cast<float*>(matrix.data)[at] = single;
            break;
        case Storage::fp64:
            static_cast<double*>(matrix.data)[at] = value;
            break;
    }
}

template <class Work>
void for_each_number(const StoredMatrix& matrix, const Work& work) {
    for_each(matrix.rows, 16, team_for(matrix.rows * matrix.columns), [&](std::int64_t row) {
        for (std::int64_t k = 0; k < matrix.columns; ++k) work(row, k);
    });
}

/// Calls whose matrices are brought to fp64 and back, whatever they are stored in: every stored number is one
/// of fp64. A reference for what runs on a GPU, and no slower than its products for that. G: GEMM.
template <class G>
class LossCallsCpu final : public LossCalls {
  public:
    explicit LossCallsCpu(const LossCallPlan& plan) : plan_(plan), layout_(plan, Real::fp64, plan.most_nnz) {}

    [[nodiscard]] std::int64_t workspace_bytes() const override {
        return Memory(*this, Pieces::none()).bytes;
    }

    void enqueue(const LossCall& call, const CallMemory& memory, void*) override {
        check_loss_call(plan_, call, memory, workspace_bytes());
        const Memory at(*this, memory.data);
        widen(call.words, at.words);
        widen(call.contexts, at.contexts);
        const CallLabels& given = call.labels;
        LabelsView labels;
        labels.vocab_size = plan_.vocab_size;
        labels.contexts = given.contexts;
        labels.nnz = given.nnz;
        labels.indptr = given.indptr;
        labels.indices = given.indices;
        labels.probs = given.probs;
        labels.log_probs = given.log_probs ? given.log_probs : at.log_probs;
        labels.context_probs = given.context_weights;
        if (!given.log_probs)
            std::transform(given.probs, given.probs + given.nnz, at.log_probs,
                           [](double p) { return std::log(p); });
        const WorkspaceCpu<G> work(layout_, at.step);
        const LossSums sums =
            StepCpu<double, G>(layout_, labels, work)
                .run({at.words, at.contexts, call.words_gradient.data ? at.words_gradient : nullptr,
                      call.contexts_gradient.data ? at.contexts_gradient : nullptr,
                      call.ridge ? *call.ridge : 0, call.upstream ? *call.upstream : 1, call.excess,
                      call.missing_mass, call.detail});
        narrow(at.words_gradient, call.words_gradient);
        narrow(at.contexts_gradient, call.contexts_gradient);
        if (!call.sums) return;
        call.sums[0] = sums.excess_loss;
        call.sums[1] = sums.off_support_mass;
    }

  private:
    struct Memory {
        double *words, *contexts, *words_gradient, *contexts_gradient;  // [V, dim] and [m, dim]
        double* log_probs;                                              // [nnz]
        void* step;
        std::int64_t bytes;

        Memory(const LossCallsCpu& calls, void* memory) {
            Pieces pieces(memory);
            const LossCallPlan& plan = calls.plan_;
            words = pieces.take<double>(plan.vocab_size * plan.dim);
            contexts = pieces.take<double>(plan.most_contexts * plan.dim);
            words_gradient = pieces.take<double>(plan.vocab_size * plan.dim);
            contexts_gradient = pieces.take<double>(plan.most_contexts * plan.dim);
            log_probs = pieces.take<double>(plan.most_nnz);
            step = pieces.take<unsigned char>(WorkspaceCpu<G>::bytes(calls.layout_));
            bytes = pieces.bytes();
        }
    };

    static void widen(const StoredMatrix& from, double* to) {
        for_each_number(from, [&](std::int64_t row, std::int64_t k) {
            to[row * from.columns + k] = number_at(from, row, k);
        });
    }
    static void narrow(const double* from, const StoredMatrix& to) {
        if (!to.data) return;
        for_each_number(
            to, [&](std::int64_t row, std::int64_t k) { put(to, row, k, from[row * to.columns + k]); });
    }

    LossCallPlan plan_;
    Layout layout_;
};

}  // namespace

std::unique_ptr<LossCalls> CpuLossSteps::plan_loss_calls(const LossCallPlan& plan) {
    check_loss_call_plan(plan);
    check_cpu_way(plan.kernel, plan.precision);
    if (plan.precision == Precision::fp32) return std::make_unique<LossCallsCpu<float>>(plan);
    return std::make_unique<LossCallsCpu<double>>(plan);
}

}  // namespace ntpgeo
