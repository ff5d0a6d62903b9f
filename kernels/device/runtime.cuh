// The CUDA runtime as the backend uses it: every status of it, of cuBLAS and of cuSOLVER goes through
// NTPGEO_CHECK; device and page-locked memory, streams, events and captured graphs are released with their
// owners.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cusolverDn.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "kernels/base/status.hpp"

namespace ntpgeo::device {

/// Where a checked call stands and how it reads.
struct CallSite {
    const char* expression;
    const char* file;
    int line;
};

/// Return where the call succeeded. Otherwise throw Failure with one line: the expression, file, line and the
/// library's words; OutOfDeviceMemory where memory was what lacked, LostDevice where no call will succeed any
/// more.
void check(cudaError_t status, const CallSite& site);
void check(cublasStatus_t status, const CallSite& site);
void check(cusolverStatus_t status, const CallSite& site);

/// Throws Failure where a cuSOLVER routine reported `info` ≠ 0: an argument it refused (negative) or a
/// decomposition that did not converge (positive).
void check_info(int info, const char* routine);

}  // namespace ntpgeo::device

#define NTPGEO_CHECK(expression) \
    ::ntpgeo::device::check((expression), ::ntpgeo::device::CallSite{#expression, __FILE__, __LINE__})

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

/// A queue of device work that does not wait for the default stream.
class Stream {
  public:
    Stream() { NTPGEO_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { static_cast<void>(cudaStreamDestroy(stream_)); }

    [[nodiscard]] cudaStream_t get() const { return stream_; }
    void synchronise() const { NTPGEO_CHECK(cudaStreamSynchronize(stream_)); }

  private:
    cudaStream_t stream_ = nullptr;
};

/// A point in a stream that others wait for; it measures no time.
class Event {
  public:
    Event() { NTPGEO_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming)); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { static_cast<void>(cudaEventDestroy(event_)); }

    void record(cudaStream_t stream) const { NTPGEO_CHECK(cudaEventRecord(event_, stream)); }
    /// Work queued on `stream` from here on starts after the recorded point.
    void hold_back(cudaStream_t stream) const { NTPGEO_CHECK(cudaStreamWaitEvent(stream, event_, 0)); }
    void synchronise() const { NTPGEO_CHECK(cudaEventSynchronize(event_)); }
    /// Whether the device has come to the recorded point.
    [[nodiscard]] bool reached() const {
        const cudaError_t status = cudaEventQuery(event_);
        if (status == cudaErrorNotReady) return false;
        NTPGEO_CHECK(status);
        return true;
    }

  private:
    cudaEvent_t event_ = nullptr;
};

/// Device work recorded once and queued many times at the price of one launch. Addresses and host scalars are
/// those of the recording; the memory must outlive the graph.
class Graph {
  public:
    Graph() = default;
    /// Records what `work` queues on `stream` (which executes nothing meanwhile). `work` may neither
    /// synchronise nor allocate; where it throws, the recording is dropped.
    template <class Work>
    Graph(cudaStream_t stream, Work&& work) {
        NTPGEO_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
        cudaGraph_t graph = nullptr;
        try {
            work();
        } catch (...) {
            static_cast<void>(cudaStreamEndCapture(stream, &graph));
            if (graph) static_cast<void>(cudaGraphDestroy(graph));
            throw;
        }
        NTPGEO_CHECK(cudaStreamEndCapture(stream, &graph));
        const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
        static_cast<void>(cudaGraphDestroy(graph));
        NTPGEO_CHECK(status);
    }
    Graph(Graph&& other) noexcept { std::swap(executable_, other.executable_); }
    Graph& operator=(Graph&& other) noexcept {
        Graph taken(std::move(other));
        std::swap(executable_, taken.executable_);
        return *this;
    }
    ~Graph() {
        if (executable_) static_cast<void>(cudaGraphExecDestroy(executable_));
    }

    [[nodiscard]] bool empty() const { return executable_ == nullptr; }
    void launch(cudaStream_t stream) const { NTPGEO_CHECK(cudaGraphLaunch(executable_, stream)); }

  private:
    cudaGraphExec_t executable_ = nullptr;
};

}  // namespace ntpgeo::device
