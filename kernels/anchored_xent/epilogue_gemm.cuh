// The fused product's parts in CUTLASS's words. What happens to a tile of logits between the tensor cores and
// memory is a tree of CUTLASS's own visitors:
//   column reduction (Σ of the rounded exponentials of each context)
//     └ compute (2^{log2 e · z − a2}, rounded to bf16)
//         ├ the accumulators z
//         └ a2, one a context
// Included by the fused product, and by the test that runs these visitors on the host.
#pragma once

#include <port.cuh>

#include <cutlass/cutlass.h>
#include <cute/tensor.hpp>
#include <cutlass/epilogue/collective/collective_builder.hpp>
#include <cutlass/epilogue/fusion/sm100_callbacks_tma_warpspecialized.hpp>
#include <cutlass/epilogue/fusion/sm90_callbacks_tma_warpspecialized.hpp>
#include <cutlass/gemm/collective/collective_builder.hpp>
#include <cutlass/gemm/dispatch_policy.hpp>

#include <type_traits>

#include "kernels/anchored_xent/epilogue_product.cuh"

namespace ntpgeo::anchored_xent::cuda::fused {

using Operand = cutlass::bfloat16_t;
using RowMajor = cutlass::layout::RowMajor;
using ColumnMajor = cutlass::layout::ColumnMajor;
inline constexpr int alignment = 8;  // elements in 16 bytes
inline constexpr auto to_nearest = cutlass::FloatRoundStyle::round_to_nearest;
using OnePerContext = cute::Stride<cute::_1, cute::_0, cute::_0>;

/// The interface that CUTLASS asks of a computation: a template over arrays of one thread's numbers.
template <class Numbers>
struct AnchoredExponential {};
template <int size>
struct AnchoredExponential<cutlass::Array<float, size>> {
    using Numbers = cutlass::Array<float, size>;
    CUTLASS_DEVICE Numbers operator()(const Numbers& logits, const Numbers& log2_anchors) const {
        Numbers powers;
        CUTLASS_PRAGMA_UNROLL
        for (int i = 0; i < size; ++i)
            powers[i] = exp2_approx(fmaf(logits[i], 1.4426950408889634F, -log2_anchors[i]));
        return powers;
    }
};

using Hopper = cutlass::arch::Sm90;
using Blackwell = cutlass::arch::Sm100;

/// How the tiles are shared out among warps and blocks.
template <class Architecture, int index>
struct Schedule;
template <int index>
struct Schedule<Hopper, index> {
    static constexpr EpilogueTile tile = epilogue_tiles[index];
    using Cluster = cute::Shape<cute::Int<static_cast<int>(tile.cluster_contexts)>,
                                cute::Int<static_cast<int>(tile.cluster_words)>, cute::_1>;
    using Epilogue = std::conditional_t<tile.in_turns, cutlass::epilogue::TmaWarpSpecialized,
                                        cutlass::epilogue::TmaWarpSpecializedCooperative>;
    using Mainloop = std::conditional_t<tile.in_turns, cutlass::gemm::KernelTmaWarpSpecializedPingpong,
                                        cutlass::gemm::KernelTmaWarpSpecializedCooperative>;
};
/// Accumulators lie in a memory of their own there, two tiles of them at a time: one is read while the tensor
/// cores fill the other, whatever the tile, and each block works alone.
template <int index>
struct Schedule<Blackwell, index> {
    using Cluster = cute::Shape<cute::_1, cute::_1, cute::_1>;
    using Epilogue = cutlass::epilogue::TmaWarpSpecialized1Sm;
    using Mainloop = cutlass::gemm::KernelTmaWarpSpecialized1SmSm100;
};

/// The product in tiles of epilogue_tiles[index]. 128×192 and a bit mask of the supports spill registers.
template <int index, class Architecture = Hopper>
struct Form {
    static constexpr EpilogueTile tile = epilogue_tiles[index];
    template <std::int64_t size>
    using Size = cute::Int<static_cast<int>(size)>;
    /// Contexts × words × dimensions.
    using Tile = cute::Shape<Size<tile.contexts>, Size<tile.words>, cute::_64>;
    using Shares = Schedule<Architecture, index>;
    using Cluster = typename Shares::Cluster;

    using AnchorVisitor =
        cutlass::epilogue::fusion::Sm90ColBroadcast<0, Tile, float, float, OnePerContext, 4, false>;
    using ExponentialVisitor = cutlass::epilogue::fusion::Sm90EVT<
        cutlass::epilogue::fusion::Sm90Compute<AnchoredExponential, Operand, float, to_nearest>,
        cutlass::epilogue::fusion::Sm90AccFetch, AnchorVisitor>;

    /// Not final: the partial sums are left as they are, one a tile and context, so that nothing is atomic.
    /// Not checked against the matrix's edge: rows past it are never read, columns past it do not exist.
    using SumVisitor = cutlass::epilogue::fusion::Sm90ColReduction<
        cutlass::plus, cutlass::plus, cutlass::plus, 0, Tile, float, float, to_nearest, OnePerContext, 4,
        /*may be null*/ false, /*final*/ false, /*checked*/ false>;
    using Visitor = cutlass::epilogue::fusion::Sm90EVT<SumVisitor, ExponentialVisitor>;

    using Epilogue = typename cutlass::epilogue::collective::CollectiveBuilder<
        Architecture, cutlass::arch::OpClassTensorOp, Tile, Cluster,
        cutlass::epilogue::collective::EpilogueTileAuto, float, float, void, RowMajor, alignment, Operand,
        RowMajor, alignment, typename Shares::Epilogue, Visitor>::CollectiveOp;

    // As many stages of operands in flight as the epilogue leaves shared memory for.
    using Stages = cutlass::gemm::collective::StageCountAutoCarveout<static_cast<int>(
        sizeof(typename Epilogue::SharedStorage))>;
    using Mainloop = typename cutlass::gemm::collective::CollectiveBuilder<
        Architecture, cutlass::arch::OpClassTensorOp, Operand, RowMajor, alignment, Operand, ColumnMajor,
        alignment, float, Tile, Cluster, Stages, typename Shares::Mainloop>::CollectiveOp;

    /// Where the tree finds its two arrays. In CUTLASS's tree a node's operands are its members op_0, op_1,
    /// …, and the last member is the node itself.
    static typename Visitor::Arguments visitor_arguments(const EpilogueProduct& product) {
        typename Visitor::Arguments arguments{};
        arguments.op_0.op_1.ptr_col = product.log2_anchors;
        arguments.op_1.ptr_col = product.partials;
        return arguments;
    }
};

}  // namespace ntpgeo::anchored_xent::cuda::fused
