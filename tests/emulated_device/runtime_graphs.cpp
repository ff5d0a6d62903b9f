// Graphs by stream capture. A launch is one operation of its stream, which runs the nodes in a random order
// that their dependencies allow: an event wait that is missing in a capture shows as it would between
// streams.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <memory>

#include "devices.hpp"
#include "fault.hpp"
#include "graphs.hpp"
#include "settings.hpp"
#include "streams.hpp"

namespace emulated_device {
namespace {

using Nodes = std::vector<GraphNode>;

void run_in_random_order(const Nodes& nodes) {
    static Random random(3);
    std::vector<bool> done(nodes.size());
    for (std::size_t count = 0; count < nodes.size(); ++count) {
        std::vector<std::size_t> ready;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const auto& after = nodes[i].after;
            if (!done[i] && std::all_of(after.begin(), after.end(), [&](std::size_t k) { return done[k]; }))
                ready.push_back(i);
        }
        const std::size_t next = ready[random.below(ready.size())];
        perform(nodes[next].operation);
        done[next] = true;
    }
}

/// Every node is one that the origin's next operation would come after.
bool all_joined(const Capture& capture) {
    std::vector<bool> reached(capture.nodes.size());
    std::vector<std::size_t> open = capture.origin->last_nodes;
    while (!open.empty()) {
        const std::size_t node = open.back();
        open.pop_back();
        if (reached[node]) continue;
        reached[node] = true;
        open.insert(open.end(), capture.nodes[node].after.begin(), capture.nodes[node].after.end());
    }
    return std::all_of(reached.begin(), reached.end(), [](bool node) { return node; });
}

}  // namespace
}  // namespace emulated_device

using namespace emulated_device;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (handle == nullptr || handle == cudaStreamLegacy) return reported(cudaErrorStreamCaptureUnsupported);
    CUstream_st& stream = Streams::instance().of(handle);
    if (stream.capture != nullptr) return reported(cudaErrorIllegalState);
    stream.capture = std::make_shared<Capture>(Capture{&stream, mode, {}, {&stream}});
    stream.last_nodes.clear();
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
    const std::lock_guard lock(device_mutex());
    *graph = nullptr;
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    CUstream_st& stream = Streams::instance().of(handle);
    const std::shared_ptr<Capture> capture = stream.capture;
    if (capture == nullptr) return reported(cudaErrorIllegalState);
    if (capture->origin != &stream) return reported(cudaErrorStreamCaptureUnmatched);
    capture->ended = true;
    for (CUstream_st* member : capture->streams) member->capture = nullptr;
    if (capture->invalid) return reported(cudaErrorStreamCaptureInvalidated);
    if (!all_joined(*capture)) return reported(cudaErrorStreamCaptureUnjoined);
    *graph = new CUgraph_st{std::move(capture->nodes)};
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    const auto& capture = Streams::instance().of(handle).capture;
    *status = capture == nullptr ? cudaStreamCaptureStatusNone
              : capture->invalid ? cudaStreamCaptureStatusInvalidated
                                 : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
    if (flags != 0) fault("cudaGraphInstantiate: flags are not emulated");
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (!grants_allocation()) return reported(cudaErrorMemoryAllocation);
    count(&Counts::recordings);
    *executable = new CUgraphExec_st{graph->nodes};
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph,
                                          unsigned long long flags) {
    return cudaGraphInstantiate(executable, graph, flags);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (Streams::instance().of(handle).capture != nullptr)
        fault("the capture of a graph's launch is not emulated");
    const auto nodes = std::make_shared<Nodes>(executable->nodes);
    Operation launch{"a graph", {}, [nodes] { run_in_random_order(*nodes); }};
    launch.graph = nodes;
    return Streams::instance().submit(handle, std::move(launch));
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    delete executable;
    return cudaSuccess;
}

}  // extern "C"
