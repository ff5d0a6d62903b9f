// One GPU as this process uses it.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cusolverDn.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "kernels/device/machines.hpp"
#include "kernels/device/runtime.cuh"
#include "kernels/device/temporary.cuh"

namespace ntpgeo::device {

/// Why `status` of cudaGetDeviceCount leaves no GPU: one clause without a full stop.
std::string why_no_device(cudaError_t status);

/// A GPU with one stream and the library handles that work on it, in their default modes: a product is made
/// in the precision that it asks for, unless the process's environment says otherwise (host/run/device.cpp
/// refuses that). All work of a backend goes through that stream, so it runs in the order in which it is
/// queued. To be used from one thread at a time, which has selected the GPU.
class Device {
  public:
    /// Selects GPU `index`. Throws InputError where there is none, where its compute capability is below 8.0,
    /// or where this program holds no code for it.
    explicit Device(int index);
    /// The same on a caller's stream of that GPU, which outlives it. The GPU stays selected.
    Device(int index, cudaStream_t borrowed);
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    /// Waits for what is queued.
    ~Device();

    [[nodiscard]] int index() const { return index_; }
    [[nodiscard]] cudaStream_t stream() const { return stream_.get(); }
    /// With a workspace of its own, so that no call allocates and the bits do not depend on other streams.
    [[nodiscard]] cublasHandle_t cublas() const { return cublas_; }
    /// Bytes of that workspace, and of any that takes its place (CublasElsewhere).
    [[nodiscard]] std::int64_t cublas_workspace_bytes() const { return workspace_.size(); }
    /// Made at the first call.
    [[nodiscard]] cusolverDnHandle_t cusolver();
    [[nodiscard]] int multiprocessors() const { return multiprocessors_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::int64_t free_memory() const;                ///< bytes
    [[nodiscard]] std::int64_t memory() const { return memory_; }  ///< bytes in all
    /// What plans take it for.
    [[nodiscard]] Machine machine() const {
        return machine_like(name_, multiprocessors_, static_cast<double>(cache_bytes_));
    }
    void synchronise() const { stream_.synchronise(); }

    /// Memory that operations share for the length of one call: the next call that asks may get the same.
    /// Waits for the stream where it has to grow.
    template <class T>
    [[nodiscard]] T* scratch(std::int64_t size) {
        return reinterpret_cast<T*>(scratch_bytes(size * static_cast<std::int64_t>(sizeof(T))));
    }
    /// Partial results of a reduction, `most_partials` and four, for the length of one call: where `scratch`
    /// may move, this stays, so that recorded work may use it.
    static constexpr std::int64_t most_partials = 1024;
    [[nodiscard]] double* partials() const { return partials_.data(); }

    /// What device-wide calls on the stream work in, apart from `scratch`, which may hold what they read.
    [[nodiscard]] TemporaryStorage& temporary() { return temporary_; }
    /// One number from device memory, once everything queued before has run.
    template <class T>
    [[nodiscard]] T fetch(const T* address) const {
        static_assert(sizeof(T) <= sizeof(double));
        NTPGEO_CHECK(cudaMemcpyAsync(landing_.data(), address, sizeof(T), cudaMemcpyDeviceToHost, stream()));
        synchronise();
        T value;
        std::memcpy(&value, landing_.data(), sizeof(T));
        return value;
    }

  private:
    friend class CublasElsewhere;
    Device(int index, std::optional<cudaStream_t> borrowed);
    /// What cuBLAS works on and in. Never waits.
    void bind_cublas(cudaStream_t stream, void* workspace);
    /// Selects the GPU before any member that needs it is made; returns its index.
    static int select(int index);
    unsigned char* scratch_bytes(std::int64_t bytes);

    int index_;
    std::string name_;
    int multiprocessors_ = 0, cache_bytes_ = 0;
    std::int64_t memory_ = 0;
    Stream stream_;
    DeviceArray<unsigned char> workspace_;  // cuBLAS's
    DeviceArray<unsigned char> scratch_;
    DeviceArray<double> partials_{most_partials + 4};
    TemporaryStorage temporary_{stream_};
    PinnedArray<double> landing_{1};
    cublasHandle_t cublas_ = nullptr;
    cusolverDnHandle_t cusolver_ = nullptr;
};

/// The device's cuBLAS on another stream, in a workspace there (cublas_workspace_bytes, on a boundary of
/// 256), as long as this lives: with the workspace goes whatever two calls at once could share.
class CublasElsewhere {
  public:
    CublasElsewhere(Device& device, cudaStream_t stream, void* workspace);
    CublasElsewhere(const CublasElsewhere&) = delete;
    CublasElsewhere& operator=(const CublasElsewhere&) = delete;
    ~CublasElsewhere();

  private:
    Device& device_;
};

}  // namespace ntpgeo::device
