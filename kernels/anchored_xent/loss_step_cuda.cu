#include <port.cuh>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "kernels/anchored_xent/chunking_cuda.hpp"
#include "kernels/anchored_xent/detail_cuda.cuh"
#include "kernels/anchored_xent/finish_cuda.cuh"
#include "kernels/anchored_xent/loss_step_cuda.hpp"
#include "kernels/anchored_xent/operands_cuda.cuh"
#include "kernels/anchored_xent/products_cuda.cuh"
#include "kernels/anchored_xent/stream_cuda.cuh"
#include "kernels/anchored_xent/support_cuda.cuh"
#include "kernels/device/device.cuh"
#include "kernels/device/memory.cuh"
#include "kernels/device/stream.cuh"

namespace ntpgeo {
namespace {

using namespace anchored_xent::cuda;
using anchored_xent::choose_chunk_cuda;
using anchored_xent::SupportTerms;
using device::DeviceArray;

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

std::vector<std::int64_t> download_indptr(const device::Device& device, const LabelsView& labels) {
    std::vector<std::int64_t> indptr(static_cast<std::size_t>(labels.contexts) + 1);
    NTPGEO_CHECK(cudaMemcpyAsync(indptr.data(), labels.indptr, indptr.size() * sizeof(std::int64_t),
                                 cudaMemcpyDeviceToHost, device.stream()));
    device.synchronise();
    return indptr;
}

/// Entries of the chunk that has most.
std::int64_t largest_chunk(const std::vector<std::int64_t>& indptr, std::int64_t chunk) {
    const std::int64_t contexts = std::ssize(indptr) - 1;
    std::int64_t most = 0;
    for (std::int64_t begin = 0; begin < contexts; begin += chunk)
        most = std::max(most, indptr[std::min(begin + chunk, contexts)] - indptr[begin]);
    return most;
}

// T: master; A: the GEMMs' arithmetic.
template <class T, class A>
class LossStepCuda final : public LossStep {
    using Operand = typename A::Operand;
    using Logit = typename A::Logit;
    static constexpr bool logits_in_master = std::is_same_v<T, Logit> && std::is_same_v<Operand, Logit> &&
                                             A::compute_type != CUBLAS_COMPUTE_32F_FAST_TF32;

  public:
    LossStepCuda(device::Device& device, const LabelsView& labels, const LossPlan& plan)
        : device_(device),
          labels_(labels),
          dim_(plan.dim),
          padded_dim_(round_up(plan.dim, 8)),
          stride_(round_up(labels.vocab_size, 128)),
          chunk_(chunk_of(device, labels, plan)),
          tiles_((stride_ + stream_tile<A> - 1) / stream_tile<A>),
          indptr_(download_indptr(device, labels)),
          words_(stride_ * copies<A> * padded_dim_),
          contexts_(chunk_ * copies<A> * padded_dim_),
          scaled_(chunk_ * A::terms * padded_dim_),
          logits_(chunk_ * stride_),
          exponentials_(A::terms * chunk_ * stride_),
          words_gradient_(stride_ * padded_dim_),
          contexts_gradient_(chunk_ * padded_dim_),
          mean_word_(dim_),
          terms_(chunk_),
          sums_(chunk_ * tiles_),
          scale_(chunk_),
          results_(2 * labels.contexts),
          totals_(2),
          lambda_(1),
          host_totals_(2),
          host_lambda_(1) {
        const std::int64_t most = largest_chunk(indptr_, chunk_);
        support_logits_ = DeviceArray<double>(most);
        residual_ = DeviceArray<double>(most);
    }

    /// What the arrays below come to, made or not.
    static LossStepSize size(device::Device& device, const LabelsView& labels, const LossPlan& plan) {
        const std::int64_t inner = round_up(plan.dim, 8), stride = round_up(labels.vocab_size, 128);
        const std::int64_t chunk = chunk_of(device, labels, plan);
        const std::int64_t tiles = (stride + stream_tile<A> - 1) / stream_tile<A>;
        const std::int64_t operands = (stride + chunk) * copies<A> * inner + chunk * A::terms * inner;
        const std::int64_t doubles = plan.dim + chunk * (tiles + 1) + 2 * labels.contexts + 3 +
                                     2 * largest_chunk(download_indptr(device, labels), chunk);
        return {operands * static_cast<std::int64_t>(sizeof(Operand)) + chunk * context_bytes(stride) +
                    (stride + chunk) * inner * static_cast<std::int64_t>(sizeof(Logit)) +
                    chunk * static_cast<std::int64_t>(sizeof(SupportTerms)) +
                    doubles * static_cast<std::int64_t>(sizeof(double)),
                chunk, 1};
    }

