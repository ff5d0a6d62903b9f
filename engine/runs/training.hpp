// A training run and the records of it: what the program and the library share of `train`, without folders,
// progress and signals.
#pragma once

#include <functional>
#include <optional>

#include "engine/exact/training_certificate.hpp"
#include "engine/geometry/figures.hpp"
#include "engine/geometry/record.hpp"
#include "engine/training/trainer.hpp"

namespace ntpgeo {

class MeasuredTraining {
  public:
    /// `settings` are resolved for the backend (resolve_products). `backend`, `dataset` and `settings` must
    /// outlive it; `limit`, L_mm where figures against it are wanted, is copied.
    MeasuredTraining(Backend& backend, const Dataset& dataset, const LimitFactors* limit,
                     const RunSettings& settings);

    [[nodiscard]] Trainer& trainer() { return trainer_; }
    [[nodiscard]] const Trainer& trainer() const { return trainer_; }

    /// `between` is called between the parts of a record, and may throw to leave it; one that is made again
    /// is none the worse for it.
    void call_between_parts(const std::function<void()>& between);

    /// Whether the cadence has a record of the present step. Settled updates alone can be measured.
    [[nodiscard]] bool record_due() const { return settings_.metrics_every.due(trainer_.step()); }

    /// The record of the present state, `time_s` into the work, with `step_s` of an update since the last
    /// one. Throws NonFiniteLoss where the parameters have grown beyond all bounds, or the loss or its
    /// gradient is not finite.
    Record record(double time_s, std::optional<double> step_s);

    /// Throws NonFiniteLoss where the parameters have grown beyond all bounds.
    void require_in_range() const;

  private:
    [[nodiscard]] bool certificate_due() const;

    Backend& backend_;
    const RunSettings& settings_;
    FigureMeter meter_;
    OptimumBounder bounder_;
    Trainer trainer_;
    std::function<void()> between_ = [] {};
};

}  // namespace ntpgeo
