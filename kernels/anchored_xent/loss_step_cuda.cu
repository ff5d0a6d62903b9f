#include <algorithm>
#include <port.cuh>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/anchored_xent/epilogue_product.cuh"
#include "kernels/anchored_xent/finish_cuda.cuh"
#include "kernels/anchored_xent/logits_cuda.cuh"
#include "kernels/anchored_xent/products_cuda.cuh"
#include "kernels/anchored_xent/stream_cuda.cuh"
#include "kernels/anchored_xent/support_cuda.cuh"
#include "kernels/anchored_xent/workspace_cuda.cuh"
#include "kernels/device/device.cuh"
#include "kernels/device/range.cuh"
#include "kernels/device/recorded_work.cuh"
#include "kernels/device/runtime.cuh"
#include "kernels/operands/operands.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo {
namespace {

using namespace anchored_xent::cuda;
using namespace operands;

// T: master; A: the GEMMs' arithmetic; fused: exponentials in the epilogue of the first product.
template <class T, class A, bool fused>
class LossStepCuda final : public LossStep {
    using Operand = typename A::Operand;
    using Logit = typename A::Logit;
    using Logits = std::conditional_t<fused, RecomputedLogits<A>, StoredLogits<Logit>>;
    static constexpr bool logits_in_fp64 = std::is_same_v<Operand, double>;

  public:
    LossStepCuda(device::Device& device, const LabelsView& labels, const LossPlan& plan)
        : device_(device),
          labels_(labels),
          precision_(plan.precision),
          layout_(device, labels, plan),
          work_(device, labels, layout_),
          host_totals_(2),
          host_lambda_(1) {}
    LossStepCuda(const LossStepCuda&) = delete;
    LossStepCuda& operator=(const LossStepCuda&) = delete;
    // An update that is queued may still write the operand.
    ~LossStepCuda() override { static_cast<void>(cudaStreamSynchronize(device_.stream())); }

    static LossStepSize size(device::Device& device, const LabelsView& labels, const LossPlan& plan) {
        const Layout<A> layout(device, labels, plan);
        return {Workspace<A>::bytes(layout), layout.chunk, 1};
    }

    using LossStep::run;
    LossSums run(Matrix words, Matrix contexts, double lambda, Matrix words_gradient,
                 Matrix contexts_gradient, const LossDetail& detail) override {
        const Call call = call_of(words, contexts, work_.lambda.data(), words_gradient, contexts_gradient);
        host_lambda_[0] = lambda;
        NTPGEO_CHECK(cudaMemcpyAsync(work_.lambda.data(), host_lambda_.data(), sizeof(double),
                                     cudaMemcpyHostToDevice, device_.stream()));
        if (detail.wanted())
            queue_with_totals(call, &detail);
        else
            launch_graph(call);
        device_.synchronise();
        operand_is_padded_ = true;
        return {host_totals_[0], host_totals_[1]};
    }
    void enqueue(Matrix words, Matrix contexts, const double* ridge, Matrix words_gradient,
                 Matrix contexts_gradient) override {
        queue(call_of(words, contexts, ridge, words_gradient, contexts_gradient), nullptr);
        operand_is_padded_ = true;
    }
    [[nodiscard]] const double* sums() const override { return work_.totals.data(); }

    WordsOperand words_operand() override {
        return {work_.words.data(), precision_, layout_.vocab, layout_.dim, layout_.padded_dim};
    }
    void words_are_in_operand() override { words_are_converted_ = operand_is_padded_; }

  private:
    struct Call {
        const T* words;
        const T* contexts;
        T* words_gradient;     // null: not wanted
        T* contexts_gradient;  // null: not wanted
        const double* ridge;
        bool words_are_converted;
        friend bool operator==(const Call&, const Call&) = default;

        [[nodiscard]] bool wants_gradient() const { return words_gradient || contexts_gradient; }
    };
    // Of calls with the same addresses.
    struct Recording {
        Call call;
        device::RecordedWork work;
    };
    static constexpr std::size_t most_recordings = 8;

    Call call_of(Matrix words, Matrix contexts, const double* ridge, Matrix words_gradient,
                 Matrix contexts_gradient) {
        return {words.as<T>(),
                contexts.as<T>(),
                words_gradient.as<T>(),
                contexts_gradient.as<T>(),
                ridge,
                std::exchange(words_are_converted_, false)};
    }

    void launch_graph(const Call& call) {
        auto known = std::find_if(recordings_.begin(), recordings_.end(),
                                  [&](const Recording& recording) { return recording.call == call; });
        if (known == recordings_.end()) {
            if (recordings_.size() == most_recordings) recordings_.erase(recordings_.begin());
            recordings_.push_back({call, {}});
            known = recordings_.end() - 1;
        }
        known->work.run(device_.stream(), [&] { queue_with_totals(call, nullptr); });
    }

