#include "kernels/update/update.hpp"

#include <cmath>

#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

/// v ← β·v + g, x ← x − rate·direction(v).
template <class Direction>
void move_by_velocity(const UpdateNumbers& numbers, double beta, Vector gradient, Vector velocity,
                      Vector values, const Direction& direction) {
    if (numbers.stopped) return;
    with_real(values.real, [&]<class T>(T) {
        T* const x = values.as<T>();
        const T* const g = gradient.as<T>();
        T* const v = velocity.as<T>();
        for_each_element(values.size, [=, rate = numbers.rate](std::int64_t i) {
            const double speed = beta * v[i] + g[i];
            v[i] = static_cast<T>(speed);
            x[i] = static_cast<T>(x[i] - rate * direction(speed));
        });
    });
}

}  // namespace

void CpuUpdateOperations::begin_update(const UpdateSchedule& schedule, UpdateNumbers* numbers) {
    ntpgeo::begin_update(schedule, *numbers);
}

void CpuUpdateOperations::divide_by_norm(Vector gradient, UpdateNumbers* numbers) {
    const double square = dot(gradient, gradient);
    double far_square = 0;
    if (square < underflown_square && gradient.real == Real::fp64) {
        scale(far_up, gradient);
        far_square = dot(gradient, gradient);
        scale(1 / far_up, gradient);
    }
    ntpgeo::divide_by_norm(square, far_square, *numbers);
}

void CpuUpdateOperations::judge_update(const double* value, UpdateNumbers* numbers, UpdateStatus* status) {
    ntpgeo::judge_update(*value, *numbers, *status);
}

void CpuUpdateOperations::descend(const UpdateNumbers* numbers, Vector gradient,
                                  const Parameters& parameters) {
    if (numbers->stopped) return;
    with_real(gradient.real, [&]<class T>(T) {
        T* const x = parameters.values.as<T>();
        const T* const g = gradient.as<T>();
        const double rate = numbers->rate, factor = numbers->gradient_scale;
        for_each_element(gradient.size,
                         [=](std::int64_t i) { x[i] = static_cast<T>(x[i] - rate * (factor * g[i])); });
    });
}

void CpuUpdateOperations::heavy_ball(const UpdateNumbers* numbers, double beta, Vector gradient,
                                     Vector velocity, const Parameters& parameters) {
    move_by_velocity(*numbers, beta, gradient, velocity, parameters.values,
                     [](double speed) { return speed; });
}

void CpuUpdateOperations::sign_step(const UpdateNumbers* numbers, double beta, Vector gradient,
                                    Vector velocity, const Parameters& parameters) {
    move_by_velocity(*numbers, beta, gradient, velocity, parameters.values, [](double speed) {
        return speed > 0 ? 1 : speed < 0 ? -1 : speed;
    });
}

void CpuUpdateOperations::adam(const UpdateNumbers* numbers, const AdamSettings& settings, Vector gradient,
                               Vector first_moment, Vector second_moment, const Parameters& parameters) {
    if (numbers->stopped) return;
    const double rate = numbers->rate / numbers->correction1, decay = numbers->rate * numbers->decay;
    const double inverse_correction2 = 1 / numbers->correction2;
    with_real(parameters.values.real, [&]<class T>(T) {
        T* const x = parameters.values.as<T>();
        const T* const g = gradient.as<T>();
        T* const m = first_moment.as<T>();
        T* const v = second_moment.as<T>();
        for_each_element(parameters.values.size, [=](std::int64_t i) {
            const double slope = g[i];
            const double mean = settings.beta1 * m[i] + (1 - settings.beta1) * slope;
            const double square = settings.beta2 * v[i] + (1 - settings.beta2) * slope * slope;
            m[i] = static_cast<T>(mean);
            v[i] = static_cast<T>(square);
            const double move = rate * mean / (std::sqrt(square * inverse_correction2) + settings.epsilon);
            x[i] = static_cast<T>(x[i] - (decay * x[i] + move));
        });
    });
}

}  // namespace ntpgeo
