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

bool allocations_run_out() {
    void *first = nullptr, *second = nullptr, *third = nullptr;
    bool right = cudaMalloc(&first, 8) == cudaSuccess && cudaMallocHost(&second, 8) == cudaSuccess &&
                 cudaMalloc(&third, 8) == cudaErrorMemoryAllocation && third == nullptr;
    right &= cudaFree(first) == cudaSuccess && cudaMalloc(&third, 8) == cudaErrorMemoryAllocation;
    return right && cudaFreeHost(second) == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess;
}

/// What was queued is never done, and nobody waits for it.
bool device_is_lost() {
    void *memory = nullptr, *more = nullptr;
    cudaStream_t stream = nullptr;
    cudaEvent_t event = nullptr;
    constexpr cudaError_t lost = cudaErrorIllegalAddress;
    bool right = cudaMalloc(&memory, 8) == cudaSuccess && cudaStreamCreate(&stream) == cudaSuccess &&
                 cudaEventCreate(&event) == cudaSuccess &&
                 cudaMemsetAsync(memory, 0, 8, stream) == cudaSuccess &&
                 cudaEventRecord(event, stream) == cudaSuccess;
    right &= cudaStreamSynchronize(stream) == lost && cudaEventQuery(event) == lost &&
             cudaEventSynchronize(event) == lost && cudaMalloc(&more, 8) == lost &&
             cudaMemsetAsync(memory, 0, 8, stream) == lost && cudaFree(memory) == lost &&
             cudaStreamDestroy(stream) == lost && cudaDeviceSynchronize() == lost;
    return right && more == nullptr && cudaEventDestroy(event) == cudaSuccess;
}

TEST(Runtime, MemoryEndsAfterSoManyAllocationsAndTheDeviceIsLostAfterSoManyCalls) {
    expect_in_child(allocations_run_out, {{"EMULATED_DEVICE_ALLOCATIONS", "2"}});
    for (const char* defer : {"never", "needed", "mixed"})
        expect_in_child(device_is_lost, {{"EMULATED_DEVICE_CALLS", "5"}, {"EMULATED_DEVICE_DEFER", defer}});
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

bool on_two_places() {
    char one[16] = {}, other[16] = {};
    return cudaDeviceGetPCIBusId(one, 16, 0) == cudaSuccess &&
           cudaDeviceGetPCIBusId(other, 16, 1) == cudaSuccess && std::string(one) != other &&
           cudaDeviceGetPCIBusId(one, 12, 0) == cudaErrorInvalidValue &&
           cudaDeviceGetPCIBusId(one, 16, 2) == cudaErrorInvalidDevice;
}

bool two_devices() {
    int count = 0, device = -1;
    cudaDeviceProp properties;
    return cudaGetDeviceCount(&count) == cudaSuccess && count == 2 && cudaSetDevice(1) == cudaSuccess &&
           cudaGetDevice(&device) == cudaSuccess && device == 1 &&
           cudaSetDevice(2) == cudaErrorInvalidDevice &&
           cudaGetDeviceProperties(&properties, 1) == cudaSuccess && properties.warpSize == 32 &&
           std::string(properties.name) == "emulated device 1" && on_two_places();
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
