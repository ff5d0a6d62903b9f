// The counts of programs whose requests are known.
#include "counts.hpp"

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cusolverDn.h>
#include <gtest/gtest.h>
#include <nvtx3/nvToolsExt.h>

#include <vector>

#include "child.hpp"
#include "programs.hpp"

namespace emulated_device {
namespace {

void expect_in_child(bool (*program)()) {
    for (const char* const defer : {"never", "needed", "mixed"}) {
        const Outcome outcome = run_in_child(program, {{"EMULATED_DEVICE_DEFER", defer}});
        EXPECT_EQ(outcome.exit_status, 0) << defer << ": " << outcome.error;
    }
}

bool copies_and_waits() {
    std::vector<double> host(100);
    double *device = nullptr, *pinned = nullptr;
    cudaStream_t stream = nullptr;
    reset_counts();
    if (cudaMalloc(&device, 1600) != cudaSuccess || cudaMallocHost(&pinned, 800) != cudaSuccess ||
        cudaStreamCreate(&stream) != cudaSuccess)
        return false;
    const auto copy = [&](void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
        return cudaMemcpyAsync(to, from, bytes, kind, stream) == cudaSuccess;
    };
    bool right = copy(device, host.data(), 800, cudaMemcpyHostToDevice) &&
                 copy(device + 100, device, 400, cudaMemcpyDeviceToDevice) &&
                 cudaMemsetAsync(device + 150, 0, 300, stream) == cudaSuccess &&
                 copy(pinned, device, 80, cudaMemcpyDeviceToHost) &&
                 copy(host.data(), device, 16, cudaMemcpyDeviceToHost) &&
                 cudaStreamSynchronize(stream) == cudaSuccess;
    right &= cudaMemcpy(host.data(), device, 8, cudaMemcpyDeviceToHost) == cudaSuccess;
    right &= cudaMemcpy2DAsync(device, 32, host.data(), 16, 16, 3, cudaMemcpyHostToDevice, stream) ==
                 cudaSuccess &&
             cudaDeviceSynchronize() == cudaSuccess;
    right &= cudaFree(device) == cudaSuccess && cudaFreeHost(pinned) == cudaSuccess;
    const Counts seen = counts();
    return right && seen.direct.copies_up == 2 && seen.direct.bytes_up == 848 &&
           seen.direct.copies_down == 3 && seen.direct.bytes_down == 104 && seen.pageable_downloads == 2 &&
           seen.direct.bytes_within == 700 && seen.direct.launches_of("copy") == 1 &&
           seen.direct.launches_of("set") == 1 && seen.direct.all_launches() == 2 &&
           seen.synchronisations == 3 && seen.allocations == 2 && seen.frees == 2;
}

bool work_of_graphs() {
    void* device = nullptr;
    cudaStream_t stream = nullptr;
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    bool right = cudaMalloc(&device, 64) == cudaSuccess &&
                 cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess;
    reset_counts();
    nvtxRangePushA("recorded");
    right &= cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess &&
             cudaMemsetAsync(device, 0, 64, stream) == cudaSuccess &&
             cudaMemsetAsync(device, 1, 32, stream) == cudaSuccess &&
             cudaStreamEndCapture(stream, &graph) == cudaSuccess &&
             cudaGraphInstantiate(&executable, graph, 0) == cudaSuccess;
    nvtxRangePop();
    // What is captured has not been asked for yet.
    right &= counts().direct.all_launches() == 0 && counts().recordings == 1;
    nvtxRangePushA("launched");
    for (int k = 0; k < 3; ++k) right &= cudaGraphLaunch(executable, stream) == cudaSuccess;
    nvtxRangePop();
    right &= cudaStreamSynchronize(stream) == cudaSuccess;
    CountsByRegion regions = counts_by_region();
    return right && regions["launched"].graph_launches == 3 && regions["launched"].graph_nodes == 6 &&
           regions["launched"].in_graphs.all_launches() == 0 &&
           regions["recorded"].in_graphs.launches_of("set") == 6 &&
           regions["recorded"].in_graphs.bytes_within == 288 && regions[""].synchronisations == 1 &&
           counts().direct.all_launches() == 0 && cudaFree(device) == cudaSuccess;
}

bool library_calls() {
    double* device = nullptr;
    int* info = nullptr;
    cublasHandle_t cublas = nullptr;
    cusolverDnHandle_t cusolver = nullptr;
    bool right = cudaMalloc(&device, 4096 * sizeof(double)) == cudaSuccess &&
                 cudaMalloc(&info, sizeof(int)) == cudaSuccess &&
                 cublasCreate(&cublas) == CUBLAS_STATUS_SUCCESS &&
                 cusolverDnCreate(&cusolver) == CUSOLVER_STATUS_SUCCESS &&
                 cudaMemset(device, 0, 4096 * sizeof(double)) == cudaSuccess;
    reset_counts();
    const double one = 1, zero = 0;
    const float one_f = 1, zero_f = 0;
    double result = 0;
    for (int k = 0; k < 2; ++k)
        right &= cublasDgemm(cublas, CUBLAS_OP_N, CUBLAS_OP_N, 3, 4, 5, &one, device, 3, device + 100, 5,
                             &zero, device + 200, 3) == CUBLAS_STATUS_SUCCESS;
    right &= cublasGemmEx(cublas, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 8, &one_f, device, CUDA_R_16BF, 2,
                          device + 100, CUDA_R_16BF, 8, &zero_f, device + 200, CUDA_R_32F, 2,
                          CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS;
    right &= cublasDdot(cublas, 7, device, 1, device, 1, &result) == CUBLAS_STATUS_SUCCESS;
    int size = 0;
    right &= cusolverDnDpotrf_bufferSize(cusolver, CUBLAS_FILL_MODE_LOWER, 6, device, 6, &size) ==
                 CUSOLVER_STATUS_SUCCESS &&
             cusolverDnDpotrf(cusolver, CUBLAS_FILL_MODE_LOWER, 6, device, 6, device + 1000, size, info) ==
                 CUSOLVER_STATUS_SUCCESS;
    const Counts seen = counts();
    right &= cudaDeviceSynchronize() == cudaSuccess;
    std::map<LibraryCall, std::int64_t> expected{{{"cublasDgemm", "fp64", 3, 4, 5}, 2},
                                                 {{"cublasGemmEx", "bf16", 2, 2, 8}, 1},
                                                 {{"cublasDdot", "fp64", 7}, 1},
                                                 {{"cusolverDnDpotrf", "fp64", 6, 6}, 1}};
    return right && seen.direct.calls == expected && seen.synchronisations == 1 &&
           seen.direct.all_launches() == 0 && cublasDestroy(cublas) == CUBLAS_STATUS_SUCCESS &&
           cusolverDnDestroy(cusolver) == CUSOLVER_STATUS_SUCCESS && cudaFree(device) == cudaSuccess &&
           cudaFree(info) == cudaSuccess;
}

TEST(Counts, CopiesWaitsAndMemory) {
    expect_in_child(copies_and_waits);
}

TEST(Counts, WorkOfAGraphCountsAtEachLaunchWhereItWasRecorded) {
    expect_in_child(work_of_graphs);
}

TEST(Counts, LibraryCallsByTheirShapes) {
    expect_in_child(library_calls);
}

TEST(Counts, KernelsByTheirGridsAndRegions) {
    expect_in_child(programs::counted_kernels);
}

TEST(Counts, TrafficOfKernelsInPages) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the sanitizers have signals of their own";
#endif
    expect_in_child(programs::traffic_of_kernels);
}

}  // namespace
}  // namespace emulated_device
