// The fused product by CUTLASS, in one of its tiles: compiled once for each and each architecture that has
// it, EPILOGUE_TILE saying which of epilogue_tiles and EPILOGUE_SM for what: 90 is Hopper (sm_90a), 100
// Blackwell (sm_100a) (CMakeLists.txt).
#include <port.cuh>

#include <cassert>
#include <string>

#include "kernels/anchored_xent/epilogue_gemm.cuh"
#include "kernels/anchored_xent/epilogue_launch.cuh"
#include "kernels/device/runtime.cuh"

#include <cutlass/gemm/device/gemm_universal_adapter.h>
#include <cutlass/gemm/kernel/gemm_universal.hpp>

namespace ntpgeo::anchored_xent::cuda {
namespace {

// CUTLASS's assertions keep values alive between the tensor cores' instructions, which ptxas then does one
// after the other (C7510).
constexpr bool assertions_are_off() {
    bool off = true;
    assert((off = false, true));
    return off;
}
static_assert(assertions_are_off(),
              "compiled with -DNDEBUG alone: without it ptxas serialises wgmma (C7510)");

using Form =
    fused::Form<EPILOGUE_TILE, std::conditional_t<EPILOGUE_SM == 90, fused::Hopper, fused::Blackwell>>;
using fused::Operand;
using Kernel =
    cutlass::gemm::kernel::GemmUniversal<cute::Shape<int, int, int, int>, Form::Mainloop, Form::Epilogue>;
using Gemm = cutlass::gemm::device::GemmUniversalAdapter<Kernel>;

Gemm::Arguments gemm_arguments(const EpilogueProduct& product) {
    const cute::Stride<std::int64_t, cute::_1, std::int64_t> operand_stride{product.dim, {}, 0};
    Gemm::Arguments arguments{};
    arguments.mode = cutlass::gemm::GemmUniversalMode::kGemm;
    arguments.problem_shape = {static_cast<int>(product.rows), static_cast<int>(product.columns),
                               static_cast<int>(product.dim), 1};
    arguments.mainloop.ptr_A = reinterpret_cast<const Operand*>(product.contexts);
    arguments.mainloop.dA = operand_stride;
    arguments.mainloop.ptr_B = reinterpret_cast<const Operand*>(product.words);
    arguments.mainloop.dB = operand_stride;
    arguments.epilogue.thread = Form::visitor_arguments(product);
    arguments.epilogue.ptr_D = reinterpret_cast<Operand*>(product.exponentials);
    arguments.epilogue.dD = {product.columns, {}, 0};
    NTPGEO_CHECK(cudaGetDevice(&arguments.hw_info.device_id));
    arguments.hw_info.sm_count = product.multiprocessors;
    // Contexts first: they are the smaller operand, so that a tile of words stays in the L2 cache.
    using Raster = decltype(arguments.scheduler.raster_order);
    arguments.scheduler.raster_order = Raster::AlongM;
    arguments.scheduler.max_swizzle_size = 8;
    return arguments;
}

void check(cutlass::Status status, const char* what) {
    if (status == cutlass::Status::kSuccess) return;
    const cudaError_t error = cudaGetLastError();
    throw Failure("CUTLASS: " + std::string(what) + ": " + cutlassGetStatusString(status) +
                  (error == cudaSuccess ? "" : std::string(" (") + cudaGetErrorString(error) + ")"));
}

}  // namespace

template <>
void launch_epilogue_tile<EPILOGUE_SM, EPILOGUE_TILE>(const EpilogueProduct& product, cudaStream_t stream) {
    const Gemm::Arguments arguments = gemm_arguments(product);
    check(Gemm::can_implement(arguments), "the fused product refuses its arguments");
    if (Gemm::get_workspace_size(arguments) != 0)
        throw Failure("CUTLASS: the fused product asks for a workspace, which it should not need");
    Gemm gemm;
    check(gemm.initialize(arguments, nullptr, stream), "the fused product could not be set up");
    check(gemm.run(stream), "the fused product could not be launched");
}

}  // namespace ntpgeo::anchored_xent::cuda
