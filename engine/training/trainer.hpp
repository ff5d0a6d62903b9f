// A training run in memory: parameters, optimizer, the number of updates made, and all of it as a state to
// save.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/training/optimizer.hpp"
#include "engine/training/settings.hpp"

namespace ntpgeo {

/// One tensor of a saved state, in host memory.
struct StateTensor {
    std::string name;
    Real real = Real::fp64;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;
};

/// Everything a run needs to go on bit for bit.
struct TrainerState {
    std::int64_t step = 0;
    bool at_noise_floor = false;
    std::vector<StateTensor> tensors;  ///< W, H, the optimizer's vectors and its numbers
};

class Trainer {
  public:
    /// Starts at step 0 with W and H drawn from Philox(seed). `backend` and `labels` must outlive the
    /// trainer.
    Trainer(Backend& backend, const Labels& labels, const TrainingSettings& settings);

    /// One update. Throws NonFiniteLoss naming the step. Does nothing once `finished`.
    void advance();

    [[nodiscard]] std::int64_t step() const { return step_; }
    [[nodiscard]] bool at_noise_floor() const { return at_noise_floor_; }
    [[nodiscard]] bool finished() const { return at_noise_floor_ || step_ >= settings_.stage.steps; }
    [[nodiscard]] double lambda() const { return lambda_at(settings_.stage, step_); }
    [[nodiscard]] Matrix words() const;     ///< [V, d] in master precision
    [[nodiscard]] Matrix contexts() const;  ///< [m, d]

    /// Parameters alone (`W`, `H`), and the whole state.
    [[nodiscard]] std::vector<StateTensor> parameters() const;
    [[nodiscard]] TrainerState save() const;
    /// Throws InputError where a tensor is missing or of another shape or precision than this run's.
    void load(const TrainerState& state);

  private:
    [[nodiscard]] Vector flat() const { return parameters_.vector(settings_.master, shape_.size()); }
    [[nodiscard]] StateTensor download(const std::string& name, Vector vector,
                                       std::vector<std::int64_t> shape) const;
    void upload(const TrainerState& state, const std::string& name, Vector vector);

    Backend& backend_;
    TrainingSettings settings_;
    ModelShape shape_;
    Array parameters_;  // W then H
    Objective objective_;
    std::unique_ptr<Optimizer> optimizer_;
    std::int64_t step_ = 0;
    bool at_noise_floor_ = false;
};

}  // namespace ntpgeo
