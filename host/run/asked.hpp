// What ranks of a run are asked for from outside: signals, limits of time and clocks are of one process each,
// and what any rank has been asked for all do at one and the same step.
#pragma once

#include <functional>
#include <optional>

#include "host/ranks/ranks.hpp"
#include "host/terminal/interruption.hpp"

namespace ntpgeo {

class Asked {
  public:
    /// `checkpoint_due`: whether the run's clock, the first rank's where there are many, asks for a
    /// checkpoint. Both must outlive it.
    Asked(const Ranks& ranks, std::function<bool()> checkpoint_due)
        : ranks_(ranks), checkpoint_due_(std::move(checkpoint_due)) {}

    /// Of many ranks, learns what any has been asked for; every rank calls it at the same step. One rank
    /// alone learns of it as it asks.
    void agree();

    [[nodiscard]] std::optional<StopRequest> stop() const;
    /// Whether a checkpoint has been asked for since it was last called (agreed on, of many ranks).
    [[nodiscard]] bool take_checkpoint();
    /// Whether the clock asks for one.
    [[nodiscard]] bool clock() const { return ranks_.size() == 1 ? checkpoint_due_() : clock_; }

  private:
    const Ranks& ranks_;
    std::function<bool()> checkpoint_due_;
    int stop_ = 0;  ///< the status to end with; 0: go on
    bool checkpoint_ = false, clock_ = false;
};

}  // namespace ntpgeo
