#include <algorithm>
#include <port.cuh>
#include <utility>
#include <vector>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/anchored_xent/queued_step_cuda.cuh"
#include "kernels/anchored_xent/workspace_cuda.cuh"
#include "kernels/device/device.cuh"
#include "kernels/device/recorded_work.cuh"
#include "kernels/device/runtime.cuh"
#include "kernels/operands/operands.cuh"

namespace ntpgeo {
namespace {

using namespace anchored_xent::cuda;
using namespace operands;

LossCallPlan plan_of(const LabelsView& labels, const LossPlan& plan) {
    return {labels.vocab_size, plan.dim,    labels.contexts, labels.nnz,
            plan.precision,    plan.kernel, plan.chunk,      plan.group};
}

CallLabels kept(const LabelsView& labels) {
    return {labels.contexts, labels.nnz,       labels.indptr,       labels.indices,
            labels.probs,    labels.log_probs, labels.context_probs};
}

/// Calls with labels and memory of its own, on the device's stream.
template <class A, bool fused>
class LossStepCuda final : public LossStep {
  public:
    LossStepCuda(device::Device& device, const LabelsView& labels, const LossPlan& plan)
        : device_(device),
          labels_(kept(labels)),
          precision_(plan.precision),
          layout_(device, plan_of(labels, plan)),
          work_(Workspace<A>::apart(layout_, memory_)),
          lambda_(1),
          host_totals_(2),
          host_lambda_(1) {
        if constexpr (fused) {
            LossCall call;
            call.labels = labels_;
            QueuedStep<A, fused>(layout_, work_, call, queue()).list_tiles();
        }
    }
    LossStepCuda(const LossStepCuda&) = delete;
    LossStepCuda& operator=(const LossStepCuda&) = delete;
    // An update that is queued may still write the operand.
    ~LossStepCuda() override { static_cast<void>(cudaStreamSynchronize(device_.stream())); }

    static LossStepSize size(device::Device& device, const LabelsView& labels, const LossPlan& plan) {
        const Layout<A> layout(device, plan_of(labels, plan));
        return {Workspace<A>::bytes(layout), layout.chunk, 1};
    }

    using LossStep::run;
    LossSums run(Matrix words, Matrix contexts, double lambda, Matrix words_gradient,
                 Matrix contexts_gradient, const LossDetail& detail) override {
        LossCall call = call_of(words, contexts, lambda_.data(), words_gradient, contexts_gradient);
        call.detail = detail;
        host_lambda_[0] = lambda;
        NTPGEO_CHECK(cudaMemcpyAsync(lambda_.data(), host_lambda_.data(), sizeof(double),
                                     cudaMemcpyHostToDevice, device_.stream()));
        if (detail.wanted())
            queue_with_totals(call);
        else
            launch_graph(call);
        device_.synchronise();
        operand_is_padded_ = true;
        return {host_totals_[0], host_totals_[1]};
    }
    void enqueue(Matrix words, Matrix contexts, const double* ridge, Matrix words_gradient,
                 Matrix contexts_gradient) override {
        const LossCall call = call_of(words, contexts, ridge, words_gradient, contexts_gradient);
        QueuedStep<A, fused>(layout_, work_, call, queue()).run();
        operand_is_padded_ = true;
    }
    [[nodiscard]] const double* sums() const override { return work_.totals; }

    WordsOperand words_operand() override {
        return {work_.words, precision_, layout_.vocab, layout_.dim, layout_.padded_dim};
    }
    void words_are_in_operand() override { words_are_converted_ = operand_is_padded_; }

  private:
    // Of calls that ask for the same at the same addresses.
    struct Recording {
        LossCall call;
        device::RecordedWork work;
    };
    static constexpr std::size_t most_recordings = 8;

    [[nodiscard]] Queue queue() const { return {device_.cublas(), device_.stream()}; }

    LossCall call_of(Matrix words, Matrix contexts, const double* ridge, Matrix words_gradient,
                     Matrix contexts_gradient) {
        LossCall call;
        call.labels = labels_;
        call.words = stored(words);
        call.contexts = stored(contexts);
        call.words_gradient = stored(words_gradient);
        call.contexts_gradient = stored(contexts_gradient);
        call.ridge = ridge;
        call.words_are_prepared = std::exchange(words_are_converted_, false);
        call.labels_are_prepared = true;
        return call;
    }

    void launch_graph(const LossCall& call) {
        auto known = std::find_if(recordings_.begin(), recordings_.end(),
                                  [&](const Recording& recording) { return recording.call == call; });
        if (known == recordings_.end()) {
            if (recordings_.size() == most_recordings) recordings_.erase(recordings_.begin());
            recordings_.push_back({call, {}});
            known = recordings_.end() - 1;
        }
        known->work.run(device_.stream(), [&] { queue_with_totals(call); });
    }

