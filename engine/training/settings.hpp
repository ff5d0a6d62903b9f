// What a training run is made of (design 2.1): the model, and a list of stages that train it one after the
// other.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"

namespace ntpgeo {

enum class OptimizerKind { gd, momentum, ngd, adam, adamw, lbfgs };
enum class RateSchedule { constant, cosine, inverse_sqrt };

/// The factor that a stage leaves as it is.
enum class Frozen { nothing, words, contexts };

struct Stage {
    std::int64_t steps = 2000;
    OptimizerKind optimizer = OptimizerKind::adam;
    double learning_rate = 0.01;  ///< lbfgs: the first trial step of each line search
    RateSchedule schedule = RateSchedule::constant;
    std::int64_t warmup = 0;                  ///< updates over which the rate rises linearly from 0
    double lambda_start = 0, lambda_end = 0;  ///< λ decays geometrically from the one to the other
    Precision precision = Precision::fp64;    ///< of the three large products
    bool precision_auto = false;              ///< `precision` is still to be chosen for the device
    LossKernel kernel = LossKernel::automatic;
    Frozen frozen = Frozen::nothing;
    double momentum = 0.9;                               ///< momentum: β, what a step keeps of the last one
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-15;  ///< adam, adamw
    std::int64_t history = 10;                           ///< lbfgs: pairs kept

    friend bool operator==(const Stage&, const Stage&) = default;
};

struct TrainingSettings {
    std::int64_t dim = 64;
    Real master = Real::fp64;
    std::uint64_t seed = 0;
    double init_scale = 1;               ///< entries of W and H start as N(0, S²/d)
    std::vector<Stage> stages{Stage{}};  ///< at least one; rates, warm-ups and λ start anew in each

    friend bool operator==(const TrainingSettings&, const TrainingSettings&) = default;
};

/// The learning rate of a stage's update t = 0, 1, …: with w warm-up updates, rate·(t+1)/w while t < w;
/// afterwards the rate itself (constant), rate·(1 + cos(π(t−w)/(T−w)))/2 (cosine, T updates in all) or
/// rate·√(max(w,1)/(t+1)) (inverse_sqrt).
double learning_rate_at(const Stage& stage, std::int64_t update);

/// λ after `step` of the stage's updates, the λ of the next one: start·(end/start)^(step/T).
double lambda_at(const Stage& stage, std::int64_t step);

/// What of λ is the ridge term of the objective: all of it, but nothing under adamw, whose λ is decay beside
/// the objective.
double ridge_of(const Stage& stage, double lambda);

/// Whether anything before a stage's last update depends on the number of its updates, so that `steps` cannot
/// grow.
bool depends_on_total(const Stage& stage);

/// Whether a stage goes on with the optimizer state of the one before it: where both train the same part with
/// the same optimizer (lbfgs: and keep equally many pairs). Otherwise its optimizer starts from nothing.
bool carries_over(const Stage& before, const Stage& after);

}  // namespace ntpgeo
