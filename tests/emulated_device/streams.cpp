#include "streams.hpp"

#include "devices.hpp"

#include <algorithm>

#include "arena.hpp"
#include "fault.hpp"
#include "pinned.hpp"
#include "settings.hpp"

namespace emulated_device {
namespace {

bool can_run(const CUstream_st& stream) {
    if (stream.pending.empty()) return false;
    const auto& moment = stream.pending.front().waits_for;
    return moment == nullptr || moment->reached;
}

void check_memory(const Operation& operation) {
    for (const DeviceRange& range : operation.ranges)
        Arena::instance().require(range.start, range.bytes, operation.name);
}

bool reads(const Operation& operation, const HostRange& range) {
    if (operation.graph == nullptr) return operation.host_read.overlaps(range);
    return std::any_of(operation.graph->begin(), operation.graph->end(),
                       [&](const GraphNode& node) { return node.operation.host_read.overlaps(range); });
}

void capture(CUstream_st& stream, Operation operation) {
    // A wait or a record is no node of its own: it moves the stream's last nodes (runtime_events.cpp).
    Capture& capture = *stream.capture;
    capture.nodes.push_back({std::move(operation), stream.last_nodes});
    stream.last_nodes = {capture.nodes.size() - 1};
}

}  // namespace

std::recursive_mutex& device_mutex() {
    static auto* const mutex = new std::recursive_mutex;
    return *mutex;
}

void perform(const Operation& operation) {
    check_memory(operation);
    if (!operation.run) return;
    const DeviceWorks works;
    operation.run();
    Arena::instance().check_guards(operation.name);
}

Streams& Streams::instance() {
    static auto* const streams = new Streams;
    return *streams;
}

CUstream_st* Streams::create(bool blocking) {
    created_.push_back(std::make_unique<CUstream_st>());
    created_.back()->blocking = blocking;
    created_.back()->device = selected_device();
    return created_.back().get();
}

void Streams::destroy(CUstream_st* stream) {
    finish(*stream);
    std::erase_if(created_, [=](const auto& other) { return other.get() == stream; });
}

CUstream_st& Streams::of(cudaStream_t handle) {
    if (handle == nullptr || handle == cudaStreamLegacy) return legacy();
    if (handle == cudaStreamPerThread) fault("cudaStreamPerThread is not emulated");
    for (const auto& stream : created_)
        if (stream.get() == handle) return *stream;
    fault(hexadecimal(handle) + " is no stream, or no longer one");
}

template <class Visit>
void Streams::each(Visit visit) {
    for (auto& [device, stream] : legacy_) visit(stream);
    for (const auto& stream : created_) visit(*stream);
}

template <class Visit>
void Streams::each_here(Visit visit) {
    legacy();
    each([&](CUstream_st& stream) {
        if (stream.device == selected_device()) visit(stream);
    });
}

CUstream_st& Streams::legacy() {
    CUstream_st& stream = legacy_[selected_device()];
    stream.device = selected_device();
    return stream;
}

cudaError_t Streams::submit(cudaStream_t handle, Operation operation) {
    CUstream_st& stream = of(handle);
    check_memory(operation);
    operation.request.region = current_region();
    if (stream.capture != nullptr) {
        capture(stream, std::move(operation));
        return cudaSuccess;
    }
    if (&stream == &legacy()) {
        bool implicit = false;
        each_here([&](CUstream_st& other) {
            if (!other.blocking || &other == &stream) return;
            implicit |= other.capture != nullptr;
            finish(other);
        });
        if (implicit) return reported(cudaErrorStreamCaptureImplicit);
    } else if (stream.blocking) {
        finish(legacy());
    }
    count(operation);
    if (settings().defer != Defer::never) poison_results(operation);
    stream.pending.push_back(std::move(operation));
    if (settings().defer == Defer::never) finish(stream);
    return cudaSuccess;
}

/// Reading a result before the synchronisation shows: until then it is poison, unless something that is to
/// run before still reads the old values there.
void Streams::poison_results(const Operation& operation) {
    if (operation.graph == nullptr) return poison_result(operation, operation);
    for (const GraphNode& node : *operation.graph) poison_result(node.operation, operation);
}

void Streams::poison_result(const Operation& operation, const Operation& queued) {
    if (!operation.poison_host || used_by_kernels(operation.host_written.start)) return;
    bool still_read = reads(queued, operation.host_written);
    each([&](const CUstream_st& stream) {
        for (const Operation& pending : stream.pending) still_read |= reads(pending, operation.host_written);
    });
    if (!still_read) operation.poison_host();
}

void Streams::run_head(CUstream_st& stream) {
    const Operation operation = std::move(stream.pending.front());
    stream.pending.pop_front();
    perform(operation);
}

void Streams::step_needed(CUstream_st& stream) {
    if (can_run(stream)) {
        run_head(stream);
    } else {
        step_needed(*stream.pending.front().waits_for->stream);  // a record stands before the wait for it
    }
}

bool Streams::step_mixed() {
    static Random random(2);
    std::vector<CUstream_st*> ready;
    each([&](CUstream_st& stream) {
        if (can_run(stream)) ready.push_back(&stream);
    });
    if (ready.empty()) return false;
    run_head(*ready[random.below(ready.size())]);
    return true;
}

void Streams::step(CUstream_st& stream) {
    if (stream.pending.empty()) return;
    if (settings().defer == Defer::mixed) {
        step_mixed();
    } else {
        step_needed(stream);
    }
}

void Streams::finish(CUstream_st& stream) {
    const DeviceWorks works;
    while (!stream.pending.empty()) step(stream);
}

void Streams::finish(const Moment& moment) {
    const DeviceWorks works;
    while (!moment.reached) step(*moment.stream);
}

void Streams::finish_all() {
    each_here([&](CUstream_st& stream) { finish(stream); });
}

void Streams::abandon() {
    each([](CUstream_st& stream) { stream.pending.clear(); });
}

bool Streams::anything_pending() {
    bool pending = false;
    each_here([&](const CUstream_st& stream) { pending |= !stream.pending.empty(); });
    return pending;
}

bool Streams::forbidden_by_capture() {
    bool forbidden = false;
    each_here([&](CUstream_st& stream) {
        if (stream.capture == nullptr || stream.capture->mode == cudaStreamCaptureModeRelaxed) return;
        stream.capture->invalid = true;
        forbidden = true;
    });
    return forbidden;
}

}  // namespace emulated_device
