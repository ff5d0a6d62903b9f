#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

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

/// The widest of what a call's matrices are stored in decides its master: fp32 or fp64. 16 bits are widened
/// to fp32 without loss.
Real master_of(const LossCall& call) {
    for (const StoredMatrix* matrix :
         {&call.words, &call.contexts, &call.words_gradient, &call.contexts_gradient})
        if (matrix->data && matrix->storage == Storage::fp64) return Real::fp64;
    return Real::fp32;
}

/// One call in a workspace. What is not stored as the master is, row after row, is copied: in before, and out
/// after. T: master, G: GEMM.
template <class T, class G>
class CallCpu {
  public:
    CallCpu(const LossCallPlan& plan, const LossCall& call, void* memory)
        : plan_(plan), call_(call), layout_(layout_of(plan, call)), pieces_(memory) {
        words_ = place(call.words, plan.vocab_size);
        contexts_ = place(call.contexts, plan.most_contexts);
        words_gradient_ =
            call.adds_to_words_gradient && is_as_master(call.words_gradient) && !makes_in_place()
                ? pieces_.take<T>(plan.vocab_size * plan.dim)
                : place(call.words_gradient, plan.vocab_size);
        contexts_gradient_ = place(call.contexts_gradient, plan.most_contexts);
        log_probs_ = call.labels.log_probs ? nullptr : pieces_.take<double>(plan.most_nnz);
        if (plan.biased) {
            bias_ = pieces_.take<double>(plan.vocab_size);
            bias_gradient_ = pieces_.take<double>(plan.vocab_size);
        }
        step_ = pieces_.take<unsigned char>(WorkspaceCpu<G>::bytes(layout_));
    }
    [[nodiscard]] std::int64_t bytes() const { return pieces_.bytes(); }

    void run() const {
        widen(call_.words, words_);
        widen(call_.contexts, contexts_);
        if (call_.bias.data) widen(call_.bias, bias_);
        const CallLabels& given = call_.labels;
        LabelsView labels;
        labels.vocab_size = plan_.vocab_size;
        labels.contexts = given.contexts;
        labels.nnz = given.nnz;
        labels.indptr = given.indptr;
        labels.indices = given.indices;
        labels.probs = given.probs;
        labels.log_probs = given.log_probs ? given.log_probs : log_probs_;
        labels.context_probs = given.context_weights;
        if (!given.log_probs)
            std::transform(given.probs, given.probs + given.indptr[given.contexts], log_probs_,
                           [](double p) { return std::log(p); });
        WorkspaceCpu<G> work(layout_, step_);
        if constexpr (std::is_same_v<T, G>)
            if (makes_in_place()) work.partial = words_gradient_;
        Call<T> step{words_,
                     contexts_,
                     call_.words_gradient.data ? words_gradient_ : nullptr,
                     call_.contexts_gradient.data ? contexts_gradient_ : nullptr,
                     call_.ridge ? *call_.ridge : 0,
                     call_.upstream ? *call_.upstream : 1,
                     call_.excess,
                     call_.missing_mass,
                     call_.detail,
                     call_.bias.data ? bias_ : nullptr,
                     call_.bias_gradient.data ? bias_gradient_ : nullptr,
                     given.tails,
                     call_.divergence,
                     call_.adds_to_words_gradient && makes_in_place()};
        const LossSums sums = StepCpu<T, G>(layout_, labels, work).run(step);
        narrow(words_gradient_, call_.words_gradient, call_.adds_to_words_gradient);
        narrow(contexts_gradient_, call_.contexts_gradient, false);
        narrow(bias_gradient_, call_.bias_gradient, false);
        if (!call_.sums) return;
        call_.sums[0] = sums.excess_loss;
        call_.sums[1] = sums.off_support_mass;
    }

  private:
    static Layout layout_of(const LossCallPlan& plan, const LossCall& call) {
        constexpr Real master = std::is_same_v<T, float> ? Real::fp32 : Real::fp64;
        if (plan.group != 0) return {plan, master, plan.most_nnz};
        Layout layout = Layout::shared(plan, master);
        layout.keeps_partial = !(std::is_same_v<T, G> && is_as_master(call.words_gradient));
        return layout;
    }
    static bool is_as_master(const StoredMatrix& matrix) {
        return matrix.data && bytes_of(matrix.storage) == static_cast<std::int64_t>(sizeof(T)) &&
               matrix.stride == matrix.columns &&
               reinterpret_cast<std::uintptr_t>(matrix.data) % sizeof(T) == 0;
    }
    /// The one group's dW is made where the caller wants it.
    [[nodiscard]] bool makes_in_place() const { return !layout_.keeps_partial; }
    T* place(const StoredMatrix& matrix, std::int64_t rows) {
        if (is_as_master(matrix)) return static_cast<T*>(matrix.data);
        return matrix.data ? pieces_.take<T>(rows * matrix.columns) : nullptr;
    }

    template <class N>
    static void widen(const StoredMatrix& from, N* to) {
        if (to == from.data) return;
        for_each_number(from, [&](std::int64_t row, std::int64_t k) {
            to[row * from.columns + k] = static_cast<N>(number_at(from, row, k));
        });
    }
    template <class N>
    static void narrow(const N* from, const StoredMatrix& to, bool adds) {
        if (!to.data || to.data == from) return;
        for_each_number(to, [&](std::int64_t row, std::int64_t k) {
            const double value = from[row * to.columns + k];
            put(to, row, k, adds ? number_at(to, row, k) + value : value);
        });
    }

    const LossCallPlan& plan_;
    const LossCall& call_;
    Layout layout_;
    Pieces pieces_;
    T *words_, *contexts_, *words_gradient_, *contexts_gradient_;
    double *log_probs_, *bias_ = nullptr, *bias_gradient_ = nullptr;
    void* step_;
};

template <class G>
class LossCallsCpu final : public LossCalls {
  public:
    explicit LossCallsCpu(const LossCallPlan& plan) : plan_(plan) {}

    using LossCalls::workspace_bytes;
    /// Of a call each of whose matrices is copied.
    [[nodiscard]] std::int64_t workspace_bytes() const override {
        std::int64_t most = 0;
        for (const Storage storage : {Storage::fp16, Storage::fp64}) {
            LossCall call;
            for (StoredMatrix* matrix :
                 {&call.words, &call.contexts, &call.words_gradient, &call.contexts_gradient})
                *matrix = {Pieces::none(), storage, plan_.vocab_size, plan_.dim, plan_.dim + 1};
            most = std::max(most, workspace_bytes(call));
        }
        return most;
    }
    [[nodiscard]] std::int64_t workspace_bytes(const LossCall& call) const override {
        return with_real(master_of(call),
                         [&]<class T>(T) { return CallCpu<T, G>(plan_, call, Pieces::none()).bytes(); });
    }

    void enqueue(const LossCall& call, const CallMemory& memory, void*) override {
        check_loss_call(plan_, call, memory, workspace_bytes(call));
        with_real(master_of(call), [&]<class T>(T) { CallCpu<T, G>(plan_, call, memory.data).run(); });
    }

  private:
    LossCallPlan plan_;
};

}  // namespace

std::unique_ptr<LossCalls> CpuLossSteps::plan_loss_calls(const LossCallPlan& plan) {
    check_loss_call_plan(plan);
    check_cpu_way(plan.kernel, plan.precision);
    if (plan.precision == Precision::fp32) return std::make_unique<LossCallsCpu<float>>(plan);
    return std::make_unique<LossCallsCpu<double>>(plan);
}

}  // namespace ntpgeo
