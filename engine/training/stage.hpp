// A stage of training (design 2.1): what is trained, by which optimizer and how fast; and the table of the
// optimizers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "kernels/backend.hpp"

namespace ntpgeo {

enum class OptimizerKind { gd, momentum, ngd, adam, adamw, lbfgs, sign };
/// The factor that a stage leaves as it is.
enum class Frozen { nothing, words, contexts };

/// How the contexts of a batch are chosen: an epoch's batches hold each context once, or each batch is drawn
/// by the contexts' weights (BatchSampler).
enum class Sampling { once, weights };

/// Rate and β of an optimizer that has none of its own.
inline constexpr double usual_rate = 0.01, usual_beta = 0.9;

struct Stage {
    std::int64_t steps = 2000;
    OptimizerKind optimizer = OptimizerKind::adam;
    double learning_rate = usual_rate;  ///< lbfgs: the first trial step of each line search
    RateSchedule schedule = RateSchedule::constant;
    std::int64_t warmup = 0;                  ///< updates over which the rate rises linearly from 0
    double lambda_start = 0, lambda_end = 0;  ///< λ decays geometrically from the one to the other
    Precision precision = Precision::fp64;    ///< of the three large products
    bool precision_auto = false;              ///< `precision` is still to be chosen for the device
    LossKernel kernel = LossKernel::automatic;
    Frozen frozen = Frozen::nothing;
    double momentum = usual_beta;                        ///< β, what a step keeps of the last one
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-15;  ///< of Adam's moments, and beside their root
    std::int64_t history = 10;                           ///< pairs kept by lbfgs
    std::int64_t batch = 0;                              ///< contexts that an update is made of; 0: all
    Sampling sampling = Sampling::once;

    friend bool operator==(const Stage&, const Stage&) = default;

    /// Contexts that an update is made of, where there are so many in all.
    [[nodiscard]] std::int64_t contexts_of_update(std::int64_t all) const { return batch > 0 ? batch : all; }
};

enum class UpdateOutcome {
    advanced,          ///< x has moved
    queued,            ///< an update that moves x is on its way; its outcome is settled later
    noise_floor,       ///< no step lowers the objective any more in this precision; x is unchanged
    stationary,        ///< the gradient is exactly 0 and nothing else moves x, which is unchanged
    ended_stationary,  ///< lbfgs: the same, and no later update of the stage would find anything else
};

class Objective;

/// What a first-order optimizer moves x by: the gradient and the state that it keeps from one update to the
/// next, all of x's size, and the numbers of the update, in backend memory.
struct FirstOrderStep {
    Backend& backend;
    const Stage& stage;
    const UpdateNumbers* numbers;
    Vector gradient;
    std::array<Vector, 2> state;  ///< as its row names them
    Objective& objective;
    Vector x;

    /// What of the parameters is to move. To be asked for once, by an update that is made.
    [[nodiscard]] Parameters target() const;
};

/// An optimizer: its name, the settings of a stage that it alone has, the vectors that a checkpoint holds,
/// and how it moves x, by operations alone. `step` is null for lbfgs, which is no first-order method (see
/// lbfgs.cpp).
struct OptimizerRow {  // NOLINT(clang-analyzer-optin.performance.Padding): rows are read in this order
    OptimizerKind kind;
    std::string_view name;
    void (*step)(const FirstOrderStep&) = nullptr;
    std::array<std::string_view, 3> settings = {};
    std::array<std::string_view, 2> state = {};
    double rate = usual_rate;      ///< where none is given
    double beta = usual_beta;      ///< likewise, of those that keep a velocity
    bool decoupled_decay = false;  ///< λ is decay beside the objective, which then has no ridge
    bool by_norm = false;          ///< the rate is divided by the gradient's norm
    std::string_view gloss = {};   ///< what help says behind its name
};

inline constexpr std::array<std::string_view, 3> of_velocity = {"momentum"};
inline constexpr std::array<std::string_view, 2> velocity = {"velocity"};
inline constexpr std::array<std::string_view, 3> of_adam = {"beta1", "beta2", "epsilon"};
inline constexpr std::array<std::string_view, 2> moments = {"first_moment", "second_moment"};

/// Adam (arXiv 1412.6980) and, with decoupled decay x ← x − lr·λ·x beside it, AdamW (arXiv 1711.05101).
inline constexpr auto adam_step = [](const FirstOrderStep& s) {
    s.backend.adam(s.numbers, {s.stage.beta1, s.stage.beta2, s.stage.epsilon}, s.gradient, s.state[0],
                   s.state[1], s.target());
};

inline constexpr auto descent = [](const FirstOrderStep& s) {
    s.backend.descend(s.numbers, s.gradient, s.target());
};

inline constexpr OptimizerRow optimizer_table[] = {
    {OptimizerKind::gd, "gd", descent},  // x ← x − lr·g
    // Heavy ball (Polyak 1964): v ← βv + g, x ← x − lr·v. The velocity is in units of the gradient, so that a
    // schedule of the rate scales the whole step.
    {OptimizerKind::momentum, "momentum",
     [](const FirstOrderStep& s) {
         s.backend.heavy_ball(s.numbers, s.stage.momentum, s.gradient, s.state[0], s.target());
     },
     of_velocity, velocity, usual_rate, usual_beta, false, false, ", the heavy ball"},
    // Normalised descent: x ← x − lr·g/‖g‖ with the norm of all that is trained, λ's part included.
    {.kind = OptimizerKind::ngd, .name = "ngd", .step = descent, .by_norm = true},
    {OptimizerKind::adam, "adam", adam_step, of_adam, moments},
    {.kind = OptimizerKind::adamw,
     .name = "adamw",
     .step = adam_step,
     .settings = of_adam,
     .state = moments,
     .decoupled_decay = true},
    {.kind = OptimizerKind::lbfgs, .name = "lbfgs", .settings = {"history"}, .rate = 1},
    // Sign descent: x ← x − lr·sign(v), v ← βv + g; steepest descent in the largest entry's norm.
    {OptimizerKind::sign, "sign",
     [](const FirstOrderStep& s) {
         s.backend.sign_step(s.numbers, s.stage.momentum, s.gradient, s.state[0], s.target());
     },
     of_velocity, velocity, usual_rate, 0},
};

const OptimizerRow& row_of(OptimizerKind kind);

/// Vectors of the trained parameters' size that a stage's optimizer holds, the gradient among them, and those
/// that a checkpoint holds.
std::int64_t optimizer_vectors(const Stage& stage);
std::int64_t saved_vectors(const Stage& stage);

/// How the stage's rate and λ run.
UpdateSchedule schedule_of(const Stage& stage);

/// The learning rate of a stage's update t = 0, 1, … (rate_at), and λ after `step` of its updates, the λ of
/// the next one.
double learning_rate_at(const Stage& stage, std::int64_t update);
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
