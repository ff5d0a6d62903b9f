// What a training run is told (design 2.1): the model, a list of stages that train it one after the other,
// and what is kept of the way.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/settings/setting.hpp"
#include "engine/training/stage.hpp"
#include "kernels/team/team_sums.hpp"

namespace ntpgeo {

struct TrainingSettings {
    std::int64_t dim = 64;
    Real master = Real::fp64;
    std::uint64_t seed = 0;
    double init_scale = 1;               ///< entries of W and H start as N(0, S²/d)
    std::vector<Stage> stages{Stage{}};  ///< at least one; rates, warm-ups and λ start anew in each

    friend bool operator==(const TrainingSettings&, const TrainingSettings&) = default;

    /// Updates of all stages.
    [[nodiscard]] std::int64_t steps() const {
        std::int64_t sum = 0;
        for (const Stage& stage : stages) sum += stage.steps;
        return sum;
    }
};

/// When metrics are recorded besides step 0 and the last step.
struct Cadence {
    bool logarithmic = true;
    std::int64_t count = 20;  ///< records a decade (logarithmic), or steps between records
    bool automatic = false;   ///< still to be chosen for the run's size

    [[nodiscard]] std::string text() const;  ///< "log:20", "100" or "auto"
    /// Whether a record is due after `step` updates. Logarithmic: the whole numbers nearest to 10^(k/count).
    [[nodiscard]] bool due(std::int64_t step) const;
};

/// Everything that a run is told beside its data set and its limit.
struct RunSettings {
    TrainingSettings training{.stages = {Stage{.precision_auto = true}}};
    std::string device = "auto";
    Cadence metrics_every{.automatic = true};
    bool metrics_fp64 = true;           ///< metrics in fp64; false: in the stage's own GEMM precision
    std::int64_t certify_every = 0;     ///< steps between certified records; 0: none
    std::int64_t checkpoint_every = 0;  ///< steps; 0: by time alone
    double checkpoint_seconds = 60;
    std::int64_t keep_checkpoints = 2;
    std::int64_t shards = 0;  ///< virtual shards that rows and sums are cut into (design 4.6); 0: none
    SumOrder sums = SumOrder::ordered;
};

/// The tables of what a stage and a run are told, bound to where it lies; in the order of the files.
std::vector<Setting> settings_of(Stage& stage);
std::vector<Setting> settings_of(RunSettings& run);

/// Checks what no single one can: finite and positive rates, sizes that fit. Throws InputError naming the
/// setting.
void check(const RunSettings& run);

/// How messages name the stage at `index` before one of its settings: "stage 2, ", or "" where it is the only
/// one.
std::string stage_prefix(const TrainingSettings& training, std::size_t index);

/// The second half of a refusal of a setting that some optimizers alone have: "belongs to the optimizer …;
/// leave it out".
std::string whose_it_is(const Setting& setting);

/// Names as flags and files spell them.
Names<OptimizerKind> names_of(OptimizerKind);
Names<RateSchedule> names_of(RateSchedule);
Names<Frozen> names_of(Frozen);
Names<Sampling> names_of(Sampling);
Names<Precision> names_of(Precision);
Names<LossKernel> names_of(LossKernel);
Names<Real> names_of(Real);
Names<SumOrder> names_of(SumOrder);

}  // namespace ntpgeo
