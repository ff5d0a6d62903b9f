#include <port.cuh>

#include "kernels/device/device.cuh"
#include "kernels/memory/memory.hpp"

namespace ntpgeo {
namespace {

// On the stream, so that what was queued before has happened to the device's side.
void copy_and_wait(const device::Device& device, const void* from, void* to, std::int64_t bytes,
                   cudaMemcpyKind kind) {
    if (bytes == 0) return;
    NTPGEO_CHECK(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), kind, device.stream()));
    device.synchronise();
}

}  // namespace

DeviceMemory CudaMemory::memory() const {
    std::size_t free = 0, total = 0;
    NTPGEO_CHECK(cudaMemGetInfo(&free, &total));
    return {static_cast<std::int64_t>(total), static_cast<std::int64_t>(free)};
}

void* CudaMemory::allocate(std::int64_t bytes) {
    return device::allocate_device(bytes);
}

// Queued operations may still use the memory.
void CudaMemory::release(void* memory) noexcept {
    static_cast<void>(cudaStreamSynchronize(device_.stream()));
    static_cast<void>(cudaFree(memory));
}

// Page-locked, which kernels reach under the same address.
void* CudaMemory::allocate_shared(std::int64_t bytes) {
    return device::allocate_pinned(bytes);
}

void CudaMemory::release_shared(void* memory) noexcept {
    static_cast<void>(cudaStreamSynchronize(device_.stream()));
    static_cast<void>(cudaFreeHost(memory));
}

void CudaMemory::upload(const void* host, void* device, std::int64_t bytes) {
    copy_and_wait(device_, host, device, bytes, cudaMemcpyHostToDevice);
}

void CudaMemory::download(const void* device, void* host, std::int64_t bytes) {
    copy_and_wait(device_, device, host, bytes, cudaMemcpyDeviceToHost);
}

}  // namespace ntpgeo
