#include "engine/training/objective.hpp"

namespace ntpgeo {

Matrix words_of(Vector x, const ModelShape& shape) {
    return {x.data, x.real, shape.vocab_size, shape.dim};
}

Matrix contexts_of(Vector x, const ModelShape& shape) {
    return {static_cast<char*>(x.data) + shape.vocab_size * shape.dim * bytes_of(x.real), x.real,
            shape.contexts, shape.dim};
}

Objective::Objective(Backend& backend, const LabelsView& labels, const LossPlan& plan)
    : backend_(backend),
      shape_{labels.vocab_size, labels.contexts, plan.dim},
      step_(backend.make_loss_step(labels, plan)) {}

double Objective::evaluate(Vector x, double lambda, Vector gradient) {
    const LossSums sums = step_->run(words_of(x, shape_), contexts_of(x, shape_), lambda,
                                     words_of(gradient, shape_), contexts_of(gradient, shape_));
    return lambda == 0 ? sums.excess_loss : sums.excess_loss + 0.5 * lambda * backend_.dot(x, x);
}

}  // namespace ntpgeo
