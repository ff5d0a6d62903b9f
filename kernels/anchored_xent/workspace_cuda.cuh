// The memory of a CUDA loss step: its sizes, known before any of it is there, and the arrays themselves, in
// one piece of a caller's or each in memory of its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/anchored_xent/epilogue_product.cuh"
#include "kernels/anchored_xent/loss_call.hpp"
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

/// Every size of a loss step in arithmetic A. Nothing of it depends on what labels hold.
template <class A>
struct Layout {
    LossKernel kernel = LossKernel::plain;
    std::int64_t most_contexts = 0, most_nnz = 0, vocab = 0, dim = 0;
    std::int64_t padded_dim = 0;  ///< a multiple of 8: tensor cores read 16 bytes at a time
    int tile = 0;                 ///< epilogue: which of epilogue_tiles
    std::int64_t tile_words = 0;  ///< epilogue: of one partial sum
    std::int64_t stride = 0;  ///< of a row of logits and of exponentials: V, padded to whole tiles, or to 128
    std::int64_t tiles = 0;   ///< partial sums of a row
    std::int64_t chunk = 0, group = 0;  ///< contexts, as in ChunkingCuda
    std::int64_t scan_bytes = 0;        ///< epilogue: what list_touched_tiles works in
    int multiprocessors = 0;
    bool biased = false;

    Layout(const device::Device& device, const LossCallPlan& plan)
        : kernel(plan.kernel == LossKernel::epilogue ? LossKernel::epilogue : LossKernel::plain),
          most_contexts(plan.most_contexts),
          most_nnz(plan.most_nnz),
          vocab(plan.vocab_size),
          dim(plan.dim),
          padded_dim(round_up(plan.dim, 8)),
          tile(choose_epilogue_tile(most_contexts, vocab, padded_dim, device.multiprocessors())),
          tile_words(epilogue_tiles[tile].words),
          stride(round_up(plan.vocab_size, fused() ? tile_words : 128)),
          tiles(fused() ? stride / tile_words : (stride + stream_tile<A> - 1) / stream_tile<A>),
          multiprocessors(device.multiprocessors()),
          biased(plan.biased) {
        const ChunkingCuda chunking =
            choose_chunking_cuda({vocab, most_contexts, dim, 0, 0, fused(), plan.precision}, device.machine(),
                                 device.memory(), plan.chunk, plan.group);
        chunk = chunking.chunk;
        group = chunking.group;
        if (fused()) scan_bytes = touched_tiles_scan_bytes(most_contexts);
    }

    [[nodiscard]] bool fused() const { return kernel == LossKernel::epilogue; }
    /// Elements from one plane of exponentials to the next.
    [[nodiscard]] std::int64_t plane() const { return group * stride; }

  private:
    static std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
        return (value + multiple - 1) / multiple * multiple;
    }
};

template <class A>
struct Workspace {
    using Operand = typename A::Operand;
    using Logit = typename A::Logit;

    Operand* words = nullptr;                // [stride, copies·padded_dim]
    Operand* contexts = nullptr;             // [chunk, copies·padded_dim]
    Operand* scaled = nullptr;               // [group, terms·padded_dim] D·H
    Operand* exponentials = nullptr;         // [terms, group, stride] E
    Logit* logits = nullptr;                 // plain: [chunk, stride] Z
    Logit* words_gradient = nullptr;         // [stride, padded_dim]
    Logit* contexts_gradient = nullptr;      // [group, padded_dim] E·W
    SupportTerms* terms = nullptr;           // [chunk]
    Logit* log2_anchors = nullptr;           // [chunk]
    double* sums = nullptr;                  // plain: [chunk, tiles]; epilogue: [chunk]
    float* partials = nullptr;               // epilogue: [tiles, partials_stride(chunk)]
    std::int64_t* touched_begins = nullptr;  // epilogue: [contexts + 1], as list_touched_tiles has them
    TouchedTile* touched = nullptr;          // epilogue: of all contexts
    unsigned char* scan = nullptr;           // epilogue
    double* scale = nullptr;                 // [group] D
    double* residual = nullptr;              // [nnz] z_s, then q̄_s − p_s
    double* mean_word = nullptr;             // [dim]
    double* results = nullptr;               // [2, m] π_j·excess and π_j·off-support mass
    double* totals = nullptr;                // [2], and the sums of their parts
    double* bias = nullptr;                  // biased: [V]
    double* bias_gradient = nullptr;         // biased: [V]

    /// Its arrays one after the other in `memory` of bytes(layout), each on a boundary of 256 bytes, which is
    /// what the memory begins on.
    static Workspace in(void* memory, const Layout<A>& layout) {
        Workspace work;
        auto* at = static_cast<unsigned char*>(memory);
        work.visit(layout, [&at]<class T>(T*& array, std::int64_t size) {
            array = size > 0 ? reinterpret_cast<T*>(at) : nullptr;
            at += whole(size * static_cast<std::int64_t>(sizeof(T)));
        });
        return work;
    }
    static std::int64_t bytes(const Layout<A>& layout) {
        std::int64_t total = 0;
        Workspace none;
        none.visit(layout, [&total]<class T>(T*&, std::int64_t size) {
            total += whole(size * static_cast<std::int64_t>(sizeof(T)));
        });
        return total;
    }
    /// Its arrays, each in memory of its own, which is left in `memory`.
    static Workspace apart(const Layout<A>& layout, std::vector<device::DeviceArray<unsigned char>>& memory) {
        Workspace work;
        work.visit(layout, [&memory]<class T>(T*& array, std::int64_t size) {
            memory.emplace_back(size * static_cast<std::int64_t>(sizeof(T)));
            array = reinterpret_cast<T*>(memory.back().data());
        });
        return work;
    }

  private:
    static std::int64_t whole(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }

    template <class Work>
    void visit(const Layout<A>& l, const Work& work) {
        work(words, l.stride * copies<A> * l.padded_dim);
        work(contexts, l.chunk * copies<A> * l.padded_dim);
        work(scaled, l.group * A::terms * l.padded_dim);
        work(exponentials, A::terms * l.plane());
        work(logits, l.fused() ? 0 : l.chunk * l.stride);
        work(words_gradient, l.stride * l.padded_dim);
        work(contexts_gradient, l.group * l.padded_dim);
        work(terms, l.chunk);
        work(log2_anchors, l.chunk);
        work(sums, l.fused() ? l.chunk : l.chunk * l.tiles);
        work(partials, l.fused() ? l.tiles * partials_stride(l.chunk) : 0);
        work(touched_begins, l.fused() ? l.most_contexts + 1 : 0);
        work(touched, l.fused() ? most_touched_tiles(l.most_contexts, l.most_nnz) : 0);
        work(scan, l.scan_bytes);
        work(scale, l.group);
        work(residual, l.most_nnz);
        work(mean_word, l.dim);
        work(results, 2 * l.most_contexts);
        work(totals, device::row_totals_size(2, l.most_contexts));
        work(bias, l.biased ? l.vocab : 0);
        work(bias_gradient, l.biased ? l.vocab : 0);
    }
};

}  // namespace ntpgeo::anchored_xent::cuda
