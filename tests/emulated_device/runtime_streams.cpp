// cudaStream* and cudaEvent*, against the vendor's prototypes.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "devices.hpp"
#include "fault.hpp"
#include "streams.hpp"

using namespace emulated_device;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (flags > cudaStreamNonBlocking) return reported(cudaErrorInvalidValue);
    *stream = Streams::instance().create((flags & cudaStreamNonBlocking) == 0);
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
    return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (stream == nullptr) return reported(cudaErrorInvalidResourceHandle);
    Streams::instance().destroy(&Streams::instance().of(stream));
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    CUstream_st& stream = Streams::instance().of(handle);
    if (stream.capture != nullptr) {
        stream.capture->invalid = true;
        return reported(cudaErrorStreamCaptureUnsupported);
    }
    count(&Counts::synchronisations);
    Streams::instance().finish(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    CUstream_st& stream = Streams::instance().of(handle);
    if (stream.pending.empty()) return cudaSuccess;
    Streams::instance().step(stream);
    return cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned flags) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (flags != 0) fault("cudaStreamWaitEvent: flags are not emulated");
    CUstream_st& stream = Streams::instance().of(handle);
    if (event->capture != nullptr) {
        if (event->capture->ended) return reported(cudaErrorCapturedEvent);
        if (stream.capture == nullptr) {  // the stream joins the capture
            stream.capture = event->capture;
            stream.capture->streams.push_back(&stream);
            stream.last_nodes.clear();
        }
        if (stream.capture != event->capture) return reported(cudaErrorStreamCaptureMerge);
        stream.last_nodes.insert(stream.last_nodes.end(), event->nodes.begin(), event->nodes.end());
        return cudaSuccess;
    }
    if (stream.capture != nullptr) return reported(cudaErrorStreamCaptureIsolation);
    if (event->recorded == nullptr) return cudaSuccess;  // the vendor's rule for an event never recorded
    Operation wait{"cudaStreamWaitEvent", {}, {}, event->recorded};
    wait.request.kind = Request::Kind::nothing;
    return Streams::instance().submit(handle, std::move(wait));
}

cudaError_t cudaDeviceSynchronize() {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (Streams::instance().forbidden_by_capture()) return reported(cudaErrorStreamCaptureUnsupported);
    count(&Counts::synchronisations);
    Streams::instance().finish_all();
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if ((flags & ~unsigned{cudaEventBlockingSync | cudaEventDisableTiming}) != 0)
        fault("cudaEventCreateWithFlags: these flags are not emulated");
    *event = new CUevent_st{(flags & cudaEventDisableTiming) == 0, nullptr, nullptr, {}};
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete event;
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    CUstream_st& stream = Streams::instance().of(handle);
    event->capture = stream.capture;
    if (stream.capture != nullptr) {
        event->nodes = stream.last_nodes;
        return cudaSuccess;
    }
    const auto moment = std::make_shared<Moment>(Moment{&stream, false, {}});
    event->recorded = moment;
    const auto reach = [moment] {
        moment->reached = true;
        moment->when = std::chrono::steady_clock::now();
    };
    Operation record{"cudaEventRecord", {}, reach};
    record.request.kind = Request::Kind::nothing;
    return Streams::instance().submit(handle, std::move(record));
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (event->capture != nullptr) return reported(cudaErrorCapturedEvent);
    count(&Counts::synchronisations);
    if (event->recorded != nullptr) Streams::instance().finish(*event->recorded);
    return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    if (event->capture != nullptr) return reported(cudaErrorCapturedEvent);
    if (event->recorded == nullptr || event->recorded->reached) return cudaSuccess;
    Streams::instance().step(*event->recorded->stream);
    return cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
    const std::lock_guard lock(device_mutex());
    if (const cudaError_t error = why_unusable(); error != cudaSuccess) return reported(error);
    for (const cudaEvent_t event : {start, end})
        if (!event->timed || event->recorded == nullptr) return reported(cudaErrorInvalidResourceHandle);
    if (!start->recorded->reached || !end->recorded->reached) return reported(cudaErrorNotReady);
    *milliseconds =
        std::chrono::duration<float, std::milli>(end->recorded->when - start->recorded->when).count();
    return cudaSuccess;
}

}  // extern "C"
