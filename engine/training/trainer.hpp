// A training run in memory: parameters, the stage's optimizer, where in its stages it stands, and all of it
// as a state to save.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/training/optimizer.hpp"
#include "engine/training/settings.hpp"
#include "engine/training/shared_rows.hpp"

namespace ntpgeo {

/// The state after `step` updates belongs to the stage that made the last of them; the next stage begins with
/// its own first update. A stage that ends at its noise floor leaves its other updates unmade, so later ones
/// begin earlier than their number of steps would say.
struct Position {
    std::int64_t step = 0;             ///< updates made in all
    std::int64_t stage = 0;            ///< its index
    std::int64_t stage_begin = 0;      ///< the step it began at
    std::int64_t optimizer_begin = 0;  ///< the step its optimizer's state began at, in an earlier stage where
                                       ///< that carried over
    bool at_noise_floor = false;       ///< the stage has ended there, or where its gradient is exactly 0

    friend bool operator==(const Position&, const Position&) = default;
};

const Stage& stage_at(const TrainingSettings& settings, const Position& position);

/// Throws InputError where the settings have no such stage.
void require_stage(const TrainingSettings& settings, const Position& position);

/// λ of the state, which the next update of the same stage is made with.
double lambda_at(const TrainingSettings& settings, const Position& position);

/// Whether the stage has no more updates to make.
bool stage_is_over(const TrainingSettings& settings, const Position& position);

/// Whether no stage has.
bool is_finished(const TrainingSettings& settings, const Position& position);

/// The position from which the next stage makes its first update.
Position next_stage(const TrainingSettings& settings, const Position& position);

/// The step at which the run ends if no stage ends before its time from here on.
std::int64_t last_step(const TrainingSettings& settings, const Position& position);

/// One tensor of a saved state, in host memory.
struct StateTensor {
    std::string name;
    Real real = Real::fp64;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;
};

/// Everything a run needs to go on bit for bit.
struct TrainerState {
    Position position;
    std::vector<StateTensor> tensors;  ///< W, H, the optimizer's vectors and its numbers
};

class Trainer {
  public:
    /// Starts at step 0 with W and H drawn from Philox(seed). `backend` and `labels` must outlive the
    /// trainer.
    Trainer(Backend& backend, const Labels& labels, const TrainingSettings& settings);
    /// Of rows that are cut into shards: W, H and all state are this rank's rows. Every rank calls the same
    /// of `advance`, `settle` and the squares, at the same steps.
    Trainer(Backend& backend, const SharedRows& rows, const TrainingSettings& settings);

    /// One update, the first of the next stage where the present one is over: its optimizer then takes the
    /// place of the old one, or goes on with that one's state (`carries_over`). A GPU may still have it in
    /// its queue, behind up to 63 others, when this comes back. Throws NonFiniteLoss naming the step, which
    /// may be one of those: the position is then that step's, and parameters and state are what it began
    /// with. Throws OutOfDeviceMemory only where they are still what this update began with, and can be
    /// saved; a Failure where memory runs out later, or at the start of a stage. Does nothing once
    /// `finished`.
    void advance();
    /// Waits for what is queued. Throws as `advance` does.
    void settle();

    [[nodiscard]] const Position& position() const { return position_; }
    [[nodiscard]] std::int64_t step() const { return position_.step; }
    [[nodiscard]] const Stage& stage() const { return stage_at(settings_, position_); }
    [[nodiscard]] double lambda() const { return lambda_at(settings_, position_); }
    [[nodiscard]] bool at_noise_floor() const { return position_.at_noise_floor; }
    [[nodiscard]] bool stage_over() const { return stage_is_over(settings_, position_); }
    [[nodiscard]] bool finished() const { return is_finished(settings_, position_); }
    /// Whether the last update that is settled found a gradient that is exactly 0 and left the parameters
    /// alone.
    [[nodiscard]] bool stationary() const { return stationary_; }
    [[nodiscard]] Matrix words() const;     ///< [V, d] in master precision
    [[nodiscard]] Matrix contexts() const;  ///< [m, d]
    /// ‖W‖² and ‖H‖², of all rows.
    [[nodiscard]] double words_square() const { return square_of(words(), {}); }
    [[nodiscard]] double contexts_square() const { return square_of({}, contexts()); }
    /// Whether W and H are exactly 0.
    [[nodiscard]] bool at_zero() const;

    /// Parameters alone (`W`, `H`), and the whole state, of a trainer that is settled; throws
    /// std::logic_error where it is not. Of shared rows the state's vectors are matrices of this rank's rows:
    /// "optimizer.NAME.W" and "optimizer.NAME.H".
    [[nodiscard]] std::vector<StateTensor> parameters() const;
    [[nodiscard]] TrainerState save() const;
    /// Throws InputError where the state is of a stage that this run does not have, or a tensor is missing or
    /// of another shape or precision than this run's.
    void load(const TrainerState& state);

  private:
    Trainer(Backend& backend, const SharedRows* rows, const LabelsView& labels, const ModelShape& shape,
            const TrainingSettings& settings);
    /// Calls work(), and moves to the step that a NonFiniteLoss is of and names it.
    template <class Work>
    auto naming_the_step(const Work& work);
    /// Of the last update.
    void note(UpdateOutcome outcome);
    /// Makes the optimizer of the position's stage ready, empty or (`carried`) with the state it has.
    void prepare_stage(bool carried);
    [[nodiscard]] Vector flat() const { return parameters_.vector(settings_.master, shape_.size()); }
    [[nodiscard]] StateTensor download(const std::string& name, Vector vector,
                                       std::vector<std::int64_t> shape) const;
    void upload(const TrainerState& state, const std::string& name, Vector vector);
    [[nodiscard]] double square_of(Matrix words, Matrix contexts) const;
    /// Calls work(name, vector, shape) for each vector of the optimizer's state, or each factor's part of it.
    template <class Work>
    void for_each_state(const Work& work) const;

    Backend& backend_;
    const SharedRows* rows_;  ///< null: all rows are here
    LabelsView labels_;
    TrainingSettings settings_;
    ModelShape shape_;
    Array parameters_;  // W then H
    std::unique_ptr<Objective> objective_;
    std::unique_ptr<Optimizer> optimizer_;
    Position position_;
    bool stationary_ = false;
    bool queued_ = false;  ///< updates that are not settled
};

}  // namespace ntpgeo