    using LossStep::run;
    LossSums run(Matrix words, Matrix contexts, double lambda, Matrix words_gradient,
                 Matrix contexts_gradient, const LossDetail& detail) override {
        const Call call{words.as<T>(), contexts.as<T>(), words_gradient.as<T>(), contexts_gradient.as<T>()};
        host_lambda_[0] = lambda;
        NTPGEO_CHECK(cudaMemcpyAsync(lambda_.data(), host_lambda_.data(), sizeof(double),
                                     cudaMemcpyHostToDevice, device_.stream()));
        if (detail.wanted())
            enqueue(call, &detail);
        else
            launch_graph(call);
        device_.synchronise();
        return {host_totals_[0], host_totals_[1]};
    }

  private:
    struct Call {
        const T* words;
        const T* contexts;
        T* words_gradient;     // null: not wanted
        T* contexts_gradient;  // null: not wanted
        friend bool operator==(const Call&, const Call&) = default;
    };
    // The first call with new addresses runs as it is (libraries load code then, which a recording forbids),
    // the second records, later ones replay.
    struct Recording {
        Call call;
        device::Graph graph;
    };
    static constexpr std::size_t most_recordings = 8;

    // Logits and exponentials of one context.
    static std::int64_t context_bytes(std::int64_t stride) {
        return stride * static_cast<std::int64_t>(sizeof(Logit) + A::terms * sizeof(Operand));
    }
    static std::int64_t chunk_of(const device::Device& device, const LabelsView& labels,
                                 const LossPlan& plan) {
        if (plan.chunk > 0) return std::min(plan.chunk, labels.contexts);
        return choose_chunk_cuda(labels.contexts, round_up(plan.dim, 8),
                                 context_bytes(round_up(labels.vocab_size, 128)), device.multiprocessors());
    }

    void launch_graph(const Call& call) {
        const auto known = std::find_if(recordings_.begin(), recordings_.end(),
                                        [&](const Recording& recording) { return recording.call == call; });
        if (known == recordings_.end()) {
            if (recordings_.size() == most_recordings) recordings_.erase(recordings_.begin());
            recordings_.push_back({call, {}});
            enqueue(call, nullptr);
            return;
        }
        if (known->graph.empty())
            known->graph = device::Graph(device_.stream(), [&] { enqueue(call, nullptr); });
        known->graph.launch(device_.stream());
    }

    void enqueue(const Call& call, const LossDetail* detail) {
        const cudaStream_t stream = device_.stream();
        convert<A, T, Side::words>(call.words, words_.data(), labels_.vocab_size, dim_, stride_, padded_dim_,
                                   stream);
        if (detail) mean_row(call.words, mean_word_.data(), labels_.vocab_size, dim_, stream);
        for (std::int64_t begin = 0; begin < labels_.contexts; begin += chunk_)
            enqueue_chunk(call, begin, std::min(chunk_, labels_.contexts - begin), detail);
        if (call.words_gradient)
            combine(words_gradient_.data(), padded_dim_, nullptr, call.words, lambda_.data(),
                    call.words_gradient, labels_.vocab_size, dim_, stream);
        NTPGEO_CHECK(launch(sum_kernel, dim3(2), dim3(sum_threads), 0, stream, results_.data(),
                            totals_.data(), labels_.contexts));
        NTPGEO_CHECK(cudaMemcpyAsync(host_totals_.data(), totals_.data(), 2 * sizeof(double),
                                     cudaMemcpyDeviceToHost, stream));
    }

    void enqueue_chunk(const Call& call, std::int64_t begin, std::int64_t size, const LossDetail* detail) {
        const cudaStream_t stream = device_.stream();
        const T* const contexts = call.contexts + begin * dim_;
        const std::int64_t entry = indptr_[begin];
        double* const support_logits = detail ? detail->support_logits + entry : support_logits_.data();

        convert<A, T, Side::contexts>(contexts, contexts_.data(), size, dim_, size, padded_dim_, stream);
        const std::int64_t inner = copies<A> * padded_dim_;
        product<A>(device_.cublas(), false, true, size, stride_, inner, {contexts_.data(), inner},
                   {words_.data(), inner}, 0, {logits_.data(), stride_});
        support<T, Logit, logits_in_master>(
            {call.words, contexts, dim_, entry, labels_.indptr + begin, labels_.indices + entry,
             labels_.probs + entry, labels_.log_probs + entry, logits_.data(), stride_, support_logits,
             residual_.data(), terms_.data()},
            size, stream);
        if (detail)
            anchored_xent::cuda::detail<T, Logit>(
                {contexts, mean_word_.data(), logits_.data(), dim_, labels_.vocab_size, stride_,
                 detail->mean_logits + begin, detail->off_support_max + begin,
                 detail->off_support_square + begin},
                size, stream);
        const std::int64_t plane = chunk_ * stride_;
        stream_exponentials<A>(logits_.data(), terms_.data(), exponentials_.data(), plane, sums_.data(),
                               labels_.vocab_size, stride_, size, stream);
        const FinishArguments<A, T> arguments{contexts,
                                              dim_,
                                              padded_dim_,
                                              labels_.vocab_size,
                                              stride_,
                                              tiles_,
                                              entry,
                                              labels_.indptr + begin,
                                              labels_.indices + entry,
                                              labels_.probs + entry,
                                              residual_.data(),
                                              labels_.context_probs + begin,
                                              terms_.data(),
                                              sums_.data(),
                                              logits_.data(),
                                              exponentials_.data(),
                                              plane,
                                              scaled_.data(),
                                              scale_.data(),
                                              results_.data() + begin,
                                              results_.data() + labels_.contexts + begin};
        finish<A, T>(arguments, size, call.words_gradient || call.contexts_gradient, stream);
        gradient_products(call, size, begin == 0 ? 0.0 : 1.0, plane);
        if (!call.contexts_gradient) return;
        combine(contexts_gradient_.data(), padded_dim_, scale_.data(), contexts, lambda_.data(),
                call.contexts_gradient + begin * dim_, size, dim_, stream);
    }

