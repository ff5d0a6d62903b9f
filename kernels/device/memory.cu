#include "kernels/device/memory.cuh"

#include <port.cuh>

namespace ntpgeo::device {

void* allocate_device(std::int64_t bytes) {
    if (bytes == 0) return nullptr;
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, static_cast<std::size_t>(bytes));
    if (status == cudaErrorMemoryAllocation) {
        static_cast<void>(cudaGetLastError());
        std::size_t free = 0, total = 0;
        NTPGEO_CHECK(cudaMemGetInfo(&free, &total));
        throw OutOfDeviceMemory("out of GPU memory: " + std::to_string(bytes) + " bytes asked for, " +
                                std::to_string(free) + " of " + std::to_string(total) + " free");
    }
    NTPGEO_CHECK(status);
    return memory;
}

void* allocate_pinned(std::int64_t bytes) {
    if (bytes == 0) return nullptr;
    void* memory = nullptr;
    NTPGEO_CHECK(cudaMallocHost(&memory, static_cast<std::size_t>(bytes)));
    return memory;
}

}  // namespace ntpgeo::device
