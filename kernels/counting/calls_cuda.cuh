// Device-wide calls as the steps of counting make them, and what they hand to each other.
#pragma once

#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/system/cuda/execution_policy.h>
#include <algorithm>
#include <bit>
#include <cstdint>
#include <port.cuh>
#include <vector>

#include "kernels/counting/windows_cuda.cuh"
#include "kernels/device/device.cuh"

namespace ntpgeo::counting_cuda {

template <class T>
using Array = device::DeviceArray<T>;

/// Distinct entries (context, next token), ascending, with their counts.
struct Run {
    Array<operations::Key> entries, counts;
    std::int64_t size = 0;
};

/// Bits that tell so many values apart.
inline std::int32_t bits_for(std::int64_t values) {
    return std::max(1, static_cast<std::int32_t>(std::bit_width(static_cast<std::uint64_t>(values - 1))));
}

template <class Function>
auto by_place(operations::Place first, const Function& function) {
    return thrust::make_transform_iterator(thrust::make_counting_iterator<operations::Place>(first),
                                           function);
}

/// A base of the steps: calls on the device's stream, and a place for what they count.
class Calls {
  public:
    explicit Calls(device::Device& device) : device_(device) {}

  protected:
    [[nodiscard]] auto policy() const { return thrust::cuda::par_nosync.on(device_.stream()); }
    /// Queues call(storage, bytes, stream), a call of CUB.
    template <class Call>
    void run(const Call& call) {
        device_.temporary().run(
            [&](void* storage, std::size_t& bytes) { return call(storage, bytes, device_.stream()); });
    }
    [[nodiscard]] std::int64_t found() const { return device_.fetch(found_.data()); }
    template <class T>
    [[nodiscard]] std::vector<T> download(const T* from, std::int64_t size) const {
        std::vector<T> values(static_cast<std::size_t>(size));
        NTPGEO_CHECK(cudaMemcpyAsync(values.data(), from, values.size() * sizeof(T), cudaMemcpyDeviceToHost,
                                     device_.stream()));
        device_.synchronise();
        return values;
    }

    device::Device& device_;
    Array<std::int64_t> found_{1};
};

}  // namespace ntpgeo::counting_cuda
