#include "kernels/update/update_cuda.cuh"

#include <cmath>
#include <port.cuh>
#include <type_traits>

#include "kernels/anchored_xent/operands_cuda.cuh"
#include "kernels/device/elementwise.cuh"
#include "kernels/random/philox.hpp"

namespace ntpgeo::update_cuda {
namespace operations {

using device::load;
using device::Pack;
using device::store;

template <class T>
struct FillNormal {
    Philox random;
    double scale;
    T* x;
    template <int width>
    __device__ void run(std::int64_t i) const {
        Pack<T, width> values;
        for (int k = 0; k < width; ++k)
            values.values[k] = static_cast<T>(scale * random.normal(static_cast<std::uint64_t>(i + k)));
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

/// Where there is no operand to write.
struct NoWriter {
    template <int width, class T>
    __device__ void write(std::int64_t, const Pack<T, width>&) const {}
};

// Updates; `writer` is a WordsWriter or NoWriter.

template <class T, class Writer>
struct Axpy {
    double a;
    const T* x;
    T* y;
    Writer writer;
    template <int width>
    __device__ void run(std::int64_t i) const {
        const auto from = load<width>(x + i);
        auto to = load<width>(y + i);
        for (int k = 0; k < width; ++k) to.values[k] = static_cast<T>(to.values[k] + a * from.values[k]);
        store(y + i, to);
        writer.write(i, to);
    }
};

template <class T, class Writer>
struct HeavyBall {
    double momentum, rate;
    const T* gradient;
    T* velocity;
    T* x;
    Writer writer;
    template <int width>
    __device__ void run(std::int64_t i) const {
        const auto g = load<width>(gradient + i);
        auto v = load<width>(velocity + i), p = load<width>(x + i);
        for (int k = 0; k < width; ++k) {
            const double speed = momentum * v.values[k] + g.values[k];
            v.values[k] = static_cast<T>(speed);
            p.values[k] = static_cast<T>(p.values[k] - rate * speed);
        }
        store(velocity + i, v);
        store(x + i, p);
        writer.write(i, p);
    }
};

template <class T, class Writer>
struct Adam {
    double beta1, beta2, epsilon;
    double rate, inverse_correction2, decay;
    const T* gradient;
    T* first_moment;
    T* second_moment;
    T* x;
    Writer writer;
    template <int width>
    __device__ void run(std::int64_t i) const {
        const auto g = load<width>(gradient + i);
        auto m = load<width>(first_moment + i), v = load<width>(second_moment + i), p = load<width>(x + i);
        for (int k = 0; k < width; ++k) {
            const double slope = g.values[k];
            const double mean = beta1 * m.values[k] + (1 - beta1) * slope;
            const double square = beta2 * v.values[k] + (1 - beta2) * slope * slope;
            m.values[k] = static_cast<T>(mean);
            v.values[k] = static_cast<T>(square);
            const double move = rate * mean / (std::sqrt(square * inverse_correction2) + epsilon);
            p.values[k] = static_cast<T>(p.values[k] - (decay * p.values[k] + move));
        }
        store(first_moment + i, m);
        store(second_moment + i, v);
        store(x + i, p);
        writer.write(i, p);
    }
};

}  // namespace operations

namespace {

template <class T>
constexpr int pack_width = static_cast<int>(16 / sizeof(T));

template <class T>
device::Start start(const T* address) {
    return {address, static_cast<std::int64_t>(sizeof(T))};
}

/// Calls `work` with the parameters' address and the writer of their operand.
template <class Work>
void with_parameters(const Parameters& parameters, const Work& work) {
    with_real(parameters.values.real, [&]<class T>(T) {
        T* const x = parameters.values.as<T>();
        const WordsOperand& operand = parameters.operand;
        if (!operand.data) return work(x, operations::NoWriter{});
        anchored_xent::cuda::with_arithmetic(operand.precision, [&]<class A>(A) {
            work(x, anchored_xent::cuda::WordsWriter<A>{static_cast<typename A::Operand*>(operand.data),
                                                        operand.words * operand.dim, operand.dim,
                                                        operand.padded_dim});
        });
    });
}

}  // namespace

void fill_normal(device::Device& device, Vector x, std::uint64_t seed, std::uint64_t stream, double scale) {
    with_real(x.real, [&]<class T>(T) {
        T* const data = x.as<T>();
        device::for_each_element<pack_width<T>>(
            device, operations::FillNormal<T>{Philox(seed, stream), scale, data}, x.size, {start(data)});
    });
}

void fill_zero(device::Device& device, Vector x) {
    if (x.size == 0) return;
    NTPGEO_CHECK(
        cudaMemsetAsync(x.data, 0, static_cast<std::size_t>(x.size * bytes_of(x.real)), device.stream()));
}

void copy(device::Device& device, Vector from, Vector to) {
    if (from.size == 0) return;
    if (from.real == to.real) {
        NTPGEO_CHECK(cudaMemcpyAsync(to.data, from.data,
                                     static_cast<std::size_t>(from.size * bytes_of(from.real)),
                                     cudaMemcpyDeviceToDevice, device.stream()));
        return;
    }
    with_real(from.real, [&]<class From>(From) {
        with_real(to.real, [&]<class To>(To) {
            if constexpr (!std::is_same_v<From, To>) {
                const From* const source = from.as<From>();
                To* const target = to.as<To>();
                device::for_each_element<4>(device, operations::Copy<From, To>{source, target}, from.size,
                                            {start(source), start(target)});
            }
        });
    });
}

void axpy(device::Device& device, double a, Vector x, Vector y) {
    descend(device, -a, x, {y, {}});
}

void scale(device::Device& device, double a, Vector x) {
    with_real(x.real, [&]<class T>(T) {
        T* const data = x.as<T>();
        device::for_each_element<pack_width<T>>(device, operations::Scale<T>{a, data}, x.size, {start(data)});
    });
}

void descend(device::Device& device, double rate, Vector gradient, const Parameters& parameters) {
    with_parameters(parameters, [&]<class T, class Writer>(T* x, Writer writer) {
        const T* const g = gradient.as<T>();
        device::for_each_element<pack_width<T>>(device, operations::Axpy<T, Writer>{-rate, g, x, writer},
                                                parameters.values.size, {start(g), start(x)});
    });
}

void heavy_ball(device::Device& device, double momentum, double rate, Vector gradient, Vector velocity,
                const Parameters& parameters) {
    with_parameters(parameters, [&]<class T, class Writer>(T* x, Writer writer) {
        const T* const g = gradient.as<T>();
        T* const v = velocity.as<T>();
        device::for_each_element<pack_width<T>>(
            device, operations::HeavyBall<T, Writer>{momentum, rate, g, v, x, writer}, parameters.values.size,
            {start(g), start(v), start(x)});
    });
}

void adam(device::Device& device, const AdamStep& step, Vector gradient, Vector first_moment,
          Vector second_moment, const Parameters& parameters) {
    with_parameters(parameters, [&]<class T, class Writer>(T* x, Writer writer) {
        const T* const g = gradient.as<T>();
        T* const m = first_moment.as<T>();
        T* const v = second_moment.as<T>();
        const operations::Adam<T, Writer> operation{step.beta1,
                                                    step.beta2,
                                                    step.epsilon,
                                                    step.learning_rate / step.correction1,
                                                    1 / step.correction2,
                                                    step.decay,
                                                    g,
                                                    m,
                                                    v,
                                                    x,
                                                    writer};
        device::for_each_element<pack_width<T>>(device, operation, parameters.values.size,
                                                {start(g), start(m), start(v), start(x)});
    });
}

}  // namespace ntpgeo::update_cuda
