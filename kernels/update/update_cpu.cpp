#include "kernels/update/update.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/random/philox.hpp"
#include "kernels/threads_cpu.hpp"

namespace ntpgeo::update_cpu {

void fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale) {
    const Philox random(seed, stream);
    with_real(x.real, [&]<class T>(T) {
        T* const data = x.as<T>();
#pragma omp parallel for schedule(static) if (x.size > worth_a_team)
        for (std::int64_t i = 0; i < x.size; ++i)
            data[i] = static_cast<T>(scale * random.normal(static_cast<std::uint64_t>(i)));
    });
}

void fill_zero(Vector x) {
    std::memset(x.data, 0, static_cast<std::size_t>(x.size * bytes_of(x.real)));
}

void copy(Vector from, Vector to) {
    with_real(from.real, [&]<class From>(From) {
        with_real(to.real, [&]<class To>(To) {
            const From* const source = from.as<From>();
            To* const target = to.as<To>();
#pragma omp parallel for schedule(static) if (from.size > worth_a_team)
            for (std::int64_t i = 0; i < from.size; ++i) target[i] = static_cast<To>(source[i]);
        });
    });
}

double dot(Vector x, Vector y) {
    constexpr std::int64_t block = 8192;
    const std::int64_t blocks = (x.size + block - 1) / block;
    std::vector<double> partial(static_cast<std::size_t>(blocks));
    with_real(x.real, [&]<class T>(T) {
        const T* const a = x.as<T>();
        const T* const b = y.as<T>();
#pragma omp parallel for schedule(static) if (x.size > worth_a_team)
        for (std::int64_t k = 0; k < blocks; ++k) {
            // Eight independent sums, so that the order is fixed and the loop still vectorises.
            double sums[8] = {};
            const std::int64_t end = std::min(x.size, (k + 1) * block);
            std::int64_t i = k * block;
            for (; i + 8 <= end; i += 8)
                for (int lane = 0; lane < 8; ++lane)
                    sums[lane] += static_cast<double>(a[i + lane]) * b[i + lane];
            for (; i < end; ++i) sums[0] += static_cast<double>(a[i]) * b[i];
            partial[k] =
                ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
        }
    });
    double total = 0;
    for (const double value : partial) total += value;
    return total;
}

void axpy(double a, Vector x, Vector y) {
    with_real(x.real, [&]<class T>(T) {
        const T* const from = x.as<T>();
        T* const to = y.as<T>();
#pragma omp parallel for schedule(static) if (x.size > worth_a_team)
        for (std::int64_t i = 0; i < x.size; ++i) to[i] = static_cast<T>(to[i] + a * from[i]);
    });
}

void scale(double a, Vector x) {
    with_real(x.real, [&]<class T>(T) {
        T* const data = x.as<T>();
#pragma omp parallel for schedule(static) if (x.size > worth_a_team)
        for (std::int64_t i = 0; i < x.size; ++i) data[i] = static_cast<T>(a * data[i]);
    });
}

void descend(double rate, Vector gradient, const Parameters& parameters) {
    axpy(-rate, gradient, parameters.values);
}

void heavy_ball(double momentum, double rate, Vector gradient, Vector velocity,
                const Parameters& parameters) {
    const std::int64_t size = parameters.values.size;
    with_real(parameters.values.real, [&]<class T>(T) {
        T* const x = parameters.values.as<T>();
        const T* const g = gradient.as<T>();
        T* const v = velocity.as<T>();
#pragma omp parallel for schedule(static) if (size > worth_a_team)
        for (std::int64_t i = 0; i < size; ++i) {
            const double speed = momentum * v[i] + g[i];
            v[i] = static_cast<T>(speed);
            x[i] = static_cast<T>(x[i] - rate * speed);
        }
    });
}

void adam(const AdamStep& step, Vector gradient, Vector first_moment, Vector second_moment,
          const Parameters& parameters) {
    const std::int64_t size = parameters.values.size;
    const double rate = step.learning_rate / step.correction1;
    const double inverse_correction2 = 1 / step.correction2;
    with_real(parameters.values.real, [&]<class T>(T) {
        T* const x = parameters.values.as<T>();
        const T* const g = gradient.as<T>();
        T* const m = first_moment.as<T>();
        T* const v = second_moment.as<T>();
#pragma omp parallel for schedule(static) if (size > worth_a_team)
        for (std::int64_t i = 0; i < size; ++i) {
            const double slope = g[i];
            const double mean = step.beta1 * m[i] + (1 - step.beta1) * slope;
            const double square = step.beta2 * v[i] + (1 - step.beta2) * slope * slope;
            m[i] = static_cast<T>(mean);
            v[i] = static_cast<T>(square);
            const double move = rate * mean / (std::sqrt(square * inverse_correction2) + step.epsilon);
            x[i] = static_cast<T>(x[i] - (step.decay * x[i] + move));
        }
    });
}

}  // namespace ntpgeo::update_cpu
