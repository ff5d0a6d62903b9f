#include "kernels/vectors/vectors.hpp"

#include <port.cuh>
#include <type_traits>

#include "kernels/device/device.cuh"
#include "kernels/random/philox.hpp"
#include "kernels/vectors/elementwise.cuh"

namespace ntpgeo::vectors_cuda {
namespace operations {

using device::load;
using device::Pack;
using device::store;

template <class T>
struct FillNormal {
    Philox random;
    std::int64_t first;
    double scale;
    T* x;
    template <int width>
    __device__ void run(std::int64_t i) const {
        Pack<T, width> values;
        for (int k = 0; k < width; ++k)
            values.values[k] =
                static_cast<T>(scale * random.normal(static_cast<std::uint64_t>(first + i + k)));
        store(x + i, values);
    }
};

template <class From, class To>
struct Copy {
    const From* from;
    To* to;
    template <int width>
    __device__ void run(std::int64_t i) const {
        const auto source = load<width>(from + i);
        Pack<To, width> target;
        for (int k = 0; k < width; ++k) target.values[k] = static_cast<To>(source.values[k]);
        store(to + i, target);
    }
};

template <class T>
struct Scale {
    double a;
    T* x;
    template <int width>
    __device__ void run(std::int64_t i) const {
        auto values = load<width>(x + i);
        for (int k = 0; k < width; ++k) values.values[k] = static_cast<T>(a * values.values[k]);
        store(x + i, values);
    }
};

}  // namespace operations

}  // namespace ntpgeo::vectors_cuda

namespace ntpgeo {
using namespace vectors_cuda;

void CudaVectorOperations::fill_normal(Vector x, const Normals& normals, double scale) {
    with_real(x.real, [&]<class T>(T) {
        T* const data = x.as<T>();
        device::for_each_element<device::pack_width<T>>(
            device_,
            operations::FillNormal<T>{Philox(normals.seed, normals.stream), normals.first, scale, data},
            x.size, {device::start(data)});
    });
}

void CudaVectorOperations::fill_zero(Vector x) {
    if (x.size == 0) return;
    NTPGEO_CHECK(
        cudaMemsetAsync(x.data, 0, static_cast<std::size_t>(x.size * bytes_of(x.real)), device_.stream()));
}

void CudaVectorOperations::copy(Vector from, Vector to) {
    if (from.size == 0) return;
    if (from.real == to.real) {
        NTPGEO_CHECK(cudaMemcpyAsync(to.data, from.data,
                                     static_cast<std::size_t>(from.size * bytes_of(from.real)),
                                     cudaMemcpyDeviceToDevice, device_.stream()));
        return;
    }
    with_real(from.real, [&]<class From>(From) {
        with_real(to.real, [&]<class To>(To) {
            if constexpr (!std::is_same_v<From, To>) {
                const From* const source = from.as<From>();
                To* const target = to.as<To>();
                device::for_each_element<4>(device_, operations::Copy<From, To>{source, target}, from.size,
                                            {device::start(source), device::start(target)});
            }
        });
    });
}

void CudaVectorOperations::axpy(double a, Vector x, Vector y) {
    with_real(x.real, [&]<class T>(T) {
        const T* const from = x.as<T>();
        T* const to = y.as<T>();
        device::for_each_element<device::pack_width<T>>(device_,
                                                        device::Axpy<T, device::NoWriter>{a, from, to, {}},
                                                        x.size, {device::start(from), device::start(to)});
    });
}

void CudaVectorOperations::scale(double a, Vector x) {
    with_real(x.real, [&]<class T>(T) {
        T* const data = x.as<T>();
        device::for_each_element<device::pack_width<T>>(device_, operations::Scale<T>{a, data}, x.size,
                                                        {device::start(data)});
    });
}

}  // namespace ntpgeo
