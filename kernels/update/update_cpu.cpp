#include "kernels/update/update.hpp"

#include <cmath>

#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

/// v ← β·v + g, x ← x − rate·direction(v).
template <class Direction>
void move_by_velocity(double beta, double rate, Vector gradient, Vector velocity, Vector values,
                      const Direction& direction) {
    with_real(values.real, [&]<class T>(T) {
        T* const x = values.as<T>();
        const T* const g = gradient.as<T>();
        T* const v = velocity.as<T>();
        for_each_element(values.size, [=](std::int64_t i) {
            const double speed = beta * v[i] + g[i];
            v[i] = static_cast<T>(speed);
            x[i] = static_cast<T>(x[i] - rate * direction(speed));
        });
    });
}

}  // namespace

void CpuUpdateOperations::descend(double rate, Vector gradient, const Parameters& parameters) {
    axpy(-rate, gradient, parameters.values);
}

void CpuUpdateOperations::heavy_ball(double beta, double rate, Vector gradient, Vector velocity,
                                     const Parameters& parameters) {
    move_by_velocity(beta, rate, gradient, velocity, parameters.values, [](double speed) { return speed; });
}

void CpuUpdateOperations::sign_step(double beta, double rate, Vector gradient, Vector velocity,
                                    const Parameters& parameters) {
    move_by_velocity(beta, rate, gradient, velocity, parameters.values, [](double speed) {
        return speed > 0 ? 1 : speed < 0 ? -1 : speed;
    });
}

void CpuUpdateOperations::adam(const AdamStep& step, Vector gradient, Vector first_moment,
                               Vector second_moment, const Parameters& parameters) {
    const double rate = step.learning_rate / step.correction1;
    const double inverse_correction2 = 1 / step.correction2;
    with_real(parameters.values.real, [&]<class T>(T) {
        T* const x = parameters.values.as<T>();
        const T* const g = gradient.as<T>();
        T* const m = first_moment.as<T>();
        T* const v = second_moment.as<T>();
        for_each_element(parameters.values.size, [=](std::int64_t i) {
            const double slope = g[i];
            const double mean = step.beta1 * m[i] + (1 - step.beta1) * slope;
            const double square = step.beta2 * v[i] + (1 - step.beta2) * slope * slope;
            m[i] = static_cast<T>(mean);
            v[i] = static_cast<T>(square);
            const double move = rate * mean / (std::sqrt(square * inverse_correction2) + step.epsilon);
            x[i] = static_cast<T>(x[i] - (step.decay * x[i] + move));
        });
    });
}

}  // namespace ntpgeo
