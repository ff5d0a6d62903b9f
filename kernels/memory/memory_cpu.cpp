#include <sys/sysinfo.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "kernels/base/status.hpp"
#include "kernels/memory/memory.hpp"

namespace ntpgeo {
namespace {

void copy_bytes(const void* from, void* to, std::int64_t bytes) {
    if (bytes > 0) std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

}  // namespace

DeviceMemory CpuMemory::memory() const {
    struct sysinfo machine = {};
    if (::sysinfo(&machine) != 0) throw Failure("the machine does not tell how much memory it has");
    const auto unit = static_cast<std::int64_t>(machine.mem_unit);
    return {static_cast<std::int64_t>(machine.totalram) * unit,
            static_cast<std::int64_t>(machine.freeram + machine.bufferram) * unit};
}

void* CpuMemory::allocate(std::int64_t bytes) {
    void* const memory = std::aligned_alloc(64, (static_cast<std::size_t>(bytes) + 64) / 64 * 64);
    if (!memory) throw OutOfDeviceMemory("out of memory: " + std::to_string(bytes) + " bytes asked for");
    return memory;
}

void CpuMemory::release(void* memory) noexcept {
    std::free(memory);
}

void* CpuMemory::allocate_shared(std::int64_t bytes) {
    return CpuMemory::allocate(bytes);
}

void CpuMemory::release_shared(void* memory) noexcept {
    CpuMemory::release(memory);
}

void CpuMemory::upload(const void* host, void* device, std::int64_t bytes) {
    copy_bytes(host, device, bytes);
}

void CpuMemory::download(const void* device, void* host, std::int64_t bytes) {
    copy_bytes(device, host, bytes);
}

}  // namespace ntpgeo
