// The training objective CE(WHᵀ) − Hent + λ/2 (‖W‖² + ‖H‖²) as a function of one flat vector, which is what
// optimizers see: [W; H], or the one factor that is trained where the other is frozen. The entropy and the
// frozen factor's ridge are left out: they are constants, and without them the value keeps its digits.
#pragma once

#include <memory>
#include <optional>

#include "engine/training/settings.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// Where W [V,d] and H [m,d] lie in the flat vector [W; H].
struct ModelShape {
    std::int64_t vocab_size = 0, contexts = 0, dim = 0;

    [[nodiscard]] std::int64_t size() const { return (vocab_size + contexts) * dim; }
};
Matrix words_of(Vector flat, const ModelShape& shape);
Matrix contexts_of(Vector flat, const ModelShape& shape);
/// The part that is trained: all of it, W or H.
Vector trained_part(Vector flat, const ModelShape& shape, Frozen frozen);

class Objective {
  public:
    /// `parameters` is [W; H] in memory that outlives the objective; what is frozen is read from it.
    Objective(Backend& backend, const LabelsView& labels, Vector parameters, std::int64_t dim);

    /// How the coming evaluations multiply and what they train; a frozen factor may change before this alone.
    /// The loss step is made anew where precision or kernel are others, after the old one has given its
    /// memory back.
    void configure(Precision precision, LossKernel kernel, Frozen frozen);

    /// Gives the loss step's memory back: another trains what is not `frozen`, until this is configured
    /// again.
    void rest(Frozen frozen);

    /// Excess loss plus ridge at x [size()], and the gradient of the same (overwritten). Counts no state.
    double evaluate(Vector x, double lambda, Vector gradient);

    /// From the next `configure` on no more, the rows of H are a batch's, and have of λ what it says.
    void weigh_ridge(const BatchView& batch) { batch_ = batch; }

    /// Queues the loss at x and its gradient as LossStep::enqueue does; the excess loss is left in value().
    void enqueue(Vector x, const double* ridge, Vector gradient);
    [[nodiscard]] const double* value() const { return step_->sums(); }

    /// What the next update of x moves, x being what the next evaluation is of. Between the update and that
    /// evaluation nothing else may change x.
    Parameters update_of(Vector x);

    [[nodiscard]] Backend& backend() const { return backend_; }
    /// The trained part of the parameters.
    [[nodiscard]] Vector trained() const { return trained_part(parameters_, shape_, frozen_); }
    [[nodiscard]] std::int64_t size() const { return trained().size; }

  private:
    /// Parameters and gradients as the loss step takes them.
    struct Point {
        Matrix words, contexts, words_gradient, contexts_gradient;
    };
    [[nodiscard]] Point point(Vector x, Vector gradient) const;
    /// Tells the loss step where its operand already holds these words.
    void find_operand(const Matrix& words);

    Backend& backend_;
    LabelsView labels_;
    ModelShape shape_;
    Vector parameters_;
    Frozen frozen_ = Frozen::nothing;
    Precision precision_ = Precision::fp64;
    LossKernel kernel_ = LossKernel::automatic;
    std::unique_ptr<LossStep> step_;
    std::optional<BatchView> batch_;    // whose rows H's are, where their ridge is weighed
    const void* in_operand_ = nullptr;  // the W that the loss step will find in its operand
};

}  // namespace ntpgeo
