// The memory of the CPU's loss step: its sizes, known before any of it is taken, and the arrays themselves.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/anchored_xent/chunking_cpu.hpp"
#include "kernels/cpu/blas.hpp"
#include "kernels/cpu/rows.hpp"
#include "kernels/softmax/softmax_cpu.hpp"

namespace ntpgeo::anchored_xent {

using namespace softmax;

/// Every size of a loss step whose products are made of elements of `element_bytes`.
struct Layout {
    Chunking chunking;
    std::int64_t vocab = 0, dim = 0;
    std::int64_t stride = 0;           ///< of a row of logits: V, padded
    std::int64_t largest_support = 0;  ///< entries of a chunk
    std::int64_t threads = 0;
    std::int64_t element_bytes = 0;
    bool converts = false;  ///< W is kept in GEMM precision besides

    Layout(const LabelsView& labels, const LossPlan& plan)
        : vocab(labels.vocab_size),
          dim(plan.dim),
          stride(padded(labels.vocab_size)),
          threads(omp_get_max_threads()),
          element_bytes(plan.precision == Precision::fp32 ? 4 : 8),
          converts(element_bytes != bytes_of(plan.master)) {
        chunking = choose_chunking(vocab, labels.contexts, dim, element_bytes, plan.chunk, plan.group);
        for (std::int64_t chunk = 0; chunk < chunking.chunks(); ++chunk)
            largest_support = std::max(largest_support, labels.indptr[chunking.chunk_end(chunk)] -
                                                            labels.indptr[chunking.chunk_begin(chunk)]);
    }

    [[nodiscard]] std::int64_t bytes() const {
        const std::int64_t elements = chunking.chunk * (stride + 3 * dim);
        const std::int64_t scratch =
            elements * element_bytes + SupportEntries::bytes(largest_support) +
            chunking.chunk * static_cast<std::int64_t>(sizeof(SupportTerms) + sizeof(double));
        const std::int64_t copies = chunking.groups() + (converts ? 1 : 0);  // of [V, dim]
        return threads * scratch + copies * vocab * dim * element_bytes +
               2 * chunking.chunks() * std::int64_t{sizeof(double)};
    }
};

/// What one thread works in. G: GEMM.
template <class G>
struct Scratch {
    explicit Scratch(const Layout& layout)
        : logits(layout.chunking.chunk * layout.stride),
          contexts(layout.chunking.chunk * layout.dim),
          scaled(layout.chunking.chunk * layout.dim),
          gradient(layout.chunking.chunk * layout.dim),
          support(layout.largest_support),
          terms(layout.chunking.chunk),
          scale(layout.chunking.chunk) {}
    AlignedArray<G> logits;           // [chunk, stride] Z, then E
    AlignedArray<G> contexts;         // [chunk, dim] H_B in GEMM precision
    AlignedArray<G> scaled;           // [chunk, dim] D·H_B
    AlignedArray<G> gradient;         // [chunk, dim] E·W
    SupportEntries support;           // of the chunk
    std::vector<SupportTerms> terms;  // [chunk]
    std::vector<double> scale;        // [chunk] D
};

}  // namespace ntpgeo::anchored_xent
