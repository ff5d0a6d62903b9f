#include "kernels/update/update.hpp"

#include <algorithm>
#include <cmath>
#include <port.cuh>

#include "kernels/device/device.cuh"
#include "kernels/operands/operands.cuh"
#include "kernels/vectors/elementwise.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::update_cuda {
namespace operations {

using device::load;
using device::Pack;
using device::store;

// `writer` is a WordsWriter or NoWriter. Every thread reads the numbers itself.

/// x ← x − rate·(scale·g).
template <class T, class Writer>
struct Descend {
    const UpdateNumbers* numbers;
    const T* gradient;
    T* x;
    Writer writer;
    template <int width>
    __device__ void run(std::int64_t i) const {
        if (numbers->stopped) return;
        const double rate = numbers->rate, scale = numbers->gradient_scale;
        const auto g = load<width>(gradient + i);
        auto p = load<width>(x + i);
        for (int k = 0; k < width; ++k)
            p.values[k] = static_cast<T>(p.values[k] - rate * (scale * g.values[k]));
        store(x + i, p);
        writer.write(i, p);
    }
};

struct VelocityItself {
    __device__ static double of(double velocity) { return velocity; }
};
struct VelocitySign {
    __device__ static double of(double velocity) { return velocity > 0 ? 1 : velocity < 0 ? -1 : velocity; }
};

/// v ← βv + g; x moves by −rate times the direction of v, before v is rounded.
template <class Direction, class T, class Writer>
struct VelocityStep {
    const UpdateNumbers* numbers;
    double beta;
    const T* gradient;
    T* velocity;
    T* x;
    Writer writer;
    template <int width>
    __device__ void run(std::int64_t i) const {
        if (numbers->stopped) return;
        const double rate = numbers->rate;
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
    const UpdateNumbers* numbers;
    AdamSettings settings;
    const T* gradient;
    T* first_moment;
    T* second_moment;
    T* x;
    Writer writer;
    template <int width>
    __device__ void run(std::int64_t i) const {
        if (numbers->stopped) return;
        const double rate = numbers->rate / numbers->correction1, decay = numbers->rate * numbers->decay;
        const double inverse_correction2 = 1 / numbers->correction2;
        const auto g = load<width>(gradient + i);
        auto m = load<width>(first_moment + i), v = load<width>(second_moment + i), p = load<width>(x + i);
        for (int k = 0; k < width; ++k) {
            const double slope = g.values[k];
            const double mean = settings.beta1 * m.values[k] + (1 - settings.beta1) * slope;
            const double square = settings.beta2 * v.values[k] + (1 - settings.beta2) * slope * slope;
            m.values[k] = static_cast<T>(mean);
            v.values[k] = static_cast<T>(square);
            const double move = rate * mean / (std::sqrt(square * inverse_correction2) + settings.epsilon);
            p.values[k] = static_cast<T>(p.values[k] - (decay * p.values[k] + move));
        }
        store(first_moment + i, m);
        store(second_moment + i, v);
        store(x + i, p);
        writer.write(i, p);
    }
};

}  // namespace operations

namespace kernels {

__global__ void begin_update(UpdateSchedule schedule, UpdateNumbers* numbers) {
    ntpgeo::begin_update(schedule, *numbers);
}

__global__ void judge_update(const double* value, UpdateNumbers* numbers, UpdateStatus* status) {
    ntpgeo::judge_update(*value, *numbers, *status);
}

/// partial[block] = Σ (2⁶⁰⁰·x_i)² over the block's elements, where *square says that squares have
/// underflowed.
__global__ void far_square_partials(const double* x, std::int64_t size, const double* square,
                                    double* partial) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    double sum = 0;
    if (*square < underflown_square)
        for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < size;
             i += std::int64_t{gridDim.x} * blockDim.x)
            sum = std::fma(far_up * x[i], far_up * x[i], sum);
    sum = device::block_sum(sum, scratch);
    if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

__global__ void divide_by_norm(const double* square, const double* far_square, UpdateNumbers* numbers) {
    ntpgeo::divide_by_norm(*square, far_square ? *far_square : 0, *numbers);
}

}  // namespace kernels

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
void move_by_velocity(device::Device& device, const UpdateNumbers* numbers, double beta, Vector gradient,
                      Vector velocity, const Parameters& parameters) {
    with_parameters(parameters, [&]<class T, class Writer>(T* x, Writer writer) {
        const T* const g = gradient.as<T>();
        T* const v = velocity.as<T>();
        device::for_each_element<device::pack_width<T>>(
            device, operations::VelocityStep<Direction, T, Writer>{numbers, beta, g, v, x, writer},
            parameters.values.size, {device::start(g), device::start(v), device::start(x)});
    });
}

}  // namespace

}  // namespace ntpgeo::update_cuda

