// Kernel launches and what the runtime says about kernels.
#include <cuda_runtime_api.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <utility>

#include "arena.hpp"
#include "devices.hpp"
#include "executor.hpp"
#include "fault.hpp"
#include "limits.hpp"
#include "pinned.hpp"
#include "streams.hpp"
#include "traffic.hpp"

namespace emulated_device {
namespace {

/// Dynamic shared memory that cudaFuncSetAttribute has allowed.
std::map<const void*, std::size_t>& allowed_shared() {
    static auto* const allowed = new std::map<const void*, std::size_t>;
    return *allowed;
}

std::size_t allowed_shared(const void* kernel) {
    const auto found = allowed_shared().find(kernel);
    return found == allowed_shared().end() ? max_static_shared : found->second;
}

/// Whether eight bytes look like the address of mapped host memory (48-bit user space of Linux).
bool is_host_address(std::uint64_t word) {
    if (word < 0x550000000000 || word >= 0x800000000000) return false;
    constexpr std::uint64_t page = 4096;
    return msync(reinterpret_cast<void*>(word / page * page), 1, MS_ASYNC) == 0;
}

void check_address(const void* kernel, const void* address) {
    if (is_pinned(address, 1)) return note_use_by_kernel(address);
    Arena::instance().require(address, 1, "kernel " + kernel_name(kernel));
}

cudaError_t configuration_error(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes) {
    const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
    if (grid.x == 0 || grid.y == 0 || grid.z == 0 || threads == 0) return cudaErrorInvalidConfiguration;
    if (threads > max_block_threads || block.z > max_block_depth || grid.x > max_grid_width ||
        grid.y > max_grid_height || grid.z > max_grid_height)
        return cudaErrorInvalidConfiguration;
    return shared_bytes > allowed_shared(kernel) ? cudaErrorInvalidValue : cudaSuccess;
}

}  // namespace

void check_parameter(const void* kernel, const Parameter& parameter) {
    const std::lock_guard lock(device_mutex());
    if (parameter.kind == Parameter::Kind::plain) return;
    for (std::size_t at = 0; at + sizeof(std::uint64_t) <= parameter.size; at += sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, static_cast<const char*>(parameter.bytes) + at, sizeof word);
        const auto* const address = reinterpret_cast<const void*>(word);
        if (word == 0 || (parameter.kind == Parameter::Kind::structure && Arena::instance().is_end(address)))
            continue;
        if (parameter.kind == Parameter::Kind::pointer || Arena::instance().contains(address) ||
            is_host_address(word))
            check_address(kernel, address);
    }
}

cudaError_t launch_kernel(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes,
                          cudaStream_t stream, std::function<void()> thread_body,
                          std::function<void()> parameters_alive) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (settings().capability < settings().code) return reported(cudaErrorNoKernelImageForDevice);
    if (const cudaError_t error = configuration_error(kernel, grid, block, shared_bytes);
        error != cudaSuccess)
        return reported(error);
    const Launch launch{kernel, grid, block, shared_bytes, std::move(thread_body)};
    const KernelLaunch counted{kernel_name(kernel), std::int64_t{grid.x} * grid.y * grid.z,
                               std::int64_t{block.x} * block.y * block.z};
    const auto run = [launch, counted, parameters_alive = std::move(parameters_alive)] {
        parameters_alive();
        const TrafficMeter meter(counted);
        Executor::instance().run(launch);
    };
    Operation operation{"kernel " + counted.kernel, {}, run};
    operation.request.launch = counted;
    return Streams::instance().submit(stream, std::move(operation));
}

}  // namespace emulated_device

using namespace emulated_device;

extern "C" {

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
    const std::lock_guard lock(device_mutex());
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;  // a hint
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize)
        fault("cudaFuncSetAttribute: attribute " + std::to_string(attribute) + " is not emulated");
    if (value < 0 || static_cast<std::size_t>(value) > max_dynamic_shared)
        return reported(cudaErrorInvalidValue);
    allowed_shared()[kernel] = static_cast<std::size_t>(value);
    return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
    const std::lock_guard lock(device_mutex());
    *attributes = {};
    attributes->maxThreadsPerBlock = max_block_threads;
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(allowed_shared(kernel));
    attributes->ptxVersion = attributes->binaryVersion = 90;
    return cudaSuccess;
}

/// By threads, blocks and dynamic shared memory; the emulator knows neither registers nor static shared
/// memory.
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* kernel,
                                                                   int block_size, std::size_t shared_bytes,
                                                                   unsigned) {
    const std::lock_guard lock(device_mutex());
    if (block_size <= 0) return reported(cudaErrorInvalidValue);
    const auto warps = (static_cast<unsigned>(block_size) + warp_size - 1) / warp_size;
    constexpr std::size_t reserved_by_system = 1024;
    const auto by_shared = static_cast<unsigned>(multiprocessor_shared / (shared_bytes + reserved_by_system));
    const bool possible =
        static_cast<unsigned>(block_size) <= max_block_threads && shared_bytes <= allowed_shared(kernel);
    *blocks = possible ? static_cast<int>(std::min({multiprocessor_threads / (warps * warp_size),
                                                    multiprocessor_blocks, by_shared}))
                       : 0;
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* kernel, int block_size,
                                                          std::size_t shared_bytes) {
    return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, kernel, block_size, shared_bytes,
                                                                  0);
}

}  // extern "C"
