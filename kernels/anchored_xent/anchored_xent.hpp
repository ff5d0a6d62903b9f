// The anchored cross-entropy of design 1.2 over sparse soft labels, its gradient, and what a metrics record
// reads off the same pass (design 4.1). One chunk of logits at a time, never V×m.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernels/anchored_xent/loss_call.hpp"
#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// Everything that fixes a loss step's memory and arithmetic. `chunk` and `group` are contexts; 0 lets the
/// backend choose from the sizes alone (never from the number of threads, so that the bits stay the same).
struct LossPlan {
    std::int64_t dim = 0;
    Real master = Real::fp64;
    Precision precision = Precision::fp64;
    std::int64_t chunk = 0;
    std::int64_t group = 0;
    LossKernel kernel = LossKernel::automatic;
};

/// What a loss step takes, known before it is made.
struct LossStepSize {
    std::int64_t bytes = 0;           ///< of the device's memory, for as long as the step lives
    std::int64_t chunk = 0;           ///< contexts whose logits are one block
    std::int64_t chunks_at_once = 1;  ///< blocks in memory together: one a thread on the CPU
};

/// Sums over all contexts, in nats.
struct LossSums {
    double excess_loss = 0;       ///< CE − Hent = Σ_j π_j KL(p_j ‖ q_j), free of cancellation
    double off_support_mass = 0;  ///< Σ_j π_j r_j/(1+r_j)
};

/// A loss step over fixed labels with its workspace planned once. No state passes from one call to the next,
/// but for W's operand where the caller says so.
class LossStep {
  public:
    virtual ~LossStep() = default;

    /// words [V,d], contexts [m,d] and their gradients of CE(WH) + λ/2 (‖W‖² + ‖H‖²): dW = G Hᵀ + λW and
    /// dH = Wᵀ G + λH, in master precision, overwritten whole; they may not alias the inputs. Either may be
    /// empty (null data): its product is left out then, and without both there is the loss alone. The sums
    /// are those of CE, without the ridge term. Sums in double and in a fixed order: the same input gives the
    /// same bits for any number of threads. Non-finite input gives a non-finite excess. `detail` needs all
    /// its pointers or none.
    virtual LossSums run(Matrix words, Matrix contexts, double lambda, Matrix words_gradient,
                         Matrix contexts_gradient, const LossDetail& detail) = 0;
    LossSums run(Matrix words, Matrix contexts, double lambda, Matrix words_gradient,
                 Matrix contexts_gradient) {
        return run(words, contexts, lambda, words_gradient, contexts_gradient, LossDetail{});
    }

    /// The same without detail, queued: λ is what *ridge, in backend memory, holds when the step runs, and
    /// the sums are left in sums(). Nothing of it waits, allocates or is copied, so that it may be recorded.
    virtual void enqueue(Matrix words, Matrix contexts, const double* ridge, Matrix words_gradient,
                         Matrix contexts_gradient) = 0;
    /// The last step's excess loss and off-support mass, in this order, in backend memory.
    [[nodiscard]] virtual const double* sums() const = 0;

    /// Where an update may leave W for the coming run. Null data: nowhere.
    virtual WordsOperand words_operand() { return {}; }
    /// The words of the next run are those that an update has left there since the last one: they need no
    /// conversion.
    virtual void words_are_in_operand() {}
};

/// What makes loss steps.
class LossSteps {
  public:
    virtual ~LossSteps() = default;

    /// Whether the three large products of a loss step can be made in `precision` here.
    [[nodiscard]] virtual bool supports(Precision precision) const = 0;
    /// Why a loss step cannot be made in this way here: one clause without a full stop; empty where it can.
    [[nodiscard]] virtual std::string why_not(LossKernel kernel, Precision precision) const = 0;
    /// The labels must outlive the step. Throws InputError where the plan's precision or kernel is not to be
    /// had.
    virtual std::unique_ptr<LossStep> make_loss_step(const LabelsView& labels, const LossPlan& plan) = 0;
    /// What make_loss_step would take now, taking none of it. Exact to what a kernel library keeps for
    /// itself.
    [[nodiscard]] virtual LossStepSize loss_step_size(const LabelsView& labels, const LossPlan& plan) = 0;
    /// The step for a caller's own labels, memory and streams. Takes no memory of the device; what it is made
    /// by must outlive it. Throws InputError where the plan's sizes, precision or kernel are not to be had.
    virtual std::unique_ptr<LossCalls> plan_loss_calls(const LossCallPlan& plan) = 0;
};

/// One OpenMP thread a group of chunks, single-threaded GEMMs, in fp32 or fp64. Calls bring what they are
/// given to an fp64 master and back.
class CpuLossSteps : public virtual LossSteps {
  public:
    [[nodiscard]] bool supports(Precision precision) const override;
    [[nodiscard]] std::string why_not(LossKernel kernel, Precision precision) const override;
    std::unique_ptr<LossStep> make_loss_step(const LabelsView& labels, const LossPlan& plan) override;
    [[nodiscard]] LossStepSize loss_step_size(const LabelsView& labels, const LossPlan& plan) override;
    std::unique_ptr<LossCalls> plan_loss_calls(const LossCallPlan& plan) override;
};

/// All five GEMM precisions. A step's memory is allocated when it is made, on the device, which must outlive
/// it: `run` allocates nothing, waits once at its end for the sums, and from its third call with the same
/// addresses on is one graph launch; `enqueue` is what a Replay records. Throws OutOfDeviceMemory. Calls
/// select the device and then the one that was selected before.
class CudaLossSteps : public virtual LossSteps {
  public:
    explicit CudaLossSteps(device::Device& device) : device_(device) {}
    [[nodiscard]] bool supports(Precision precision) const override;
    [[nodiscard]] std::string why_not(LossKernel kernel, Precision precision) const override;
    std::unique_ptr<LossStep> make_loss_step(const LabelsView& labels, const LossPlan& plan) override;
    [[nodiscard]] LossStepSize loss_step_size(const LabelsView& labels, const LossPlan& plan) override;
    std::unique_ptr<LossCalls> plan_loss_calls(const LossCallPlan& plan) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
