// One loss step on CUDA, queued: a function of a call, a workspace and a stream, with no state of its own.
// What trains and what a framework calls both come here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <port.cuh>
#include <type_traits>

#include "kernels/anchored_xent/bias_cuda.cuh"
#include "kernels/anchored_xent/epilogue_product.cuh"
#include "kernels/anchored_xent/finish_cuda.cuh"
#include "kernels/anchored_xent/logits_cuda.cuh"
#include "kernels/anchored_xent/loss_call.hpp"
#include "kernels/anchored_xent/products_cuda.cuh"
#include "kernels/anchored_xent/stream_cuda.cuh"
#include "kernels/anchored_xent/support_cuda.cuh"
#include "kernels/anchored_xent/touched_tiles_cuda.cuh"
#include "kernels/anchored_xent/workspace_cuda.cuh"
#include "kernels/device/range.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::anchored_xent::cuda {

/// Where a step is queued: the library's handle works on the stream.
struct Queue {
    cublasHandle_t cublas;
    cudaStream_t stream;
};

// A: the GEMMs' arithmetic; fused: exponentials in the epilogue of the first product.
template <class A, bool fused>
class QueuedStep {
    using Operand = typename A::Operand;
    using Logit = typename A::Logit;
    using Logits = std::conditional_t<fused, RecomputedLogits<A>, StoredLogits<Logit>>;
    static constexpr bool logits_in_fp64 = std::is_same_v<Operand, double>;

  public:
    /// Only to queue it: the call and the layout are not kept.
    QueuedStep(const Layout<A>& layout, const Workspace<A>& work, const LossCall& call, const Queue& queue)
        : l(layout), work_(work), call_(call), cublas_(queue.cublas), stream_(queue.stream) {}

    /// `have_dw` is called when dW is queued, before the last group's dH is.
    void run(const std::function<void()>& have_dw = {}) const {
        const std::int64_t contexts = call_.labels.contexts;
        if (!call_.words_are_prepared)
            convert<A, Side::words>(call_.words, work_.words, l.stride, l.padded_dim, stream_);
        if constexpr (fused)
            if (!call_.labels_are_prepared) list_tiles();
        if (call_.bias.data) widen_bias(call_.bias, work_.bias, stream_);
        if (call_.detail.wanted()) mean_row(call_.words, work_.mean_word, stream_);
        for (std::int64_t begin = 0; begin < contexts; begin += l.group) {
            const std::int64_t size = std::min(l.group, contexts - begin);
            const device::Range group(Region::group);
            make_exponentials(begin, size);
            if (begin + size == contexts) {
                finish_words_gradient();
                if (have_dw) have_dw();
            }
            make_contexts_gradient(begin, size);
        }
        if (call_.bias_gradient.data) {
            const StoredMatrix out = as_row(call_.bias_gradient);
            combine<double>({work_.bias_gradient, l.vocab, nullptr, call_.upstream, nullptr, out, out}, 1,
                            stream_);
        }
        device::sum_rows(work_.results, 2, contexts, work_.totals, stream_);
        if (call_.sums)
            NTPGEO_CHECK(cudaMemcpyAsync(call_.sums, work_.totals, 2 * sizeof(double),
                                         cudaMemcpyDeviceToDevice, stream_));
    }

    /// Of the labels alone, where they are to be kept.
    void list_tiles() const {
        list_touched_tiles(call_.labels, l.vocab, l.tile_words,
                           {work_.touched, work_.touched_begins, work_.scan, l.scan_bytes}, stream_);
    }

  private:
    // And what they add to dW and db.
    void make_exponentials(std::int64_t begin, std::int64_t size) const {
        for (std::int64_t at = 0; at < size; at += l.chunk)
            run_chunk(begin + at, at, std::min(l.chunk, size - at));
        if (call_.words_gradient.data) words_product(size, begin == 0 ? 0.0 : 1.0);
        if (call_.bias_gradient.data)
            add_bias_gradients<A>(work_.exponentials, l.plane(), work_.scale, l.vocab, l.stride, size,
                                  begin > 0, work_.bias_gradient, stream_);
    }

    void finish_words_gradient() const {
        if (!call_.words_gradient.data) return;
        combine<Logit>({work_.words_gradient, l.padded_dim, nullptr, call_.upstream, call_.ridge, call_.words,
                        call_.words_gradient, call_.adds_to_words_gradient},
                       l.vocab, stream_);
    }

    void make_contexts_gradient(std::int64_t begin, std::int64_t size) const {
        if (!call_.contexts_gradient.data) return;
        contexts_product(size);
        combine<Logit>({work_.contexts_gradient, l.padded_dim, work_.scale, call_.upstream, call_.ridge,
                        call_.contexts.from_row(begin), call_.contexts_gradient.from_row(begin)},
                       size, stream_);
    }

