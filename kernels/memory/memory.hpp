// Memory of a backend, and who owns a piece of it.
#pragma once

#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// Bytes of a device's memory. The CPU's are the machine's, and what the kernel would give back from its
/// caches does not count as free.
struct DeviceMemory {
    std::int64_t total = 0, free = 0;
};

/// The memory that operations work on; what is handed to one must come from the same backend.
class Memory {
  public:
    virtual ~Memory() = default;

    [[nodiscard]] virtual DeviceMemory memory() const = 0;
    /// Memory aligned for any operation. Throws OutOfDeviceMemory where there is none left.
    virtual void* allocate(std::int64_t bytes) = 0;
    virtual void release(void* memory) noexcept = 0;
    /// A few bytes of host memory that operations may write as well. What one has written is there once the
    /// work has been waited for (Replay).
    virtual void* allocate_shared(std::int64_t bytes) = 0;
    virtual void release_shared(void* memory) noexcept = 0;
    // Both have finished when they return; what was queued before has then happened to the device's side.
    virtual void upload(const void* host, void* device, std::int64_t bytes) = 0;
    virtual void download(const void* device, void* host, std::int64_t bytes) = 0;
};

/// Host memory.
class CpuMemory : public virtual Memory {
  public:
    [[nodiscard]] DeviceMemory memory() const override;
    void* allocate(std::int64_t bytes) override;
    void release(void* memory) noexcept override;
    void* allocate_shared(std::int64_t bytes) override;
    void release_shared(void* memory) noexcept override;
    void upload(const void* host, void* device, std::int64_t bytes) override;
    void download(const void* device, void* host, std::int64_t bytes) override;
};

/// A GPU's memory.
class CudaMemory : public virtual Memory {
  public:
    explicit CudaMemory(device::Device& device) : device_(device) {}
    [[nodiscard]] DeviceMemory memory() const override;
    void* allocate(std::int64_t bytes) override;
    void release(void* memory) noexcept override;
    void* allocate_shared(std::int64_t bytes) override;
    void release_shared(void* memory) noexcept override;
    void upload(const void* host, void* device, std::int64_t bytes) override;
    void download(const void* device, void* host, std::int64_t bytes) override;

  private:
    device::Device& device_;
};

/// A piece of memory, released with its owner.
class Array {
  public:
    Array() = default;
    Array(Memory& memory, std::int64_t bytes)
        : memory_(&memory), bytes_(bytes), data_(memory.allocate(bytes)) {}
    Array(Array&& other) noexcept { swap(other); }
    Array& operator=(Array&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Array() {
        if (data_) memory_->release(data_);
    }

    [[nodiscard]] void* data() const { return data_; }
    [[nodiscard]] std::int64_t bytes() const { return bytes_; }
    template <class T>
    [[nodiscard]] T* as() const {
        return static_cast<T*>(data_);
    }
    [[nodiscard]] Vector vector(Real real, std::int64_t size, std::int64_t offset = 0) const {
        return {static_cast<char*>(data_) + offset * bytes_of(real), real, size};
    }
    [[nodiscard]] Matrix matrix(Real real, std::int64_t rows, std::int64_t columns,
                                std::int64_t offset = 0) const {
        return {static_cast<char*>(data_) + offset * bytes_of(real), real, rows, columns};
    }

  private:
    void swap(Array& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(bytes_, other.bytes_);
        std::swap(data_, other.data_);
    }

    Memory* memory_ = nullptr;
    std::int64_t bytes_ = 0;
    void* data_ = nullptr;
};

/// One T in memory that the host and operations share, released with its owner.
template <class T>
class Shared {
  public:
    explicit Shared(Memory& memory)
        : memory_(memory), value_(new (memory.allocate_shared(static_cast<std::int64_t>(sizeof(T)))) T{}) {}
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    ~Shared() { memory_.release_shared(value_); }

    [[nodiscard]] T* get() const { return value_; }
    T* operator->() const { return value_; }

  private:
    Memory& memory_;
    T* value_;
};

/// A copy of host values on a backend.
template <class T>
Array upload_array(Memory& memory, const std::vector<T>& host) {
    Array array(memory, static_cast<std::int64_t>(host.size() * sizeof(T)));
    memory.upload(host.data(), array.data(), array.bytes());
    return array;
}

/// A copy of the first `size` values of backend memory on the host.
template <class T>
std::vector<T> download_array(Memory& memory, const void* device, std::int64_t size) {
    std::vector<T> host(static_cast<std::size_t>(size));
    memory.download(device, host.data(), static_cast<std::int64_t>(size * sizeof(T)));
    return host;
}

}  // namespace ntpgeo
