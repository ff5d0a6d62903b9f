// The optimizers' updates, in master precision. Contract with backend.hpp; the CPU twins are
// declared here.
#pragma once

#include <cstdint>

#include "kernels/base/views.hpp"

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

namespace update_cpu {

// The CPU's loss step has no operand, so that there is none to write here.

/// x ← x − rate·g.
void descend(double rate, Vector gradient, const Parameters& parameters);
/// v ← momentum·v + g, x ← x − rate·v.
void heavy_ball(double momentum, double rate, Vector gradient, Vector velocity, const Parameters& parameters);
void adam(const AdamStep& step, Vector gradient, Vector first_moment, Vector second_moment,
          const Parameters& parameters);

}  // namespace update_cpu
}  // namespace ntpgeo
