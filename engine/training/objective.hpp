// The training objective CE(WHᵀ) − Hent + λ/2 (‖W‖² + ‖H‖²) as a function of one flat vector x = [W; H],
// which is what optimizers see. The entropy is left out: it is a constant, and without it the value keeps its
// digits.
#pragma once

#include <memory>

#include "kernels/backend.hpp"

namespace ntpgeo {

/// Where W [V,d] and H [m,d] lie in the flat vector.
struct ModelShape {
    std::int64_t vocab_size = 0, contexts = 0, dim = 0;

    [[nodiscard]] std::int64_t size() const { return (vocab_size + contexts) * dim; }
};
Matrix words_of(Vector x, const ModelShape& shape);
Matrix contexts_of(Vector x, const ModelShape& shape);

class Objective {
  public:
    Objective(Backend& backend, const LabelsView& labels, const LossPlan& plan);

    /// Excess loss plus ridge at x, and the gradient of the same (flat, overwritten). Counts no state.
    double evaluate(Vector x, double lambda, Vector gradient);

    [[nodiscard]] Backend& backend() const { return backend_; }
    [[nodiscard]] const ModelShape& shape() const { return shape_; }

  private:
    Backend& backend_;
    ModelShape shape_;
    std::unique_ptr<LossStep> step_;
};

}  // namespace ntpgeo
