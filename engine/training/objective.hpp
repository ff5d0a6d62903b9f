// The training objective CE(WHᵀ) − Hent + λ/2 (‖W‖² + ‖H‖²) as a function of one flat vector, which is what
// optimizers see: [W; H], or the one factor that is trained where the other is frozen. The entropy and the
// frozen factor's ridge are left out: they are constants, and without them the value keeps its digits.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

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

/// What optimizers see of the problem: the objective and its gradient, and sums over all that is trained, be
/// it here or on other ranks. Vectors are of size(): this process's rows.
class Objective {
  public:
    Objective() = default;
    Objective(const Objective&) = delete;
    Objective& operator=(const Objective&) = delete;
    virtual ~Objective() = default;

    /// How the coming evaluations multiply and what they train; a frozen factor may change before this alone.
    /// What makes the loss is made anew where precision or kernel are others, after the old one has given its
    /// memory back.
    virtual void configure(Precision precision, LossKernel kernel, Frozen frozen) = 0;
    /// Gives that memory back: another trains what is not `frozen`, until this is configured again.
    virtual void rest(Frozen frozen) = 0;
    /// From the next `configure` on no more, the rows of H are a batch's, and have of λ what it says.
    virtual void weigh_ridge(const BatchView& batch) = 0;

    /// Excess loss plus ridge at x, and the gradient of the same (overwritten). Counts no state.
    virtual double evaluate(Vector x, double lambda, Vector gradient) = 0;
    /// Queues the loss at x and its gradient, λ being *ridge in backend memory when it runs; the excess loss
    /// is left in value().
    virtual void enqueue(Vector x, const double* ridge, Vector gradient) = 0;
    [[nodiscard]] virtual const double* value() const = 0;
    /// Work that calls `enqueue`, as Replays makes it.
    [[nodiscard]] virtual std::unique_ptr<Replay> make_replay(std::function<void()> work) = 0;

    /// What the next update of x moves, x being what the next evaluation is of. Between the update and that
    /// evaluation nothing else may change x.
    virtual Parameters update_of(Vector x) = 0;
    /// Where the pieces of x end that such an update is to move one after the other, and that one of them has
    /// been moved, or is queued to be.
    [[nodiscard]] virtual std::vector<std::int64_t> pieces_of_update() const { return {size()}; }
    virtual void moved(Vector x, std::int64_t end) {
        static_cast<void>(x);
        static_cast<void>(end);
    }

    /// As VectorOperations and UpdateOperations have them, over all rows.
    virtual double dot(Vector x, Vector y) = 0;
    virtual std::vector<double> products(const std::vector<Vector>& left, Matrix right) = 0;
    virtual void divide_by_norm(Vector gradient, UpdateNumbers* numbers) = 0;

    [[nodiscard]] virtual Backend& backend() const = 0;
    /// The trained part of the parameters.
    [[nodiscard]] virtual Vector trained() const = 0;
    [[nodiscard]] std::int64_t size() const { return trained().size; }
};

/// Parameters and their gradients, as a loss step takes them.
struct ModelPoint {
    Matrix words, contexts, words_gradient, contexts_gradient;
};
/// At x, which is what of `parameters` is not frozen; that has no gradient, and is read where it lies.
ModelPoint point_of(Vector parameters, const ModelShape& shape, Frozen frozen, Vector x, Vector gradient);

/// Of a problem whose rows are all here.
class WholeObjective final : public Objective {
  public:
    /// `parameters` is [W; H] in memory that outlives the objective; what is frozen is read from it.
    WholeObjective(Backend& backend, const LabelsView& labels, Vector parameters, std::int64_t dim);

    void configure(Precision precision, LossKernel kernel, Frozen frozen) override;
    void rest(Frozen frozen) override;
    void weigh_ridge(const BatchView& batch) override { batch_ = batch; }
    double evaluate(Vector x, double lambda, Vector gradient) override;
    void enqueue(Vector x, const double* ridge, Vector gradient) override;
    [[nodiscard]] const double* value() const override { return step_->sums(); }
    [[nodiscard]] std::unique_ptr<Replay> make_replay(std::function<void()> work) override {
        return backend_.make_replay(std::move(work));
    }
    Parameters update_of(Vector x) override;
    double dot(Vector x, Vector y) override { return backend_.dot(x, y); }
    std::vector<double> products(const std::vector<Vector>& left, Matrix right) override {
        return backend_.products(left, right);
    }
    void divide_by_norm(Vector gradient, UpdateNumbers* numbers) override {
        backend_.divide_by_norm(gradient, numbers);
    }
    [[nodiscard]] Backend& backend() const override { return backend_; }
    [[nodiscard]] Vector trained() const override { return trained_part(parameters_, shape_, frozen_); }

  private:
    [[nodiscard]] ModelPoint point(Vector x, Vector gradient) const {
        return point_of(parameters_, shape_, frozen_, x, gradient);
    }
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
