// The optimizers' updates, in master precision.
#pragma once

#include "kernels/base/views.hpp"
#include "kernels/update/schedule.hpp"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {

/// Of Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1) with decoupled decay (arXiv 1711.05101):
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², x ← x − rate·(decay·x + (m/correction1)/(√(v/correction2) + ε)).
struct AdamSettings {
    double beta1 = 0.9, beta2 = 0.999;
    double epsilon = 1e-15;
};

/// An update: its numbers are begun, the loss is made at x, they are judged by it, and x moves. The numbers
/// and what else is pointed to lie in backend memory (the status in shared memory) and are read when the
/// operation runs. Each move goes along a gradient g, leaves W's new values in the loss step's operand as
/// well, where there is one, and leaves everything as it is once the numbers say `stopped`.
class UpdateOperations {
  public:
    virtual ~UpdateOperations() = default;

    /// The numbers of update `numbers->update` of the schedule.
    virtual void begin_update(const UpdateSchedule& schedule, UpdateNumbers* numbers) = 0;
    /// Between the loss and the judgement: divides the rate by ‖g‖.
    virtual void divide_by_norm(Vector gradient, UpdateNumbers* numbers) = 0;
    /// Stops where *value or ‖g‖ is not finite, and counts the update otherwise.
    virtual void judge_update(const double* value, UpdateNumbers* numbers, UpdateStatus* status) = 0;

    /// x ← x − rate·g.
    virtual void descend(const UpdateNumbers* numbers, Vector gradient, const Parameters& parameters) = 0;
    /// v ← β·v + g, x ← x − rate·v.
    virtual void heavy_ball(const UpdateNumbers* numbers, double beta, Vector gradient, Vector velocity,
                            const Parameters& parameters) = 0;
    /// The same v, and x ← x − rate·sign(v), where sign 0 = 0.
    virtual void sign_step(const UpdateNumbers* numbers, double beta, Vector gradient, Vector velocity,
                           const Parameters& parameters) = 0;
    virtual void adam(const UpdateNumbers* numbers, const AdamSettings& settings, Vector gradient,
                      Vector first_moment, Vector second_moment, const Parameters& parameters) = 0;
};

/// The CPU's loss step has no operand, so that there is none to write.
class CpuUpdateOperations : public virtual UpdateOperations, public virtual VectorOperations {
  public:
    void begin_update(const UpdateSchedule& schedule, UpdateNumbers* numbers) override;
    void divide_by_norm(Vector gradient, UpdateNumbers* numbers) override;
    void judge_update(const double* value, UpdateNumbers* numbers, UpdateStatus* status) override;
    void descend(const UpdateNumbers* numbers, Vector gradient, const Parameters& parameters) override;
    void heavy_ball(const UpdateNumbers* numbers, double beta, Vector gradient, Vector velocity,
                    const Parameters& parameters) override;
    void sign_step(const UpdateNumbers* numbers, double beta, Vector gradient, Vector velocity,
                   const Parameters& parameters) override;
    void adam(const UpdateNumbers* numbers, const AdamSettings& settings, Vector gradient,
              Vector first_moment, Vector second_moment, const Parameters& parameters) override;
};

/// The same formulas in the same arithmetic (no contraction), so that a move has the CPU's bits where its
/// numbers have. W's new values are rounded for the coming products in the same pass. Queued on the device's
/// stream: nothing waits, allocates or copies, so that an update may be recorded.
class CudaUpdateOperations : public virtual UpdateOperations {
  public:
    explicit CudaUpdateOperations(device::Device& device) : device_(device) {}
    void begin_update(const UpdateSchedule& schedule, UpdateNumbers* numbers) override;
    void divide_by_norm(Vector gradient, UpdateNumbers* numbers) override;
    void judge_update(const double* value, UpdateNumbers* numbers, UpdateStatus* status) override;
    void descend(const UpdateNumbers* numbers, Vector gradient, const Parameters& parameters) override;
    void heavy_ball(const UpdateNumbers* numbers, double beta, Vector gradient, Vector velocity,
                    const Parameters& parameters) override;
    void sign_step(const UpdateNumbers* numbers, double beta, Vector gradient, Vector velocity,
                   const Parameters& parameters) override;
    void adam(const UpdateNumbers* numbers, const AdamSettings& settings, Vector gradient,
              Vector first_moment, Vector second_moment, const Parameters& parameters) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