    void queue_with_totals(const LossCall& call) {
        QueuedStep<A, fused>(layout_, work_, call, queue()).run();
        NTPGEO_CHECK(cudaMemcpyAsync(host_totals_.data(), work_.totals, 2 * sizeof(double),
                                     cudaMemcpyDeviceToHost, device_.stream()));
    }

    device::Device& device_;
    CallLabels labels_;
    Precision precision_;
    Layout<A> layout_;
    std::vector<device::DeviceArray<unsigned char>> memory_;
    Workspace<A> work_;
    device::DeviceArray<double> lambda_;
    device::PinnedArray<double> host_totals_, host_lambda_;
    std::vector<Recording> recordings_;
    bool operand_is_padded_ = false;    // by a conversion: an update writes W alone
    bool words_are_converted_ = false;  // those of the next run
};

/// Calls on any stream of the device's, each with the library's own workspace behind its arrays.
template <class A, bool fused>
class LossCallsCuda final : public LossCalls {
  public:
    LossCallsCuda(device::Device& device, const LossCallPlan& plan)
        : device_(device), plan_(plan), layout_(device, plan), arrays_(Workspace<A>::bytes(layout_)) {}

    using LossCalls::workspace_bytes;
    [[nodiscard]] std::int64_t workspace_bytes() const override {
        return arrays_ + device_.cublas_workspace_bytes();
    }
    void enqueue(const LossCall& call, const CallMemory& memory, void* stream) override {
        enqueue(call, memory, stream, {});
    }
    void enqueue_many(std::span<const LossCall> calls, const CallMemory& memory, void* stream,
                      const std::function<void()>& have_dw) override {
        for (std::size_t k = 0; k < calls.size(); ++k) {
            LossCall call = calls[k];
            call.words_are_prepared = call.words_are_prepared || k > 0;
            enqueue(call, memory, stream, k + 1 < calls.size() ? std::function<void()>() : have_dw);
        }
        if (calls.empty() && have_dw) have_dw();
    }

  private:
    void enqueue(const LossCall& call, const CallMemory& memory, void* stream,
                 const std::function<void()>& have_dw) {
        check_loss_call(plan_, call, memory, workspace_bytes());
        if (reinterpret_cast<std::uintptr_t>(memory.data) % 256 != 0)
            throw InputError("loss call: the workspace does not begin on a boundary of 256 bytes");
        const device::Selected selected(device_.index());
        const device::CublasElsewhere library(device_, static_cast<cudaStream_t>(stream),
                                              static_cast<unsigned char*>(memory.data) + arrays_);
        const Workspace<A> work = Workspace<A>::in(memory.data, layout_);
        QueuedStep<A, fused>(layout_, work, call, {device_.cublas(), static_cast<cudaStream_t>(stream)})
            .run(have_dw);
    }

    device::Device& device_;
    LossCallPlan plan_;
    Layout<A> layout_;
    std::int64_t arrays_;  // bytes
};

/// Calls work(arithmetic, whether fused) for a way of making the loss that the device has.
template <class Work>
auto with_way(const CudaLossSteps& steps, LossKernel kernel, Precision precision, const Work& work) {
    if (const std::string why_not = steps.why_not(kernel, precision); !why_not.empty())
        throw InputError("loss step: " + why_not);
    if (kernel == LossKernel::epilogue) return work(Arithmetic<Precision::bf16>{}, std::true_type{});
    return with_arithmetic(precision,
                           [&]<class A>(A arithmetic) { return work(arithmetic, std::false_type{}); });
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
    return with_way(*this, plan.kernel, plan.precision,
                    [&]<class A, bool fused>(A, std::bool_constant<fused>) -> std::unique_ptr<LossStep> {
                        return std::make_unique<LossStepCuda<A, fused>>(device_, labels, plan);
                    });
}

LossStepSize CudaLossSteps::loss_step_size(const LabelsView& labels, const LossPlan& plan) {
    return with_way(*this, plan.kernel, plan.precision,
                    [&]<class A, bool fused>(A, std::bool_constant<fused>) {
                        return LossStepCuda<A, fused>::size(device_, labels, plan);
                    });
}

std::unique_ptr<LossCalls> CudaLossSteps::plan_loss_calls(const LossCallPlan& plan) {
    check_loss_call_plan(plan);
    const device::Selected selected(device_.index());
    return with_way(*this, plan.kernel, plan.precision,
                    [&]<class A, bool fused>(A, std::bool_constant<fused>) -> std::unique_ptr<LossCalls> {
                        return std::make_unique<LossCallsCuda<A, fused>>(device_, plan);
                    });
}

}  // namespace ntpgeo