    // dW += Eᵀ·(D·H_B) and E·W, where wanted; for two terms the products 1·1, 1·2 and 2·1, in this order.
    void gradient_products(const Call& call, std::int64_t size, double beta, std::int64_t plane) {
        constexpr int pairs = A::terms == 2 ? 3 : 1;
        constexpr int term_of_e[3] = {0, 0, 1}, term_of_factor[3] = {0, 1, 0};
        for (int pair = 0; pair < pairs; ++pair) {
            const Operand* const e = exponentials_.data() + term_of_e[pair] * plane;
            const std::int64_t column = term_of_factor[pair] * padded_dim_;
            if (call.words_gradient)
                product<A>(device_.cublas(), true, false, stride_, padded_dim_, size, {e, stride_},
                           {scaled_.data() + column, A::terms * padded_dim_}, pair == 0 ? beta : 1.0,
                           {words_gradient_.data(), padded_dim_});
            if (call.contexts_gradient)
                product<A>(device_.cublas(), false, false, size, padded_dim_, stride_, {e, stride_},
                           {words_.data() + column, copies<A> * padded_dim_}, pair == 0 ? 0.0 : 1.0,
                           {contexts_gradient_.data(), padded_dim_});
        }
    }

    device::Device& device_;
    LabelsView labels_;
    std::int64_t dim_, padded_dim_, stride_, chunk_, tiles_;
    std::vector<std::int64_t> indptr_;               // [m+1]
    DeviceArray<Operand> words_;                     // [stride, copies·padded_dim]
    DeviceArray<Operand> contexts_;                  // [chunk, copies·padded_dim]
    DeviceArray<Operand> scaled_;                    // [chunk, terms·padded_dim] D·H_B
    DeviceArray<Logit> logits_;                      // [chunk, stride] Z
    DeviceArray<Operand> exponentials_;              // [terms, chunk, stride] E
    DeviceArray<Logit> words_gradient_;              // [stride, padded_dim]
    DeviceArray<Logit> contexts_gradient_;           // [chunk, padded_dim]
    DeviceArray<double> mean_word_;                  // [dim]
    DeviceArray<SupportTerms> terms_;                // [chunk]
    DeviceArray<double> sums_;                       // [chunk, tiles]
    DeviceArray<double> scale_;                      // [chunk]
    DeviceArray<double> support_logits_, residual_;  // [largest nnz of a chunk]
    DeviceArray<double> results_;                    // [2, m] π_j·excess and π_j·off-support mass
    DeviceArray<double> totals_, lambda_;
    device::PinnedArray<double> host_totals_, host_lambda_;
    std::vector<Recording> recordings_;
};

/// Calls `work` with a null pointer to the loss step of the plan.
template <class Work>
auto with_loss_step(const LossPlan& plan, const Work& work) {
    return with_real(plan.master, [&]<class T>(T) {
        switch (plan.precision) {
            case Precision::fp64:
                return work(static_cast<LossStepCuda<T, Arithmetic<Precision::fp64>>*>(nullptr));
            case Precision::fp32:
                return work(static_cast<LossStepCuda<T, Arithmetic<Precision::fp32>>*>(nullptr));
            case Precision::tf32:
                return work(static_cast<LossStepCuda<T, Arithmetic<Precision::tf32>>*>(nullptr));
            case Precision::bf16:
                return work(static_cast<LossStepCuda<T, Arithmetic<Precision::bf16>>*>(nullptr));
            case Precision::bf16x3:
                return work(static_cast<LossStepCuda<T, Arithmetic<Precision::bf16x3>>*>(nullptr));
        }
        throw Failure("unknown GEMM precision");
    });
}

}  // namespace

std::unique_ptr<LossStep> make_loss_step_cuda(device::Device& device, const LabelsView& labels,
                                              const LossPlan& plan) {
    return with_loss_step(plan, [&]<class Step>(Step*) -> std::unique_ptr<LossStep> {
        return std::make_unique<Step>(device, labels, plan);
    });
}

LossStepSize loss_step_size_cuda(device::Device& device, const LabelsView& labels, const LossPlan& plan) {
    return with_loss_step(plan, [&]<class Step>(Step*) { return Step::size(device, labels, plan); });
}

}  // namespace ntpgeo
