// Streams, events and captured graphs, released with their owners.
#pragma once

#include <cuda_runtime.h>

#include <utility>

#include "kernels/device/status.cuh"

namespace ntpgeo::device {

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
