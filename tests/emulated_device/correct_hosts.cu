// Host code that keeps the rules of design 4.5: it synchronises where it must and nowhere else.
#include <nvtx3/nvToolsExt.h>

#include <map>
#include <port.cuh>
#include <stdexcept>
#include <vector>

#include "counts.hpp"
#include "program_tools.cuh"
#include "programs.hpp"

namespace programs {

namespace kernels {

__global__ void scaled(const int* in, int* out, int factor, int size) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < size) out[i] = in[i] * factor;
}

__global__ void added(const int* a, const int* b, int* out, int size) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < size) out[i] = a[i] + b[i];
}

}  // namespace kernels

namespace {

constexpr int size = 100;

struct Event {
    cudaEvent_t handle = nullptr;
    explicit Event(unsigned flags = cudaEventDisableTiming) { ok(cudaEventCreateWithFlags(&handle, flags)); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { ok(cudaEventDestroy(handle)); }
};

void scale(const int* in, int* out, int factor, const Stream& stream) {
    ok(launch(kernels::scaled, 2, 64, 0, stream.handle, in, out, factor, size));
}

}  // namespace

bool streams_and_events() {
    const Stream first, second;
    const Event ready, began(cudaEventDefault), ended(cudaEventDefault);
    const Array<int> ones(std::vector<int>(size, 1), first), twice(size), thrice(size), sum(size);
    ok(cudaEventRecord(ready.handle, first.handle));
    ok(cudaStreamWaitEvent(second.handle, ready.handle, 0));
    ok(cudaEventRecord(began.handle, second.handle));
    scale(ones.data, twice.data, 2, first);
    scale(ones.data, thrice.data, 3, second);
    ok(cudaEventRecord(ended.handle, second.handle));
    ok(cudaStreamWaitEvent(first.handle, ended.handle, 0));
    ok(launch(kernels::added, 2, 64, 0, first.handle, twice.data, thrice.data, sum.data, size));
    while (cudaEventQuery(ended.handle) == cudaErrorNotReady) {
    }
    float milliseconds = -1;
    ok(cudaEventElapsedTime(&milliseconds, began.handle, ended.handle));
    const bool right = sum.now(first) == std::vector<int>(size, 5);
    second.finish();
    return right && milliseconds >= 0;
}

bool pinned_memory() {
    const Stream stream;
    int* host = nullptr;
    ok(cudaMallocHost(&host, size * sizeof(int)));
    for (int i = 0; i < size; ++i) host[i] = i;
    const Array<int> in(size), out(size);
    ok(cudaMemcpyAsync(in.data, host, in.bytes(), cudaMemcpyHostToDevice, stream.handle));
    scale(in.data, out.data, 2, stream);
    ok(cudaMemcpyAsync(host, out.data, out.bytes(), cudaMemcpyDeviceToHost, stream.handle));
    stream.finish();
    bool right = host[99] == 198;
    scale(in.data, host, 3, stream);  // a kernel may write to it as well
    stream.finish();
    right &= host[99] == 297;
    ok(cudaFreeHost(host));
    return right;
}

/// Pageable memory has been read when the upload returns.
bool uploads_from_the_stack() {
    const Stream stream;
    const Array<int> in(size);
    {
        std::vector<int> values(size, 4);
        ok(cudaMemcpyAsync(in.data, values.data(), in.bytes(), cudaMemcpyHostToDevice, stream.handle));
        values.assign(size, 5);
    }
    return in.now(stream) == std::vector<int>(size, 4);
}

bool pitched_copies() {
    const Stream stream;
    std::vector<int> in(20), out(12, -1);
    for (int i = 0; i < 20; ++i) in[static_cast<std::size_t>(i)] = i;
    const Array<int> device(24);
    ok(cudaMemsetAsync(device.data, 0, device.bytes(), stream.handle));
    ok(cudaMemcpy2DAsync(device.data, 6 * sizeof(int), in.data(), 5 * sizeof(int), 3 * sizeof(int), 4,
                         cudaMemcpyHostToDevice, stream.handle));
    ok(cudaMemcpy2DAsync(out.data(), 3 * sizeof(int), device.data, 6 * sizeof(int), 3 * sizeof(int), 4,
                         cudaMemcpyDeviceToHost, stream.handle));
    stream.finish();
    return out == std::vector<int>{0, 1, 2, 5, 6, 7, 10, 11, 12, 15, 16, 17} && device.now(stream)[3] == 0;
}

/// Two branches that an event forks and another joins, launched twice.
bool captured_graph() {
    const Stream stream, branch;
    const Event fork, join;
    const Array<int> in(std::vector<int>(size, 1), stream), twice(size), thrice(size), sum(size);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    stream.finish();
    ok(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal));
    ok(cudaEventRecord(fork.handle, stream.handle));
    ok(cudaStreamWaitEvent(branch.handle, fork.handle, 0));
    scale(in.data, twice.data, 2, stream);
    scale(in.data, thrice.data, 3, branch);
    ok(cudaEventRecord(join.handle, branch.handle));
    ok(cudaStreamWaitEvent(stream.handle, join.handle, 0));
    ok(launch(kernels::added, 2, 64, 0, stream.handle, twice.data, thrice.data, sum.data, size));
    ok(cudaMemcpyAsync(in.data, sum.data, in.bytes(), cudaMemcpyDeviceToDevice, stream.handle));
    ok(cudaStreamEndCapture(stream.handle, &graph));
    ok(cudaGraphInstantiate(&executable, graph, 0));
    ok(cudaGraphDestroy(graph));
    ok(cudaGraphLaunch(executable, stream.handle));
    ok(cudaGraphLaunch(executable, stream.handle));
    const bool right = in.now(stream) == std::vector<int>(size, 25);
    ok(cudaGraphExecDestroy(executable));
    return right;
}