namespace ntpgeo {
using namespace update_cuda;

void CudaUpdateOperations::begin_update(const UpdateSchedule& schedule, UpdateNumbers* numbers) {
    NTPGEO_CHECK(launch(update_cuda::kernels::begin_update, 1, 1, 0, device_.stream(), schedule, numbers));
}

void CudaUpdateOperations::judge_update(const double* value, UpdateNumbers* numbers, UpdateStatus* status) {
    NTPGEO_CHECK(
        launch(update_cuda::kernels::judge_update, 1, 1, 0, device_.stream(), value, numbers, status));
}

void CudaUpdateOperations::divide_by_norm(Vector gradient, UpdateNumbers* numbers) {
    double* const square = device_.partials() + device::Device::most_partials;
    double* far_square = nullptr;
    device::queue_dot(device_, gradient, gradient, square);
    if (gradient.real == Real::fp64) {  // of fp32 no square underflows in fp64
        constexpr std::int64_t threads = 256;
        const std::int64_t blocks = std::clamp<std::int64_t>((gradient.size + threads - 1) / threads, 1,
                                                             device::Device::most_partials);
        far_square = square + 1;
        NTPGEO_CHECK(launch(update_cuda::kernels::far_square_partials, static_cast<unsigned>(blocks),
                            static_cast<unsigned>(threads), 0, device_.stream(), gradient.as<double>(),
                            gradient.size, square, device_.partials()));
        device::sum_rows(device_.partials(), 1, blocks, far_square, device_.stream());
    }
    NTPGEO_CHECK(
        launch(update_cuda::kernels::divide_by_norm, 1, 1, 0, device_.stream(), square, far_square, numbers));
}

void CudaUpdateOperations::descend(const UpdateNumbers* numbers, Vector gradient,
                                   const Parameters& parameters) {
    with_parameters(parameters, [&]<class T, class Writer>(T* x, Writer writer) {
        const T* const g = gradient.as<T>();
        device::for_each_element<device::pack_width<T>>(
            device_, operations::Descend<T, Writer>{numbers, g, x, writer}, parameters.values.size,
            {device::start(g), device::start(x)});
    });
}

void CudaUpdateOperations::heavy_ball(const UpdateNumbers* numbers, double beta, Vector gradient,
                                      Vector velocity, const Parameters& parameters) {
    move_by_velocity<operations::VelocityItself>(device_, numbers, beta, gradient, velocity, parameters);
}

void CudaUpdateOperations::sign_step(const UpdateNumbers* numbers, double beta, Vector gradient,
                                     Vector velocity, const Parameters& parameters) {
    move_by_velocity<operations::VelocitySign>(device_, numbers, beta, gradient, velocity, parameters);
}

void CudaUpdateOperations::adam(const UpdateNumbers* numbers, const AdamSettings& settings, Vector gradient,
                                Vector first_moment, Vector second_moment, const Parameters& parameters) {
    with_parameters(parameters, [&]<class T, class Writer>(T* x, Writer writer) {
        const T* const g = gradient.as<T>();
        T* const m = first_moment.as<T>();
        T* const v = second_moment.as<T>();
        device::for_each_element<device::pack_width<T>>(
            device_, operations::Adam<T, Writer>{numbers, settings, g, m, v, x, writer},
            parameters.values.size, {device::start(g), device::start(m), device::start(v), device::start(x)});
    });
}

}  // namespace ntpgeo
