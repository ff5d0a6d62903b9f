// The numbers that one update is made with, and how they follow from the number of updates made. A backend
// keeps and advances them where it computes, so that a step waits for nothing; these templates are what both
// backends call: constexpr, which makes them callable from CUDA kernels without a word of CUDA.
#pragma once

#include <cmath>
#include <cstdint>

namespace ntpgeo {

enum class RateSchedule { constant, cosine, inverse_sqrt };

/// How rate and λ run through a stage's updates t = 0, 1, … (design 2.1), and what of Adam depends on t.
struct UpdateSchedule {
    double rate = 0;
    RateSchedule schedule = RateSchedule::constant;
    std::int64_t warmup = 0;  ///< updates over which the rate rises linearly from 0
    std::int64_t steps = 0;   ///< updates in all
    double lambda_start = 0, lambda_end = 0;
    bool decoupled_decay = false;  ///< λ is decay beside the objective, which then has no ridge
    double beta1 = 0, beta2 = 0;   ///< 0 where the optimizer is none of Adam's
};

/// Of the coming update and of the one before, in backend memory.
struct UpdateNumbers {
    std::int64_t update = 0;  ///< t, in the stage
    std::int64_t seen = 0;    ///< updates that the optimizer's state has seen
    double rate = 0;
    double ridge = 0;                         ///< λ of the objective
    double decay = 0;                         ///< λ beside the objective
    double correction1 = 1, correction2 = 1;  ///< 1 − β₁ⁿ and 1 − β₂ⁿ, n = seen + 1
    double gradient_square = 1;  ///< ‖gradient_scale·g‖² where the rate is to be divided by ‖g‖
    double gradient_scale = 1;   ///< a power of two, against squares that underflow
    double value = NAN;          ///< the excess loss that the last update was made at
    bool stopped = false;        ///< a value was not finite: from there on updates leave everything as it is
};

/// What the host reads of it, in memory that both sides may use.
struct UpdateStatus {
    std::int64_t stopped_at = -1;  ///< the update, in the stage, whose value was not finite
    bool unchanged = false;  ///< the last value was the first, or that of the update before to the last bit
};

/// The learning rate of update t: with w warm-up updates, rate·(t+1)/w while t < w; afterwards the rate
/// itself (constant), rate·(1 + cos(π(t−w)/(T−w)))/2 (cosine, T updates in all) or rate·√(max(w,1)/(t+1))
/// (inverse_sqrt).
template <class Number = double>
constexpr Number rate_at(const UpdateSchedule& s, std::int64_t update) {
    constexpr Number pi = 3.141592653589793238462643383279502884;
    const auto number = [](std::int64_t count) { return static_cast<Number>(count); };
    if (update < s.warmup) return s.rate * number(update + 1) / number(s.warmup);
    if (s.schedule == RateSchedule::cosine) {
        const std::int64_t span = s.steps - s.warmup;
        const Number done = number(update - s.warmup) / number(span > 1 ? span : 1);
        return s.rate * 0.5 * (1 + std::cos(pi * done));
    }
    if (s.schedule == RateSchedule::inverse_sqrt)
        return s.rate * std::sqrt(number(s.warmup > 1 ? s.warmup : 1) / number(update + 1));
    return s.rate;
}

/// λ after `update` updates, that of the next one: start·(end/start)^(update/T).
template <class Number = double>
constexpr Number lambda_at(const UpdateSchedule& s, std::int64_t update) {
    if (s.lambda_start == s.lambda_end || s.steps == 0) return s.lambda_start;
    const Number done = static_cast<Number>(update) / static_cast<Number>(s.steps);
    return s.lambda_start * std::pow(s.lambda_end / s.lambda_start, done);
}

/// 1 − βⁿ without cancellation.
template <class Number>
constexpr Number bias_correction(Number beta, std::int64_t n) {
    return -std::expm1(static_cast<Number>(n) * std::log(beta));
}

/// Makes the numbers those of update `numbers.update`.
template <class Number = double>
constexpr void begin_update(const UpdateSchedule& schedule, UpdateNumbers& numbers) {
    const Number lambda = lambda_at<Number>(schedule, numbers.update);
    numbers.rate = rate_at<Number>(schedule, numbers.update);
    numbers.ridge = schedule.decoupled_decay ? 0 : lambda;
    numbers.decay = schedule.decoupled_decay ? lambda : 0;
    if (schedule.beta1 > 0) numbers.correction1 = bias_correction<Number>(schedule.beta1, numbers.seen + 1);
    if (schedule.beta2 > 0) numbers.correction2 = bias_correction<Number>(schedule.beta2, numbers.seen + 1);
}

/// Squares below this have lost digits to underflow.
inline constexpr double underflown_square = 1e-280;
/// Brings the square of the smallest double into range, and none that had underflowed out of it.
inline constexpr double far_up = 0x1p+600;

/// After this the rate is to be divided by ‖g‖: `square` is ‖g‖² and `far_square` ‖2⁶⁰⁰·g‖².
template <class Number>
constexpr void divide_by_norm(Number square, Number far_square, UpdateNumbers& numbers) {
    const bool far = square < underflown_square && far_square > 0;
    numbers.gradient_scale = far ? far_up : 1;
    numbers.gradient_square = far ? far_square : square;
    // A gradient of 0 moves nothing.
    numbers.rate = numbers.gradient_square == 0 ? 0 : numbers.rate / std::sqrt(numbers.gradient_square);
}

/// Whether the update is made, by the loss that it is made at; counts it then.
template <class Number>
constexpr void judge_update(Number value, UpdateNumbers& numbers, UpdateStatus& status) {
    if (numbers.stopped) return;
    // False for NaN and infinities alike.
    if (!(value - value == 0) || !(numbers.gradient_square - numbers.gradient_square == 0)) {
        numbers.stopped = true;
        status.stopped_at = numbers.update;
        return;
    }
    status.unchanged = numbers.value != numbers.value || value == numbers.value;
    numbers.value = value;
    ++numbers.update;
    ++numbers.seen;
}

}  // namespace ntpgeo
