// What the emulator's own test programs stand on: arrays, streams, a check of every status.
#pragma once

#include <port.cuh>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace programs {

/// A status that a program does not expect ends the process with exit status 3.
inline void ok(cudaError_t status) {
    if (status == cudaSuccess) return;
    std::fprintf(stderr, "unexpected status %s\n", cudaGetErrorName(status));
    std::_Exit(3);
}

struct Stream {
    cudaStream_t handle = nullptr;

    Stream() { ok(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking)); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { ok(cudaStreamDestroy(handle)); }
    void finish() const { ok(cudaStreamSynchronize(handle)); }
};

template <class T>
struct Array {
    T* data = nullptr;
    std::int64_t size;

    explicit Array(std::int64_t count) : size(count) { ok(cudaMalloc(&data, bytes())); }
    Array(const std::vector<T>& values, const Stream& stream)
        : Array(static_cast<std::int64_t>(values.size())) {
        ok(cudaMemcpyAsync(data, values.data(), bytes(), cudaMemcpyHostToDevice, stream.handle));
    }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    ~Array() { ok(cudaFree(data)); }

    [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(size) * sizeof(T); }
    [[nodiscard]] std::vector<T> now(const Stream& stream) const {
        std::vector<T> values(static_cast<std::size_t>(size));
        ok(cudaMemcpyAsync(values.data(), data, bytes(), cudaMemcpyDeviceToHost, stream.handle));
        stream.finish();
        return values;
    }
};

}  // namespace programs
