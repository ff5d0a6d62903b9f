// Optimizers over the flat vector of the trained parameters. Each is written once over backend operations and
// can hand out its whole state, so that a resumed run continues bit for bit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/training/objective.hpp"
#include "engine/training/settings.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

/// Which update is to be made.
struct UpdateContext {
    std::int64_t update = 0;  ///< in the stage, from 0
    std::int64_t seen = 0;    ///< updates that the optimizer's state has seen before this one
    std::int64_t step = 0;    ///< in the run
};

/// The loss or the gradient was not finite. The parameters are those that gave it.
class NonFiniteLoss : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
    NonFiniteLoss(const std::string& what, std::int64_t of_update)
        : std::runtime_error(what), update(of_update) {}

    std::optional<std::int64_t> update;  ///< of the stage, where it is an earlier one than asked for last
};

/// Does what leaves x, or the state, half changed where memory runs out: a Failure then like any other.
template <class Work>
void half_done(const Work& work) {
    try {
        work();
    } catch (const OutOfDeviceMemory& error) {
        throw Failure(error.what());
    }
}

/// One piece of optimizer state: a vector of the trained parameters' size on the backend.
using NamedVector = std::pair<std::string, Vector>;

class Optimizer {
  public:
    virtual ~Optimizer() = default;

    /// One update of x. Throws NonFiniteLoss where the objective at x is not finite, now or when the updates
    /// that are `queued` are settled: all from that one on leave x and the state as they are. Throws
    /// OutOfDeviceMemory only where x and the state are as they were.
    virtual UpdateOutcome update(Vector x, const UpdateContext& context) = 0;
    /// Waits for what is queued, and says what came of the last update.
    virtual UpdateOutcome settle(Vector) { return UpdateOutcome::advanced; }

    /// Goes on under another stage's settings with the state it has; for stages that carry over. What was
    /// computed in the arithmetic or with the objective of the stage before is computed again.
    virtual void enter(const Stage&) {}

    /// The state's vectors, in a fixed order and always all of them: saved from and restored into.
    virtual std::vector<NamedVector> state_vectors() { return {}; }
    /// The state's numbers, exact in fp64.
    [[nodiscard]] virtual std::vector<double> state_numbers() const { return {}; }
    virtual void restore_numbers(const std::vector<double>&) {}
};

/// Whether every entry is exactly 0, on every rank, also where squares underflow. x, of the objective's size,
/// is scaled on the way, and left as it was.
bool is_zero(Objective& objective, Vector x);
/// The same of any vector, whose `square` is over all ranks.
bool is_zero(Backend& backend, Vector x, const std::function<double()>& square);

/// The optimizer of a stage, its state empty. `objective`, configured for the stage, must outlive it.
std::unique_ptr<Optimizer> make_optimizer(Objective& objective, Real master, const Stage& stage);

/// Limited-memory BFGS with a strong-Wolfe line search; see lbfgs.cpp.
std::unique_ptr<Optimizer> make_lbfgs(Objective& objective, Real master, const Stage& stage);

/// `optimizer_vectors(stage)` vectors of the trained parameters' size in master precision, zero at first.
class OptimizerMemory {
  public:
    OptimizerMemory(const Objective& objective, Real master, const Stage& stage)
        : master_(master),
          size_(objective.size()),
          array_(objective.backend(), optimizer_vectors(stage) * size_ * bytes_of(master)) {
        objective.backend().fill_zero(array_.vector(master, optimizer_vectors(stage) * size_));
    }

    [[nodiscard]] Vector vector(std::int64_t k) const { return array_.vector(master_, size_, k * size_); }

  private:
    Real master_;
    std::int64_t size_;
    Array array_;
};

}  // namespace ntpgeo
