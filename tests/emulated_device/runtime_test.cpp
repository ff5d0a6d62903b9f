// Statuses of the emulated runtime: memory that runs out, configurations, captures, events, devices.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <string>

#include "child.hpp"
#include "programs.hpp"

namespace {

void expect_in_child(bool (*program)(), const Environment& environment) {
    const Outcome outcome = run_in_child(program, environment);
    EXPECT_EQ(outcome.exit_status, 0) << outcome.error;
}

bool memory_runs_out() {
    void *first = nullptr, *second = nullptr;
    std::size_t available = 0, total = 0;
    bool right =
        cudaMalloc(&first, 700) == cudaSuccess && cudaMalloc(&second, 300) == cudaErrorMemoryAllocation;
    right &= second == nullptr && cudaGetLastError() == cudaErrorMemoryAllocation &&
             cudaGetLastError() == cudaSuccess;
    right &= cudaMemGetInfo(&available, &total) == cudaSuccess && total == 1000 && available == 1000 - 768;
    right &= cudaFree(first) == cudaSuccess && cudaMalloc(&second, 300) == cudaSuccess;
    return right && cudaFree(second) == cudaSuccess;
}

TEST(Runtime, MemoryRunsOut) {
    expect_in_child(memory_runs_out, {{"EMULATED_DEVICE_MEMORY", "1000"}});
}

bool no_device() {
    int count = -1, version = -1;
    void* memory = nullptr;
    cudaStream_t stream = nullptr;
    return cudaGetDeviceCount(&count) == cudaErrorNoDevice && count == 0 &&
           cudaSetDevice(0) == cudaErrorNoDevice && cudaMalloc(&memory, 8) == cudaErrorNoDevice &&
           cudaStreamCreate(&stream) == cudaErrorNoDevice && cudaDriverGetVersion(&version) == cudaSuccess &&
           version == 0;
}

bool two_devices() {
    int count = 0, device = -1;
    cudaDeviceProp properties;
    return cudaGetDeviceCount(&count) == cudaSuccess && count == 2 && cudaSetDevice(1) == cudaSuccess &&
           cudaGetDevice(&device) == cudaSuccess && device == 1 &&
           cudaSetDevice(2) == cudaErrorInvalidDevice &&
           cudaGetDeviceProperties(&properties, 1) == cudaSuccess && properties.warpSize == 32 &&
           std::string(properties.name) == "emulated device 1";
}

TEST(Runtime, Devices) {
    expect_in_child(no_device, {{"EMULATED_DEVICE_COUNT", "0"}});
    expect_in_child(two_devices, {{"EMULATED_DEVICE_COUNT", "2"}});
}

TEST(Runtime, LaunchesRefused) {
    expect_in_child(programs::launches_refused, {});
}

bool captures() {
    cudaStream_t stream = nullptr, other = nullptr;
    cudaEvent_t event = nullptr;
    cudaGraph_t graph = nullptr;
    void* memory = nullptr;
    const auto begin = [&] {
        return cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess;
    };
    bool right = cudaMalloc(&memory, 8) == cudaSuccess && cudaStreamCreate(&stream) == cudaSuccess &&
                 cudaStreamCreate(&other) == cudaSuccess && cudaEventCreate(&event) == cudaSuccess;
    // A synchronisation, and an allocation, spoil the capture.
    right &= begin() && cudaStreamSynchronize(stream) == cudaErrorStreamCaptureUnsupported &&
             cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureInvalidated && graph == nullptr;
    void* more = nullptr;
    right &= begin() && cudaMalloc(&more, 8) == cudaErrorStreamCaptureUnsupported &&
             cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureInvalidated;
    // A branch that nothing joins.
    right &= begin() && cudaEventRecord(event, stream) == cudaSuccess &&
             cudaStreamWaitEvent(other, event, 0) == cudaSuccess &&
             cudaMemsetAsync(memory, 0, 8, other) == cudaSuccess &&
             cudaStreamEndCapture(stream, &graph) == cudaErrorStreamCaptureUnjoined;
    right &= cudaStreamEndCapture(stream, &graph) == cudaErrorIllegalState;
    return right && cudaFree(memory) == cudaSuccess;
}

bool events() {
    cudaEvent_t timed = nullptr, untimed = nullptr, later = nullptr;
    float milliseconds = 0;
    cudaStream_t stream = nullptr;
    bool right = cudaStreamCreate(&stream) == cudaSuccess && cudaEventCreate(&timed) == cudaSuccess &&
                 cudaEventCreate(&later) == cudaSuccess &&
                 cudaEventCreateWithFlags(&untimed, cudaEventDisableTiming) == cudaSuccess;
    right &= cudaEventElapsedTime(&milliseconds, timed, later) == cudaErrorInvalidResourceHandle;
    right &= cudaEventRecord(timed, stream) == cudaSuccess && cudaEventRecord(later, stream) == cudaSuccess;
    right &= cudaEventElapsedTime(&milliseconds, timed, later) == cudaErrorNotReady;
    right &= cudaEventSynchronize(later) == cudaSuccess &&
             cudaEventElapsedTime(&milliseconds, timed, later) == cudaSuccess && milliseconds >= 0;
    right &= cudaEventRecord(untimed, stream) == cudaSuccess &&
             cudaEventElapsedTime(&milliseconds, timed, untimed) == cudaErrorInvalidResourceHandle;
    return right && cudaStreamDestroy(stream) == cudaSuccess;
}

TEST(Runtime, CapturesAndEvents) {
    expect_in_child(captures, {{"EMULATED_DEVICE_DEFER", "needed"}});
    expect_in_child(events, {{"EMULATED_DEVICE_DEFER", "needed"}});
}

TEST(Runtime, NamesItsErrors) {
    EXPECT_STREQ(cudaGetErrorName(cudaErrorMemoryAllocation), "cudaErrorMemoryAllocation");
    EXPECT_STREQ(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
}

}  // namespace
