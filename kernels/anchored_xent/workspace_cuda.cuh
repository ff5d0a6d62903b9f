// The memory of a CUDA loss step: its sizes, known before any of it is taken, and the arrays themselves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/anchored_xent/epilogue_product.cuh"
#include "kernels/anchored_xent/plan_cuda.hpp"
#include "kernels/anchored_xent/stream_cuda.cuh"
#include "kernels/anchored_xent/touched_tiles_cuda.cuh"
#include "kernels/device/device.cuh"
#include "kernels/device/runtime.cuh"
#include "kernels/operands/operands.cuh"
#include "kernels/softmax/softmax.hpp"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::anchored_xent::cuda {

using namespace operands;
using namespace softmax;

struct TouchedRange {
    std::int64_t first, count;
};

/// Every size of a loss step in arithmetic A, and what its labels alone decide.
template <class A>
struct Layout {
    LossKernel kernel = LossKernel::plain;
    std::int64_t contexts = 0, vocab = 0, dim = 0;
    std::int64_t padded_dim = 0;  ///< a multiple of 8: tensor cores read 16 bytes at a time
    int tile = 0;                 ///< epilogue: which of epilogue_tiles
    std::int64_t tile_words = 0;  ///< epilogue: of one partial sum
    std::int64_t stride = 0;  ///< of a row of logits and of exponentials: V, padded to whole tiles, or to 128
    std::int64_t tiles = 0;   ///< partial sums of a row
    std::int64_t chunk = 0, group = 0;  ///< contexts, as in ChunkingCuda
    std::int64_t largest_support = 0;   ///< entries of a chunk
    std::vector<std::int64_t> indptr;   ///< [m+1] on the host
    /// Epilogue: touched tiles before each chunk, [chunks + 1], as count_touched_tiles has them.
    std::vector<std::int64_t> touched;

    /// Reads the labels' pattern from the device and waits for it.
    Layout(device::Device& device, const LabelsView& labels, const LossPlan& plan)
        : kernel(plan.kernel == LossKernel::epilogue ? LossKernel::epilogue : LossKernel::plain),
          contexts(labels.contexts),
          vocab(labels.vocab_size),
          dim(plan.dim),
          padded_dim(round_up(plan.dim, 8)),
          tile(choose_epilogue_tile(contexts, vocab, padded_dim, device.multiprocessors())),
          tile_words(epilogue_tiles[tile].words),
          stride(round_up(labels.vocab_size, fused() ? tile_words : 128)),
          tiles(fused() ? stride / tile_words : (stride + stream_tile<A> - 1) / stream_tile<A>),
          indptr(static_cast<std::size_t>(labels.contexts) + 1) {
        const auto exponential = stride * A::terms * static_cast<std::int64_t>(sizeof(typename A::Operand));
        const ChunkingCuda chunking = choose_chunking_cuda(contexts, padded_dim, exponential,
                                                           device.multiprocessors(), plan.chunk, plan.group);
        group = chunking.group;
        // Where there are no logits to hold, nothing speaks for chunks smaller than a group.
        chunk = fused() && plan.chunk == 0 ? group : chunking.chunk;
        fetch(device, labels.indptr, indptr);
        if (fused()) touched = count_touched_tiles(device, labels, tile_words, chunk);
        for (std::int64_t begin = 0; begin < contexts; begin += chunk)
            largest_support =
                std::max(largest_support, indptr[std::min(begin + chunk, contexts)] - indptr[begin]);
    }

    [[nodiscard]] bool fused() const { return kernel == LossKernel::epilogue; }
    /// Elements from one plane of exponentials to the next.
    [[nodiscard]] std::int64_t plane() const { return group * stride; }
    /// The touched tiles of the chunk that starts at context `begin`, in the list of all.
    [[nodiscard]] TouchedRange touched_of(std::int64_t begin) const {
        const std::int64_t first = touched[begin / chunk];
        return {first, touched[begin / chunk + 1] - first};
    }

