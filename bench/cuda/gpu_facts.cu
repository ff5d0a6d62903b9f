#include "bench/cuda/gpu_facts.hpp"

#include <port.cuh>

#include <vector>

#include "bench/cuda/device_work_kernels.cuh"
#include "kernels/device/device.cuh"
#include "kernels/device/runtime.cuh"

namespace ntpgeo::bench {
namespace {

using device::DeviceArray;

template <class T>
SquaredDifference squared_difference_of(Vector gradient, Vector reference) {
    device::Device gpu(0);
    DeviceArray<double> partial(2 * fill_blocks);
    NTPGEO_CHECK(launch(difference_kernel<T>, dim3(fill_blocks), dim3(kernel_threads), 0, gpu.stream(),
                        gradient.as<T>(), reference.as<double>(), reference.size, partial.data()));
    std::vector<double> sums(2 * fill_blocks);
    NTPGEO_CHECK(cudaMemcpyAsync(sums.data(), partial.data(), static_cast<std::size_t>(partial.bytes()),
                                 cudaMemcpyDeviceToHost, gpu.stream()));
    gpu.synchronise();
    SquaredDifference total;
    for (int block = 0; block < fill_blocks; ++block) {
        total.difference += sums[static_cast<std::size_t>(2 * block)];
        total.reference += sums[static_cast<std::size_t>(2 * block + 1)];
    }
    return total;
}

}  // namespace

SquaredDifference squared_difference(Vector gradient, Vector reference) {
    return gradient.real == Real::fp64 ? squared_difference_of<double>(gradient, reference)
                                       : squared_difference_of<float>(gradient, reference);
}

GpuFacts gpu_facts() {
    const device::Device gpu(0);
    GpuFacts facts;
    facts.name = gpu.name();
    facts.multiprocessors = gpu.multiprocessors();
    int major = 0, minor = 0;
    NTPGEO_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0));
    NTPGEO_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0));
    facts.compute_capability = 10 * major + minor;
    NTPGEO_CHECK(cudaDriverGetVersion(&facts.driver_cuda));
    NTPGEO_CHECK(cudaRuntimeGetVersion(&facts.runtime));
    NTPGEO_CHECK(cublasGetVersion(gpu.cublas(), &facts.cublas));
    std::size_t free = 0, total = 0;
    NTPGEO_CHECK(cudaMemGetInfo(&free, &total));
    facts.memory = static_cast<std::int64_t>(total);
    return facts;
}

std::int64_t free_gpu_memory() {
    std::size_t free = 0, total = 0;
    NTPGEO_CHECK(cudaMemGetInfo(&free, &total));
    return static_cast<std::int64_t>(free);
}

}  // namespace ntpgeo::bench
