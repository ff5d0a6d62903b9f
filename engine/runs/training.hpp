// A training run and the records of it: what the program and the library share of `train`, without folders,
// progress and signals.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/exact/training_certificate.hpp"
#include "engine/geometry/figures.hpp"
#include "engine/geometry/loss_pass.hpp"
#include "engine/geometry/record.hpp"
#include "engine/runs/record_left.hpp"
#include "engine/training/trainer.hpp"
#include "kernels/team/team.hpp"

namespace ntpgeo {

class MeasuredTraining {
  public:
    /// `settings` are resolved for the backend (resolve_products). `backend`, `dataset`, `settings` and
    /// `team` must outlive it; `limit`, L_mm where figures against it are wanted, is copied. The team's ranks
    /// share the rows where the settings have shards (null: one rank), and call the same at the same steps.
    MeasuredTraining(Backend& backend, const Dataset& dataset, const LimitFactors* limit,
                     const RunSettings& settings, Team* team = nullptr);
    ~MeasuredTraining();

    [[nodiscard]] Trainer& trainer() { return *trainer_; }
    [[nodiscard]] const Trainer& trainer() const { return *trainer_; }

    /// `between` is called between the parts of a record, and may throw to leave it (RecordLeft where other
    /// ranks wait for it: on them, record() then throws it, too); one that is made again is none the worse.
    void call_between_parts(const std::function<void()>& between);

    /// Whether the cadence has a record of the present step. Settled updates alone can be measured.
    [[nodiscard]] bool record_due() const { return settings_.metrics_every.due(trainer_->step()); }

    /// The record of the present state, `time_s` into the work, with `step_s` of an update since the last
    /// one. Throws NonFiniteLoss where the parameters have grown beyond all bounds, or the loss or its
    /// gradient is not finite. Of many ranks all make the pass over the logits and certificates, and the
    /// first measures the rest and has the record; on the others it is empty, and what the first throws is
    /// EndedElsewhere there.
    Record record(double time_s, std::optional<double> step_s);

    /// W and H, the rows of all ranks, on the first one, in host memory.
    [[nodiscard]] std::vector<StateTensor> parameters();

    /// Throws NonFiniteLoss where the parameters have grown beyond all bounds.
    void require_in_range() const;

  private:
    /// What measures: of many ranks, the first one's.
    struct Measure;
    /// The rows that this rank shares with others.
    struct Share;
    [[nodiscard]] bool certificate_due() const;
    [[nodiscard]] Precision products_of_record() const;
    /// What ranks have made of a record together.
    struct Shared {
        LossPass pass;
        std::optional<OptimumBound> bound;
    };
    struct RecordTimes {
        double work = 0;
        std::optional<double> step;
    };
    [[nodiscard]] std::optional<OptimumBound> shared_bound();
    [[nodiscard]] Record measured(Matrix words, Matrix contexts, const RecordTimes& times,
                                  const Shared* shared);
    void require_finite(double loss, double gradient) const;

    Backend& backend_;
    const RunSettings& settings_;
    std::unique_ptr<Share> share_;      ///< null without shards
    std::unique_ptr<Measure> measure_;  ///< null on ranks beside the first
    std::unique_ptr<Trainer> trainer_;
    std::function<void()> between_ = [] {};
};

}  // namespace ntpgeo