    void queue_with_totals(const Call& call, const LossDetail* detail) {
        queue(call, detail);
        NTPGEO_CHECK(cudaMemcpyAsync(host_totals_.data(), work_.totals.data(), 2 * sizeof(double),
                                     cudaMemcpyDeviceToHost, device_.stream()));
    }

    void queue(const Call& call, const LossDetail* detail) {
        const cudaStream_t stream = device_.stream();
        const Layout<A>& l = layout_;
        if (!call.words_are_converted)
            convert<A, T, Side::words>(call.words, work_.words.data(), l.vocab, l.dim, l.stride, l.padded_dim,
                                       stream);
        if (detail) mean_row(call.words, work_.mean_word.data(), l.vocab, l.dim, stream);
        for (std::int64_t begin = 0; begin < l.contexts; begin += l.group)
            queue_group(call, begin, std::min(l.group, l.contexts - begin), detail);
        if (call.words_gradient)
            combine(work_.words_gradient.data(), l.padded_dim, nullptr, call.words, call.ridge,
                    call.words_gradient, l.vocab, l.dim, stream);
        device::sum_rows(work_.results.data(), 2, l.contexts, work_.totals.data(), stream);
    }

    void queue_group(const Call& call, std::int64_t begin, std::int64_t size, const LossDetail* detail) {
        const device::Range group(Region::group);
        for (std::int64_t at = 0; at < size; at += layout_.chunk)
            queue_chunk(call, begin + at, at, std::min(layout_.chunk, size - at), detail);
        if (call.words_gradient) words_product(size, begin == 0 ? 0.0 : 1.0);
        if (!call.contexts_gradient) return;
        contexts_product(size);
        combine(work_.contexts_gradient.data(), layout_.padded_dim, work_.scale.data(),
                call.contexts + begin * layout_.dim, call.ridge, call.contexts_gradient + begin * layout_.dim,
                size, layout_.dim, device_.stream());
    }

    // The contexts from `begin` on, whose exponentials are rows `row` on of their group's.
    void queue_chunk(const Call& call, std::int64_t begin, std::int64_t row, std::int64_t size,
                     const LossDetail* detail) {
        const cudaStream_t stream = device_.stream();
        const Layout<A>& l = layout_;
        const T* const contexts = call.contexts + begin * l.dim;
        const std::int64_t entry = l.indptr[begin], inner = copies<A> * l.padded_dim;
        convert<A, T, Side::contexts>(contexts, work_.contexts.data(), size, l.dim, size, l.padded_dim,
                                      stream);
        if constexpr (!fused) {
            const device::Range logits_product(Region::product);
            product<A>(device_.cublas(), false, true, size, l.stride, inner, {work_.contexts.data(), inner},
                       {work_.words.data(), inner}, 0, {work_.logits.data(), l.stride});
        }
        support<T, Logit, logits_in_fp64>(
            {call.words, contexts, l.dim, entry, labels_.indptr + begin, labels_.indices + entry,
             labels_.probs + entry, labels_.log_probs + entry, work_.logits.data(), l.stride,
             detail ? detail->support_logits + entry : work_.support_logits.data(), work_.residual.data(),
             work_.terms.data(), work_.log2_anchors.data()},
            size, stream);
        const Logits logits = logits_of_chunk(begin);
        if (detail)
            anchored_xent::cuda::detail<T, Logits>(
                {contexts, work_.mean_word.data(), logits, l.dim, detail->mean_logits + begin,
                 detail->off_support_max + begin, detail->off_support_square + begin},
                size, stream);
        Operand* const exponentials = work_.exponentials.data() + row * l.stride;
        if constexpr (fused) {
            fused_exponentials(begin, size, exponentials);
        } else {
            const device::Range pass(Region::stream);
            stream_exponentials<A>(work_.logits.data(), work_.log2_anchors.data(), exponentials, l.plane(),
                                   work_.sums.data(), l.vocab, l.stride, size, stream);
        }
        finish<A, T, Logits>({contexts,
                              l.dim,
                              l.padded_dim,
                              l.stride,
                              fused ? 1 : l.tiles,
                              entry,
                              labels_.indptr + begin,
                              labels_.indices + entry,
                              labels_.probs + entry,
                              work_.residual.data(),
                              labels_.context_probs + begin,
                              work_.terms.data(),
                              work_.log2_anchors.data(),
                              work_.sums.data(),
                              logits,
                              exponentials,
                              l.plane(),
                              work_.scaled.data() + row * A::terms * l.padded_dim,
                              work_.scale.data() + row,
                              work_.results.data() + begin,
                              work_.results.data() + l.contexts + begin},
                             size, call.wants_gradient(), stream);
    }

