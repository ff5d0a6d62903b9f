#include <cub/device/device_reduce.cuh>
#include <limits>
#include <port.cuh>

#include "kernels/device/device.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::device {
namespace operations {

/// Its order shows in no bit: the smaller of two numbers is one of them.
struct Smaller {
    __host__ __device__ double operator()(double a, double b) const { return b < a ? b : a; }
};

}  // namespace operations

// From infinity on: cub::DeviceReduce::Min begins with the largest finite number.
double fetch_minimum(Device& device, double* values, std::int64_t size) {
    double* const least = values + size;
    device.temporary().run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceReduce::Reduce(storage, bytes, values, least, size, operations::Smaller{},
                                         std::numeric_limits<double>::infinity(), device.stream());
    });
    return device.fetch(least);
}

}  // namespace ntpgeo::device
