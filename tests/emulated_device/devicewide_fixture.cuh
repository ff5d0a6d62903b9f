// What the test programs of CUB and Thrust stand on: inputs on the device, temporary storage, one policy.
#pragma once

#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/system/cuda/execution_policy.h>
#include <cub/device/device_reduce.cuh>
#include <port.cuh>

#include <cmath>
#include <cstdint>
#include <vector>

#include "program_tools.cuh"

namespace programs::devicewide {

struct Product {
    const double *x, *y;
    __host__ __device__ double operator()(std::int64_t i) const { return x[i] * y[i]; }
};
struct Square {
    __host__ __device__ double operator()(double x) const { return x * x; }
};
struct IsOdd {
    __host__ __device__ bool operator()(unsigned x) const { return x % 2 != 0; }
};

constexpr std::int64_t n = 1000;

inline bool close(double a, double b) {
    return std::abs(a - b) < 1e-11;
}

/// The temporary storage of device-wide calls on one stream: it grows to the largest, which no capture
/// allows.
class Temporary {
  public:
    explicit Temporary(const Stream& stream) : stream_(stream) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() { ok(cudaFree(storage_)); }

    /// Runs `call(storage, bytes)` in its two phases; its status where one of them fails.
    template <class Call>
    cudaError_t run(const Call& call) {
        std::size_t needed = 0;
        ok(call(nullptr, needed));
        if (needed > bytes_) {
            if (cudaStreamSynchronize(stream_.handle) != cudaSuccess)
                return cudaErrorStreamCaptureUnsupported;
            ok(cudaFree(storage_));
            ok(cudaMalloc(&storage_, needed));
            bytes_ = needed;
        }
        return call(storage_, needed);
    }

  private:
    const Stream& stream_;
    void* storage_ = nullptr;
    std::size_t bytes_ = 0;
};

/// n numbers of each kind, on both sides.
struct Fixture {
    Stream stream;
    Temporary temporary{stream};
    std::vector<unsigned> host = integers();
    std::vector<double> host_x = numbers([](unsigned i) { return std::sin(i); });
    std::vector<double> host_y = numbers([](unsigned i) { return std::cos(3 * i); });
    Array<unsigned> keys{host, stream}, more{n};
    Array<double> x{host_x, stream}, y{host_y, stream}, sum{4};
    Array<std::int64_t> count{1};

    template <class In>
    [[nodiscard]] cudaError_t add(In in, std::int64_t size = n) {
        return temporary.run([&](void* storage, std::size_t& bytes) {
            return cub::DeviceReduce::Sum(storage, bytes, in, sum.data, size, stream.handle);
        });
    }
    template <class In>
    double total(In in) {
        ok(add(in));
        return sum.now(stream)[0];
    }
    [[nodiscard]] auto policy() const { return thrust::cuda::par_nosync.on(stream.handle); }
    [[nodiscard]] auto products() const {
        return thrust::make_transform_iterator(thrust::make_counting_iterator<std::int64_t>(0),
                                               Product{x.data, y.data});
    }

  private:
    static std::vector<unsigned> integers() {
        std::vector<unsigned> values;
        for (unsigned i = 0; i < n; ++i) values.push_back(i * 2654435761U >> 20);
        return values;
    }
    template <class Function>
    static std::vector<double> numbers(const Function& function) {
        std::vector<double> values;
        for (unsigned i = 0; i < n; ++i) values.push_back(function(i));
        return values;
    }
};

}  // namespace programs::devicewide