  private:
    static std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
        return (value + multiple - 1) / multiple * multiple;
    }
    template <class T>
    static void fetch(const device::Device& device, const T* from, std::vector<T>& to) {
        NTPGEO_CHECK(
            cudaMemcpyAsync(to.data(), from, to.size() * sizeof(T), cudaMemcpyDeviceToHost, device.stream()));
        device.synchronise();
    }
};

template <class A>
struct Workspace {
    template <class T>
    using DeviceArray = device::DeviceArray<T>;
    using Operand = typename A::Operand;
    using Logit = typename A::Logit;

    DeviceArray<Operand> words;            // [stride, copies·padded_dim]
    DeviceArray<Operand> contexts;         // [chunk, copies·padded_dim]
    DeviceArray<Operand> scaled;           // [group, terms·padded_dim] D·H
    DeviceArray<Operand> exponentials;     // [terms, group, stride] E
    DeviceArray<Logit> logits;             // plain: [chunk, stride] Z
    DeviceArray<Logit> words_gradient;     // [stride, padded_dim]
    DeviceArray<Logit> contexts_gradient;  // [group, padded_dim] E·W
    DeviceArray<SupportTerms> terms;       // [chunk]
    DeviceArray<Logit> log2_anchors;       // [chunk]
    DeviceArray<double> sums;              // plain: [chunk, tiles]; epilogue: [chunk]
    DeviceArray<float> partials;           // epilogue: [tiles, partials_stride(chunk)]
    DeviceArray<TouchedTile> touched;      // epilogue: of all contexts
    DeviceArray<double> scale;             // [group] D
    DeviceArray<double> support_logits;    // [largest_support]
    DeviceArray<double> residual;          // [largest_support]
    DeviceArray<double> mean_word;         // [dim]
    DeviceArray<double> results;           // [2, m] π_j·excess and π_j·off-support mass
    DeviceArray<double> totals;            // [2], and the sums of their parts
    DeviceArray<double> lambda;            // [1]

    Workspace(device::Device& device, const LabelsView& labels, const Layout<A>& layout) {
        visit(*this, layout,
              []<class T>(DeviceArray<T>& array, std::int64_t size) { array = DeviceArray<T>(size); });
        if (touched.size() > 0) list_touched_tiles(device, labels, layout.tile_words, touched.data());
    }

    /// What the arrays come to.
    static std::int64_t bytes(const Layout<A>& layout) {
        std::int64_t total = 0;
        Workspace none;
        visit(none, layout, [&]<class T>(DeviceArray<T>&, std::int64_t size) {
            total += size * static_cast<std::int64_t>(sizeof(T));
        });
        return total;
    }

  private:
    Workspace() = default;

    template <class Work>
    static void visit(Workspace& w, const Layout<A>& l, const Work& work) {
        work(w.words, l.stride * copies<A> * l.padded_dim);
        work(w.contexts, l.chunk * copies<A> * l.padded_dim);
        work(w.scaled, l.group * A::terms * l.padded_dim);
        work(w.exponentials, A::terms * l.plane());
        work(w.logits, l.fused() ? 0 : l.chunk * l.stride);
        work(w.words_gradient, l.stride * l.padded_dim);
        work(w.contexts_gradient, l.group * l.padded_dim);
        work(w.terms, l.chunk);
        work(w.log2_anchors, l.chunk);
        work(w.sums, l.fused() ? l.chunk : l.chunk * l.tiles);
        work(w.partials, l.fused() ? l.tiles * partials_stride(l.chunk) : 0);
        work(w.touched, l.fused() ? l.touched.back() : 0);
        work(w.scale, l.group);
        work(w.support_logits, l.largest_support);
        work(w.residual, l.largest_support);
        work(w.mean_word, l.dim);
        work(w.results, 2 * l.contexts);
        work(w.totals, device::row_totals_size(2, l.contexts));
        work(w.lambda, 1);
    }
};

}  // namespace ntpgeo::anchored_xent::cuda
