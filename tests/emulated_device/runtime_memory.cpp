// cudaMalloc, cudaMallocHost and what goes with them, against the vendor's prototypes.
#include <cuda_runtime_api.h>

#include <cstdlib>
#include <exception>
#include <map>
#include <string>

#include "arena.hpp"
#include "devices.hpp"
#include "fault.hpp"
#include "pinned.hpp"
#include "sanitizers.hpp"
#include "settings.hpp"
#include "streams.hpp"

namespace emulated_device {
namespace {

struct Pinned {
    std::size_t bytes;
    bool used_by_kernels;
};

std::map<const char*, Pinned>& pinned_allocations() {
    static auto* const allocations = new std::map<const char*, Pinned>;
    return *allocations;
}

/// The allocation that holds [start, start + bytes), or null.
Pinned* find_pinned(const void* start, std::size_t bytes) {
    const auto* const first = static_cast<const char*>(start);
    auto allocation = pinned_allocations().upper_bound(first);
    if (allocation == pinned_allocations().begin()) return nullptr;
    --allocation;
    return first + bytes <= allocation->first + allocation->second.bytes ? &allocation->second : nullptr;
}

/// Freeing waits for the device. A program that relies on it has not synchronised where it should; one that
/// unwinds an exception may rely on it.
void wait_before_freeing(const char* function) {
    if (!Streams::instance().anything_pending()) return;
    if (std::uncaught_exceptions() == 0)
        fault(std::string(function) + " while work is pending; synchronise before freeing");
    Streams::instance().finish_all();
}

}  // namespace

bool is_pinned(const void* start, std::size_t bytes) {
    return find_pinned(start, bytes) != nullptr;
}

void note_use_by_kernel(const void* address) {
    if (Pinned* const allocation = find_pinned(address, 1)) allocation->used_by_kernels = true;
}

bool used_by_kernels(const void* address) {
    const Pinned* const allocation = find_pinned(address, 1);
    return allocation != nullptr && allocation->used_by_kernels;
}

}  // namespace emulated_device

using namespace emulated_device;

extern "C" {

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (Streams::instance().forbidden_by_capture()) return reported(cudaErrorStreamCaptureUnsupported);
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    count(&Counts::allocations);
    if (grants_allocation()) *pointer = Arena::instance().allocate(bytes);
    return *pointer != nullptr ? cudaSuccess : reported(cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void* pointer) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (pointer == nullptr) return cudaSuccess;
    if (Streams::instance().forbidden_by_capture()) return reported(cudaErrorStreamCaptureUnsupported);
    count(&Counts::frees);
    wait_before_freeing("cudaFree");
    if (!Arena::instance().release(pointer))
        fault("cudaFree of " + hexadecimal(pointer) + ", which is no live device allocation");
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned flags) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if ((flags & ~unsigned{cudaHostAllocPortable | cudaHostAllocMapped}) != 0)
        fault("cudaHostAlloc: these flags are not emulated");
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    count(&Counts::allocations);
    if (grants_allocation()) *pointer = std::malloc(bytes);
    if (*pointer == nullptr) return reported(cudaErrorMemoryAllocation);
    poison(*pointer, bytes);
    pinned_allocations()[static_cast<char*>(*pointer)] = {bytes, false};
    return cudaSuccess;
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
    return cudaHostAlloc(pointer, bytes, cudaHostAllocDefault);
}

cudaError_t cudaFreeHost(void* pointer) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (pointer == nullptr) return cudaSuccess;
    count(&Counts::frees);
    wait_before_freeing("cudaFreeHost");
    if (pinned_allocations().erase(static_cast<char*>(pointer)) == 0)
        fault("cudaFreeHost of " + hexadecimal(pointer) + ", which is no live pinned allocation");
    std::free(pointer);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* available, std::size_t* total) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    *total = settings().memory;
    *available = settings().memory - Arena::instance().used();
    return cudaSuccess;
}

}  // extern "C"
