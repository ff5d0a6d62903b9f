// The optimizers' updates, in master precision.
#pragma once

#include "kernels/base/views.hpp"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {

/// One Adam update (Kingma and Ba, arXiv 1412.6980, algorithm 1):
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², x ← x − (decay·x + lr·(m/correction1)/(√(v/correction2) + ε)).
struct AdamStep {
    double learning_rate = 0.01;
    double beta1 = 0.9, beta2 = 0.999;
    double epsilon = 1e-15;
    double correction1 = 1, correction2 = 1;  ///< 1 − β₁ᵗ and 1 − β₂ᵗ after t updates, this one included
    double decay = 0;                         ///< lr·λ of a decoupled decay (arXiv 1711.05101)
};

/// Each moves the parameters x along a gradient g, and leaves W's new values in the loss step's operand as
/// well, where there is one.
class UpdateOperations {
  public:
    virtual ~UpdateOperations() = default;

    /// x ← x − rate·g.
    virtual void descend(double rate, Vector gradient, const Parameters& parameters) = 0;
    /// v ← β·v + g, x ← x − rate·v.
    virtual void heavy_ball(double beta, double rate, Vector gradient, Vector velocity,
                            const Parameters& parameters) = 0;
    /// The same v, and x ← x − rate·sign(v), where sign 0 = 0.
    virtual void sign_step(double beta, double rate, Vector gradient, Vector velocity,
                           const Parameters& parameters) = 0;
    virtual void adam(const AdamStep& step, Vector gradient, Vector first_moment, Vector second_moment,
                      const Parameters& parameters) = 0;
};

/// The CPU's loss step has no operand, so that there is none to write. A descent is the vectors' axpy.
class CpuUpdateOperations : public virtual UpdateOperations, public virtual VectorOperations {
  public:
    void descend(double rate, Vector gradient, const Parameters& parameters) override;
    void heavy_ball(double beta, double rate, Vector gradient, Vector velocity,
                    const Parameters& parameters) override;
    void sign_step(double beta, double rate, Vector gradient, Vector velocity,
                   const Parameters& parameters) override;
    void adam(const AdamStep& step, Vector gradient, Vector first_moment, Vector second_moment,
              const Parameters& parameters) override;
};

/// The same formulas in the same arithmetic (no contraction), so that they have the CPU's bits. W's new
/// values are rounded for the coming products in the same pass. Queued on the device's stream.
class CudaUpdateOperations : public virtual UpdateOperations {
  public:
    explicit CudaUpdateOperations(device::Device& device) : device_(device) {}
    void descend(double rate, Vector gradient, const Parameters& parameters) override;
    void heavy_ball(double beta, double rate, Vector gradient, Vector velocity,
                    const Parameters& parameters) override;
    void sign_step(double beta, double rate, Vector gradient, Vector velocity,
                   const Parameters& parameters) override;
    void adam(const AdamStep& step, Vector gradient, Vector first_moment, Vector second_moment,
              const Parameters& parameters) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