    // For the chunk that starts at context `begin`.
    Logits logits_of_chunk(std::int64_t begin) const {
        const Layout<A>& l = layout_;
        if constexpr (fused)
            return {work_.contexts.data(),
                    work_.words.data(),
                    l.padded_dim,
                    l.vocab,
                    l.indptr[begin],
                    labels_.indptr + begin,
                    labels_.indices + l.indptr[begin]};
        else
            return {work_.logits.data(), l.stride, l.vocab};
    }

    // E off the support and the sum of each context's.
    void fused_exponentials(std::int64_t begin, std::int64_t size, Operand* exponentials) {
        const cudaStream_t stream = device_.stream();
        const Layout<A>& l = layout_;
        float* const partials = work_.partials.data();
        const std::int64_t between = partials_stride(size);
        const TouchedRange touched = l.touched_of(begin);
        {
            const device::Range range(Region::product);
            epilogue_product(
                {work_.contexts.data(), work_.words.data(), work_.log2_anchors.data(), exponentials, partials,
                 size, l.stride, l.padded_dim, device_.multiprocessors(), l.tile},
                stream);
        }
        const device::Range pass(Region::stream);
        repair({work_.touched.data() + touched.first, touched.count, begin, labels_.indices, exponentials,
                l.vocab, l.stride, partials, between, l.tile_words},
               stream);
        column_sums(partials, work_.sums.data(), l.tiles, size, between, 1.0, stream);
    }

    // dW = beta·dW + Eᵀ·(D·H).
    void words_product(std::int64_t size, double beta) {
        const device::Range range(Region::product);
        const Layout<A>& l = layout_;
        for_each_part<A>(size, [&](int part, std::int64_t begin, std::int64_t length, bool first) {
            product<A>(device_.cublas(), true, false, l.stride, l.padded_dim, length,
                       {exponentials_of(part) + begin * l.stride, l.stride},
                       {work_.scaled.data() + (begin * A::terms + term_of_factor[part]) * l.padded_dim,
                        A::terms * l.padded_dim},
                       first ? beta : 1.0, {work_.words_gradient.data(), l.padded_dim});
        });
    }

    // E·W.
    void contexts_product(std::int64_t size) {
        const device::Range range(Region::product);
        const Layout<A>& l = layout_;
        for_each_part<A>(l.stride, [&](int part, std::int64_t begin, std::int64_t length, bool first) {
            product<A>(device_.cublas(), false, false, size, l.padded_dim, length,
                       {exponentials_of(part) + begin, l.stride},
                       {work_.words.data() + (begin * copies<A> + term_of_factor[part]) * l.padded_dim,
                        copies<A> * l.padded_dim},
                       first ? 0.0 : 1.0, {work_.contexts_gradient.data(), l.padded_dim});
        });
    }

    Operand* exponentials_of(int part) const {
        return work_.exponentials.data() + term_of_exponentials[part] * layout_.plane();
    }

    device::Device& device_;
    LabelsView labels_;
    Precision precision_;
    Layout<A> layout_;
    Workspace<A> work_;
    device::PinnedArray<double> host_totals_, host_lambda_;
    std::vector<Recording> recordings_;
    bool operand_is_padded_ = false;    // by a conversion: an update writes W alone
    bool words_are_converted_ = false;  // those of the next run
};

/// Calls `work` with a null pointer to the loss step of the plan.
template <class Work>
auto with_loss_step(const CudaLossSteps& steps, const LossPlan& plan, const Work& work) {
    if (const std::string why_not = steps.why_not(plan.kernel, plan.precision); !why_not.empty())
        throw InputError("loss step: " + why_not);
    return with_real(plan.master, [&]<class T>(T) {
        if (plan.kernel == LossKernel::epilogue)
            return work(static_cast<LossStepCuda<T, Arithmetic<Precision::bf16>, true>*>(nullptr));
        return with_arithmetic(plan.precision, [&]<class A>(A) {
            return work(static_cast<LossStepCuda<T, A, false>*>(nullptr));
        });
    });
}

}  // namespace

bool CudaLossSteps::supports(Precision) const {
    return true;
}

std::string CudaLossSteps::why_not(LossKernel kernel, Precision precision) const {
    if (kernel != LossKernel::epilogue) return "";
    if (precision != Precision::bf16) return "the epilogue kernel is for bf16 products alone";
    const std::string why_not = why_no_epilogue_product();
    return why_not.empty() ? "" : "no epilogue kernel: " + why_not;
}

std::unique_ptr<LossStep> CudaLossSteps::make_loss_step(const LabelsView& labels, const LossPlan& plan) {
    return with_loss_step(*this, plan, [&]<class Step>(Step*) -> std::unique_ptr<LossStep> {
        return std::make_unique<Step>(device_, labels, plan);
    });
}

LossStepSize CudaLossSteps::loss_step_size(const LabelsView& labels, const LossPlan& plan) {
    return with_loss_step(*this, plan, [&]<class Step>(Step*) { return Step::size(device_, labels, plan); });
}

}  // namespace ntpgeo