    // The contexts from `begin` on, whose exponentials are rows `row` on of their group's.
    void run_chunk(std::int64_t begin, std::int64_t row, std::int64_t size) const {
        const std::int64_t inner = copies<A> * l.padded_dim;
        const CallLabels& labels = call_.labels;
        StoredMatrix contexts = call_.contexts.from_row(begin);
        contexts.rows = size;
        convert<A, Side::contexts>(contexts, work_.contexts, size, l.padded_dim, stream_);
        if constexpr (!fused) {
            const device::Range logits_product(Region::product);
            const bool biased = call_.bias.data;
            if (biased) fill_with_bias(work_.bias, work_.logits, l.vocab, l.stride, size, stream_);
            product<A>(cublas_, false, true, size, l.stride, inner, {work_.contexts, inner},
                       {work_.words, inner}, biased ? 1.0 : 0.0, {work_.logits, l.stride});
        }
        const LossDetail& detail = call_.detail;
        support<Logit, logits_in_fp64>(
            {call_.words, contexts, labels.indptr + begin, labels.indices, labels.probs, labels.log_probs,
             work_.logits, l.stride, detail.wanted() ? detail.support_logits : work_.residual, work_.residual,
             work_.terms, work_.log2_anchors, call_.bias.data ? work_.bias : nullptr},
            size, stream_);
        const Logits logits = logits_of_chunk(begin);
        if (detail.wanted())
            anchored_xent::cuda::detail<Logits>(
                {contexts, work_.mean_word, logits, detail.mean_logits + begin,
                 detail.off_support_max + begin, detail.off_support_square + begin},
                size, stream_);
        Operand* const exponentials = work_.exponentials + row * l.stride;
        if constexpr (fused) {
            fused_exponentials(begin, size, exponentials);
        } else {
            const device::Range pass(Region::stream);
            stream_exponentials<A>(work_.logits, work_.log2_anchors, exponentials, l.plane(), work_.sums,
                                   l.vocab, l.stride, size, stream_);
        }
        finish<A, Logits>({contexts,
                           l.padded_dim,
                           l.stride,
                           fused ? 1 : l.tiles,
                           labels.indptr + begin,
                           labels.indices,
                           labels.probs,
                           work_.residual,
                           labels.context_weights + begin,
                           work_.terms,
                           work_.log2_anchors,
                           work_.sums,
                           logits,
                           exponentials,
                           l.plane(),
                           work_.scaled + row * A::terms * l.padded_dim,
                           work_.scale + row,
                           work_.results + begin,
                           work_.results + labels.contexts + begin,
                           call_.excess ? call_.excess + begin : nullptr,
                           call_.missing_mass ? call_.missing_mass + begin : nullptr,
                           labels.tails ? labels.tails + begin : nullptr,
                           call_.divergence},
                          size, call_.wants_gradient(), stream_);
    }

    // For the chunk that starts at context `begin`.
    Logits logits_of_chunk(std::int64_t begin) const {
        if constexpr (fused)
            return {work_.contexts,      work_.words, l.padded_dim, l.vocab, call_.labels.indptr + begin,
                    call_.labels.indices};
        else
            return {work_.logits, l.stride, l.vocab};
    }

    // E off the support and the sum of each context's.
    void fused_exponentials(std::int64_t begin, std::int64_t size, Operand* exponentials) const {
        const std::int64_t between = partials_stride(size);
        {
            const device::Range range(Region::product);
            epilogue_product({work_.contexts, work_.words, work_.log2_anchors, exponentials, work_.partials,
                              size, l.stride, l.padded_dim, l.multiprocessors, l.tile},
                             stream_);
        }
        const device::Range pass(Region::stream);
        repair({work_.touched, work_.touched_begins + begin, size, begin, call_.labels.indices, exponentials,
                l.vocab, l.stride, work_.partials, between, l.tile_words},
               most_touched_tiles(size, call_.labels.nnz), l.multiprocessors, stream_);
        column_sums(work_.partials, work_.sums, l.tiles, size, between, 1.0, stream_);
    }

    // dW = beta·dW + Eᵀ·(D·H).
    void words_product(std::int64_t size, double beta) const {
        const device::Range range(Region::product);
        for_each_part<A>(size, [&](int part, std::int64_t begin, std::int64_t length, bool first) {
            product<A>(cublas_, true, false, l.stride, l.padded_dim, length,
                       {exponentials_of(part) + begin * l.stride, l.stride},
                       {work_.scaled + (begin * A::terms + term_of_factor[part]) * l.padded_dim,
                        A::terms * l.padded_dim},
                       first ? beta : 1.0, {work_.words_gradient, l.padded_dim});
        });
    }

    // E·W.
    void contexts_product(std::int64_t size) const {
        const device::Range range(Region::product);
        for_each_part<A>(l.stride, [&](int part, std::int64_t begin, std::int64_t length, bool first) {
            product<A>(cublas_, false, false, size, l.padded_dim, length,
                       {exponentials_of(part) + begin, l.stride},
                       {work_.words + (begin * copies<A> + term_of_factor[part]) * l.padded_dim,
                        copies<A> * l.padded_dim},
                       first ? 0.0 : 1.0, {work_.contexts_gradient, l.padded_dim});
        });
    }

    Operand* exponentials_of(int part) const {
        return work_.exponentials + term_of_exponentials[part] * l.plane();
    }

    const Layout<A>& l;
    const Workspace<A>& work_;
    const LossCall& call_;
    cublasHandle_t cublas_;
    cudaStream_t stream_;
};

}  // namespace ntpgeo::anchored_xent::cuda
