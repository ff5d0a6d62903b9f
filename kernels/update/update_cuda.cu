#include "kernels/update/update.hpp"

#include <cmath>
#include <port.cuh>

#include "kernels/device/device.cuh"
#include "kernels/operands/operands.cuh"
#include "kernels/vectors/elementwise.cuh"

namespace ntpgeo::update_cuda {
namespace operations {

using device::load;
using device::Pack;
using device::store;

// `writer` is a WordsWriter or NoWriter.

struct VelocityItself {
    __device__ static double of(double velocity) { return velocity; }
};
struct VelocitySign {
    __device__ static double of(double velocity) { return velocity > 0 ? 1 : velocity < 0 ? -1 : velocity; }
};

/// v ← βv + g; x moves by −rate times the direction of v, before v is rounded.
template <class Direction, class T, class Writer>
struct VelocityStep {
    double beta, rate;
    const T* gradient;
    T* velocity;
    T* x;
    Writer writer;
    template <int width>
    __device__ void run(std::int64_t i) const {
        const auto g = load<width>(gradient + i);
        auto v = load<width>(velocity + i), p = load<width>(x + i);
        for (int k = 0; k < width; ++k) {
            const double speed = beta * v.values[k] + g.values[k];
            v.values[k] = static_cast<T>(speed);
            p.values[k] = static_cast<T>(p.values[k] - rate * Direction::of(speed));
        }
        store(velocity + i, v);
        store(x + i, p);
        writer.write(i, p);
    }
};

template <class T, class Writer>
struct Adam {
    AdamStep step;
    double rate, inverse_correction2;
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
            const double mean = step.beta1 * m.values[k] + (1 - step.beta1) * slope;
            const double square = step.beta2 * v.values[k] + (1 - step.beta2) * slope * slope;
            m.values[k] = static_cast<T>(mean);
            v.values[k] = static_cast<T>(square);
            const double move = rate * mean / (std::sqrt(square * inverse_correction2) + step.epsilon);
            p.values[k] = static_cast<T>(p.values[k] - (step.decay * p.values[k] + move));
        }
        store(first_moment + i, m);
        store(second_moment + i, v);
        store(x + i, p);
        writer.write(i, p);
    }
};

}  // namespace operations

namespace {

/// Calls `work` with the parameters' address and the writer of their operand.
template <class Work>
void with_parameters(const Parameters& parameters, const Work& work) {
    with_real(parameters.values.real, [&]<class T>(T) {
        T* const x = parameters.values.as<T>();
        const WordsOperand& operand = parameters.operand;
        if (!operand.data) return work(x, device::NoWriter{});
        operands::with_arithmetic(operand.precision, [&]<class A>(A) {
            work(x, operands::WordsWriter<A>{static_cast<typename A::Operand*>(operand.data),
                                             operand.words * operand.dim, operand.dim, operand.padded_dim});
        });
    });
}

template <class Direction>
void move_by_velocity(device::Device& device, double beta, double rate, Vector gradient, Vector velocity,
                      const Parameters& parameters) {
    with_parameters(parameters, [&]<class T, class Writer>(T* x, Writer writer) {
        const T* const g = gradient.as<T>();
        T* const v = velocity.as<T>();
        device::for_each_element<device::pack_width<T>>(
            device, operations::VelocityStep<Direction, T, Writer>{beta, rate, g, v, x, writer},
            parameters.values.size, {device::start(g), device::start(v), device::start(x)});
    });
}

}  // namespace

}  // namespace ntpgeo::update_cuda

namespace ntpgeo {
using namespace update_cuda;

void CudaUpdateOperations::descend(double rate, Vector gradient, const Parameters& parameters) {
    with_parameters(parameters, [&]<class T, class Writer>(T* x, Writer writer) {
        const T* const g = gradient.as<T>();
        device::for_each_element<device::pack_width<T>>(device_, device::Axpy<T, Writer>{-rate, g, x, writer},
                                                        parameters.values.size,
                                                        {device::start(g), device::start(x)});
    });
}

void CudaUpdateOperations::heavy_ball(double beta, double rate, Vector gradient, Vector velocity,
                                      const Parameters& parameters) {
    move_by_velocity<operations::VelocityItself>(device_, beta, rate, gradient, velocity, parameters);
}

void CudaUpdateOperations::sign_step(double beta, double rate, Vector gradient, Vector velocity,
                                     const Parameters& parameters) {
    move_by_velocity<operations::VelocitySign>(device_, beta, rate, gradient, velocity, parameters);
}

void CudaUpdateOperations::adam(const AdamStep& step, Vector gradient, Vector first_moment,
                                Vector second_moment, const Parameters& parameters) {
    with_parameters(parameters, [&]<class T, class Writer>(T* x, Writer writer) {
        const T* const g = gradient.as<T>();
        T* const m = first_moment.as<T>();
        T* const v = second_moment.as<T>();
        const operations::Adam<T, Writer> operation{
            step, step.learning_rate / step.correction1, 1 / step.correction2, g, m, v, x, writer};
        device::for_each_element<device::pack_width<T>>(
            device_, operation, parameters.values.size,
            {device::start(g), device::start(m), device::start(v), device::start(x)});
    });
}

}  // namespace ntpgeo
