// Device and page-locked memory of trivial elements, released with its owner.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "kernels/device/status.cuh"

namespace ntpgeo::device {

/// `bytes` of device memory, 256-byte aligned, uninitialised. Throws OutOfDeviceMemory with what was asked
/// for and what is free. No bytes are a null pointer.
void* allocate_device(std::int64_t bytes);
/// `bytes` of page-locked host memory, which copies may run over asynchronously.
void* allocate_pinned(std::int64_t bytes);

/// Device memory for `size` elements. Work that uses it must have ended when it is destroyed.
template <class T>
class DeviceArray {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    DeviceArray() = default;
    explicit DeviceArray(std::int64_t size)
        : data_(static_cast<T*>(allocate_device(size * static_cast<std::int64_t>(sizeof(T))))), size_(size) {}
    DeviceArray(DeviceArray&& other) noexcept { swap(other); }
    DeviceArray& operator=(DeviceArray&& other) noexcept {
        DeviceArray taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~DeviceArray() {
        if (data_) static_cast<void>(cudaFree(data_));
    }

    [[nodiscard]] T* data() const { return data_; }
    [[nodiscard]] std::int64_t size() const { return size_; }
    [[nodiscard]] std::int64_t bytes() const { return size_ * static_cast<std::int64_t>(sizeof(T)); }

  private:
    void swap(DeviceArray& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

    T* data_ = nullptr;
    std::int64_t size_ = 0;
};

/// Page-locked host memory for `size` elements, for what a stream copies to the host. Uninitialised.
template <class T>
class PinnedArray {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    PinnedArray() = default;
    explicit PinnedArray(std::int64_t size)
        : data_(static_cast<T*>(allocate_pinned(size * static_cast<std::int64_t>(sizeof(T))))), size_(size) {}
    PinnedArray(PinnedArray&& other) noexcept { swap(other); }
    PinnedArray& operator=(PinnedArray&& other) noexcept {
        PinnedArray taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~PinnedArray() {
        if (data_) static_cast<void>(cudaFreeHost(data_));
    }

    [[nodiscard]] T* data() const { return data_; }
    [[nodiscard]] std::int64_t size() const { return size_; }
    T& operator[](std::int64_t i) const { return data_[i]; }

  private:
    void swap(PinnedArray& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

    T* data_ = nullptr;
    std::int64_t size_ = 0;
};

}  // namespace ntpgeo::device
