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

/// Whether a matrix lies as N's, row after row.
template <class N>
bool lies_as(const StoredMatrix& matrix) {
    return matrix.data && bytes_of(matrix.storage) == static_cast<std::int64_t>(sizeof(N)) &&
           matrix.stride == matrix.columns && reinterpret_cast<std::uintptr_t>(matrix.data) % sizeof(N) == 0;
}

/// One call in a workspace. What is not stored as the master is, row after row, is copied: in before, and out
/// after. T: master, G: GEMM.
template <class T, class G>
class CallCpu {
  public:
    /// `words`: W in GEMM precision, where it is there.
    CallCpu(const LossCallPlan& plan, const LossCall& call, void* memory, const G* words = nullptr)
        : plan_(plan),
          call_(call),
          layout_(layout_of(plan, call, words == nullptr)),
          pieces_(memory),
          gemm_words_(words) {
        words_ = place(call.words, plan.vocab_size);
        contexts_ = place(call.contexts, plan.most_contexts);
        if (leaves_partial())
            words_gradient_ = nullptr;
        else if (call.adds_to_words_gradient && lies_as<T>(call.words_gradient) && !makes_in_place())
            words_gradient_ = pieces_.take<T>(plan.vocab_size * plan.dim);
        else
            words_gradient_ = place(call.words_gradient, plan.vocab_size);
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
        if (makes_in_place()) work.partial = static_cast<G*>(call_.words_gradient.data);
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
                     call_.adds_to_words_gradient && makes_in_place(),
                     call_.words_gradient.data != nullptr};
        const LossSums sums = StepCpu<T, G>(layout_, labels, work).run(step, gemm_words_);
        if (!leaves_partial()) narrow(words_gradient_, call_.words_gradient, call_.adds_to_words_gradient);
        narrow(contexts_gradient_, call_.contexts_gradient, false);
        narrow(bias_gradient_, call_.bias_gradient, false);
        if (!call_.sums) return;
        call_.sums[0] = sums.excess_loss;
        call_.sums[1] = sums.off_support_mass;
    }

  private:
    static Layout layout_of(const LossCallPlan& plan, const LossCall& call, bool converts) {
        constexpr Real master = std::is_same_v<T, float> ? Real::fp32 : Real::fp64;
        const bool grouped = plan.group != 0;
        Layout layout = grouped ? Layout(plan, master, plan.most_nnz) : Layout::shared(plan, master);
        layout.converts = layout.converts && converts;
        // What is added to what is there is rounded once, and λW is not rounded to G.
        const bool holds_all = std::is_same_v<T, G> || (!call.adds_to_words_gradient && !call.ridge);
        layout.keeps_partial = grouped || !lies_as<G>(call.words_gradient) || !holds_all;
        return layout;
    }
    /// The one group's dW is made where the caller wants it.
    [[nodiscard]] bool makes_in_place() const { return !layout_.keeps_partial; }
    /// And is whole there.
    [[nodiscard]] bool leaves_partial() const { return makes_in_place() && !call_.ridge; }
    T* place(const StoredMatrix& matrix, std::int64_t rows) {
        if (lies_as<T>(matrix)) return static_cast<T*>(matrix.data);
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
    const G* gemm_words_;
    T *words_, *contexts_, *words_gradient_, *contexts_gradient_;
    double *log_probs_, *bias_ = nullptr, *bias_gradient_ = nullptr;
    void* step_;
};

/// Many calls: W's operand, and a block for each that is made at once.
template <class T, class G>
class ManyCallsCpu {
  public:
    ManyCallsCpu(const LossCallPlan& plan, const LossCall& like, std::int64_t calls, void* memory)
        : plan_(plan), pieces_(memory) {
        if (!std::is_same_v<T, G> && lies_as<T>(like.words))
            words_ = pieces_.take<G>(plan.vocab_size * plan.dim);
        block_bytes_ = CallCpu<T, G>(plan, like, Pieces::none(), words_).bytes();
        blocks_ = pieces_.take<unsigned char>(std::min<std::int64_t>(team_size(), calls) * block_bytes_);
    }
    [[nodiscard]] std::int64_t bytes() const { return pieces_.bytes(); }

    void run(std::span<const LossCall> calls) const {
        if (words_)
            words_of_products(static_cast<const T*>(calls.front().words.data), plan_.vocab_size, plan_.dim,
                              words_);
        share_loop(std::ssize(calls), 1, threads_for(std::ssize(calls)), [&](Parts& parts) {
            void* const block = blocks_ + parts.thread() * block_bytes_;
            for_each_of(parts, [&](std::int64_t i) {
                CallCpu<T, G>(plan_, calls[static_cast<std::size_t>(i)], block, words_).run();
            });
        });
    }

  private:
    /// A call a thread where that leaves few of them idle; else all share one after the other. Neither the
    /// bits nor the memory depends on it.
    [[nodiscard]] int threads_for(std::int64_t calls) const {
        constexpr std::int64_t least = 8 * worth_a_team;  // as in StepCpu
        const std::int64_t team =
                               plan_.vocab_size * plan_.most_contexts * plan_.dim > least ? team_size() : 1,
                           turns = (calls + team - 1) / team;
        return 5 * calls >= 4 * turns * team ? static_cast<int>(team) : 1;
    }

    const LossCallPlan& plan_;
    Pieces pieces_;
    G* words_ = nullptr;
    std::int64_t block_bytes_;
    unsigned char* blocks_;
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
    [[nodiscard]] std::int64_t workspace_bytes_of_many(const LossCall& call,
                                                       std::int64_t calls) const override {
        return with_real(master_of(call), [&]<class T>(T) {
            return ManyCallsCpu<T, G>(plan_, call, calls, Pieces::none()).bytes();
        });
    }
    [[nodiscard]] Real words_gradient_real(Real master) const override {
        return plan_.group == 0 && std::is_same_v<G, float> ? Real::fp32 : master;
    }

    void enqueue(const LossCall& call, const CallMemory& memory, void*) override {
        check_loss_call(plan_, call, memory, workspace_bytes(call));
        with_real(master_of(call), [&]<class T>(T) { CallCpu<T, G>(plan_, call, memory.data).run(); });
    }
    void enqueue_many(std::span<const LossCall> calls, const CallMemory& memory, void*,
                      const std::function<void()>& have_dw) override {
        if (!calls.empty()) run_many(calls, memory);
        if (have_dw) have_dw();
    }

  private:
    void run_many(std::span<const LossCall> calls, const CallMemory& memory) const {
        for (const LossCall& call : calls)
            check_loss_call(plan_, call, memory, workspace_bytes_of_many(call, std::ssize(calls)));
        with_real(master_of(calls.front()), [&]<class T>(T) {
            ManyCallsCpu<T, G>(plan_, calls.front(), std::ssize(calls), memory.data).run(calls);
        });
    }

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
