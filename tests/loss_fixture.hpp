// One loss step on host vectors, for tests.
#pragma once

#include <memory>
#include <vector>

#include "engine/data/labels.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

struct StepResult {
    LossSums sums;
    std::vector<double> words_gradient, contexts_gradient;
};

/// Runs one step with W and H rounded to the plan's master precision; gradients come back as doubles. Outputs
/// start poisoned, so that an entry that is not written shows as NaN.
inline StepResult run_step(const Dataset& data, const std::vector<double>& words,
                           const std::vector<double>& contexts, const LossPlan& plan, double lambda = 0) {
    const auto backend = make_cpu_backend();
    const Labels labels(*backend, data);
    const auto step = backend->make_loss_step(labels.view(), plan);
    const auto size = static_cast<std::int64_t>(words.size() + contexts.size());
    const Array x(*backend, size * 8), gradient(*backend, size * 8);
    const auto words_size = static_cast<std::int64_t>(words.size());
    const auto place = [&](const Array& array, bool second) {
        return array.matrix(plan.master, second ? data.contexts() : data.vocab_size, plan.dim,
                            second ? words_size : 0);
    };
    with_real(plan.master, [&]<class T>(T) {
        std::vector<T> values(words.begin(), words.end());
        values.insert(values.end(), contexts.begin(), contexts.end());
        backend->upload(values.data(), x.data(), size * static_cast<std::int64_t>(sizeof(T)));
        const std::vector<T> poison(static_cast<std::size_t>(size), std::numeric_limits<T>::quiet_NaN());
        backend->upload(poison.data(), gradient.data(), size * static_cast<std::int64_t>(sizeof(T)));
    });
    StepResult result;
    result.sums =
        step->run(place(x, false), place(x, true), lambda, place(gradient, false), place(gradient, true));
    with_real(plan.master, [&]<class T>(T) {
        const auto values = download_array<T>(*backend, gradient.data(), size);
        result.words_gradient.assign(values.begin(), values.begin() + words_size);
        result.contexts_gradient.assign(values.begin() + words_size, values.end());
    });
    return result;
}

/// ‖a − b‖ / ‖b‖ over both gradients, and the worst entry against the largest of b.
struct GradientError {
    double norm = 0, worst = 0;
};
inline GradientError gradient_error(const StepResult& a, const StepResult& b) {
    double square = 0, reference = 0, worst = 0, largest = 0;
    const auto add = [&](const std::vector<double>& x, const std::vector<double>& y) {
        for (std::size_t i = 0; i < y.size(); ++i) {
            square += (x[i] - y[i]) * (x[i] - y[i]);
            reference += y[i] * y[i];
            worst = std::max(worst, std::abs(x[i] - y[i]));
            largest = std::max(largest, std::abs(y[i]));
        }
    };
    add(a.words_gradient, b.words_gradient);
    add(a.contexts_gradient, b.contexts_gradient);
    return {std::sqrt(square / reference), worst / largest};
}

}  // namespace ntpgeo