/// The legacy default stream is in order with blocking streams.
bool default_stream() {
    cudaStream_t blocking = nullptr;
    ok(cudaStreamCreate(&blocking));
    std::vector<int> result(size);
    const Array<int> in(size), out(size);
    ok(cudaMemcpy(in.data, std::vector<int>(size, 2).data(), in.bytes(), cudaMemcpyHostToDevice));
    ok(launch(kernels::scaled, 2, 64, 0, blocking, in.data, out.data, 4, size));
    ok(cudaMemcpy(result.data(), out.data, out.bytes(), cudaMemcpyDeviceToHost));
    ok(cudaMemset(in.data, 0, in.bytes()));
    ok(cudaStreamDestroy(blocking));
    return result == std::vector<int>(size, 8);
}

/// What fails halfway frees its arrays with work pending; freeing waits for that work, here as on the device.
bool freeing_while_unwinding() {
    const Stream stream;
    try {
        const Array<int> values(size);
        ok(cudaMemsetAsync(values.data, 0, values.bytes(), stream.handle));
        throw std::runtime_error("no memory for the next array");
    } catch (const std::runtime_error&) {
        return cudaStreamQuery(stream.handle) == cudaSuccess;
    }
}

/// Kernels count by their grids, in the region that their launch stands in.
bool counted_kernels() {
    const Stream stream;
    const Array<int> in(std::vector<int>(size, 1), stream), out(size);
    stream.finish();
    emulated_device::reset_counts();
    bool right = nvtxRangePushA("outer") == 0;
    scale(in.data, out.data, 2, stream);
    right &= nvtxRangePushA("inner") == 1;
    for (int k = 0; k < 3; ++k) scale(in.data, out.data, 2, stream);
    // Of no elements: rows of threads would write the same ones.
    ok(launch(kernels::added, dim3(3, 2), dim3(8, 4), 0, stream.handle, in.data, in.data, out.data, 0));
    right &= nvtxRangePop() == 1 && nvtxRangePop() == 0;
    scale(in.data, out.data, 2, stream);
    using emulated_device::KernelLaunch;
    using Launches = std::map<KernelLaunch, std::int64_t>;
    const KernelLaunch scaled{"programs::kernels::scaled", 2, 64}, added{"programs::kernels::added", 6, 32};
    emulated_device::CountsByRegion regions = emulated_device::counts_by_region();
    stream.finish();
    return right && regions["outer"].direct.launches == Launches{{scaled, 1}} &&
           regions["outer/inner"].direct.launches == Launches{{scaled, 3}, {added, 1}} &&
           regions[""].direct.launches == Launches{{scaled, 1}} && regions.size() == 3;
}

/// Each of two large arrays is read or written, then one is both; and a page of either.
bool traffic_of_kernels() {
    constexpr int many = 8192;
    const Stream stream;
    const Array<int> in(std::vector<int>(many, 1), stream), out(many);
    stream.finish();
    const auto scale_all = [&](const int* from, int* to) {
        ok(launch(kernels::scaled, many / 256, 256, 0, stream.handle, from, to, 2, many));
    };
    scale_all(in.data, out.data);
    stream.finish();
    bool right = emulated_device::kernel_traffic().empty();
    emulated_device::measure_traffic(true);
    scale_all(in.data, out.data);
    scale_all(in.data, out.data);
    scale_all(out.data, out.data);
    scale(in.data, out.data, 2, stream);  // 100 numbers, in one page of either
    right &= out.now(stream)[0] == 2 && out.now(stream)[many - 1] == 4;
    const auto traffic = emulated_device::kernel_traffic();
    emulated_device::measure_traffic(false);
    const auto all = traffic.at({"programs::kernels::scaled", many / 256, 256}),
               few = traffic.at({"programs::kernels::scaled", 2, 64});
    constexpr std::int64_t bytes = many * sizeof(int), page = 4096;
    return right && traffic.size() == 2 && all.launches == 3 && all.bytes_read == 3 * bytes &&
           all.bytes_written == 3 * bytes && few.launches == 1 && few.bytes_read <= page &&
           few.bytes_read >= 400 && few.bytes_written <= page && few.bytes_written >= 400 &&
           emulated_device::kernel_traffic().empty();
}

}  // namespace programs
