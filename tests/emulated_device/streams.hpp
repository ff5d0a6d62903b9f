// Streams and events: the host queues operations, and a synchronisation does them, in an order that the seed
// decides among those that the program allows.
#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "requests.hpp"

namespace emulated_device {

/// Device memory that an operation uses.
struct DeviceRange {
    const void* start;
    std::size_t bytes;
};

/// A point in a stream's order that others wait for.
struct Moment {
    CUstream_st* stream;
    bool reached = false;
    std::chrono::steady_clock::time_point when;
};

/// Host memory that a copy reads or writes.
struct HostRange {
    const char* start = nullptr;
    std::size_t bytes = 0;

    [[nodiscard]] bool overlaps(const HostRange& other) const {
        return start < other.start + other.bytes && other.start < start + bytes;
    }
};

struct GraphNode;

struct Operation {
    std::string name;                     ///< for the line that a fault prints
    std::vector<DeviceRange> ranges;      ///< checked when it is queued and when it runs
    std::function<void()> run;            ///< may be empty
    std::shared_ptr<Moment> waits_for{};  ///< runs only after this; where set
    HostRange host_read{}, host_written{};
    std::function<void()> poison_host{};              ///< fills what it will write; where set
    std::shared_ptr<std::vector<GraphNode>> graph{};  ///< the nodes that it launches; where set
    Request request{};                                ///< what it is to the counts
};

/// An operation that a stream has captured, with the nodes that it comes after.
struct GraphNode {
    Operation operation;
    std::vector<std::size_t> after;
};

struct Capture {
    CUstream_st* origin;
    cudaStreamCaptureMode mode;
    std::vector<GraphNode> nodes;
    std::vector<CUstream_st*> streams;
    bool invalid = false, ended = false;
};

}  // namespace emulated_device

/// The vendor's opaque cudaStream_t and cudaEvent_t.
struct CUstream_st {
    int device = 0;
    bool blocking = true;  ///< in order with the legacy default stream
    std::deque<emulated_device::Operation> pending;
    std::shared_ptr<emulated_device::Capture> capture;
    std::vector<std::size_t> last_nodes;  ///< of the capture: what its next operation comes after
};

struct CUevent_st {
    bool timed = true;
    std::shared_ptr<emulated_device::Moment> recorded;
    std::shared_ptr<emulated_device::Capture> capture;  ///< where it was recorded last in a capture
    std::vector<std::size_t> nodes;
};

namespace emulated_device {

/// One for everything: the device does one thing at a time.
std::recursive_mutex& device_mutex();

/// Where nothing else is said, those of the device that the calling thread has selected: the others are other
/// ranks', which no call here waits for.
class Streams {
  public:
    static Streams& instance();

    CUstream_st* create(bool blocking);
    void destroy(CUstream_st* stream);
    /// The stream behind a handle (null is the legacy default stream); a fault where there is none.
    CUstream_st& of(cudaStream_t handle);

    /// Queues an operation, or adds it to the stream's capture. cudaErrorStreamCaptureImplicit where the
    /// legacy stream would join a capture.
    cudaError_t submit(cudaStream_t handle, Operation operation);

    /// Does what is pending in a stream, before a moment, or anywhere.
    void finish(CUstream_st& stream);
    void finish(const Moment& moment);
    void finish_all();
    /// Forgets what is pending: the device is lost.
    void abandon();
    /// One operation's progress, for those who poll.
    void step(CUstream_st& stream);

    [[nodiscard]] bool anything_pending();
    /// A call that a capture forbids: marks it invalid. Null where nothing is captured in a mode that forbids
    /// it.
    bool forbidden_by_capture();

  private:
    void poison_results(const Operation& operation);
    void poison_result(const Operation& operation, const Operation& queued);
    void step_needed(CUstream_st& stream);
    bool step_mixed();
    void run_head(CUstream_st& stream);
    /// Of all devices.
    template <class Visit>
    void each(Visit visit);
    template <class Visit>
    void each_here(Visit visit);
    CUstream_st& legacy();

    std::map<int, CUstream_st> legacy_;  // of each device
    std::vector<std::unique_ptr<CUstream_st>> created_;
};

/// Remembers an error for cudaGetLastError, and returns it.
cudaError_t reported(cudaError_t error);

/// Runs an operation with its memory checked, device memory open.
void perform(const Operation& operation);

}  // namespace emulated_device
