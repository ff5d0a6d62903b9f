#include "engine/training/objective.hpp"

#include <utility>

namespace ntpgeo {

Matrix words_of(Vector flat, const ModelShape& shape) {
    return {flat.data, flat.real, shape.vocab_size, shape.dim};
}

Matrix contexts_of(Vector flat, const ModelShape& shape) {
    return {static_cast<char*>(flat.data) + shape.vocab_size * shape.dim * bytes_of(flat.real), flat.real,
            shape.contexts, shape.dim};
}

Vector trained_part(Vector flat, const ModelShape& shape, Frozen frozen) {
    if (frozen == Frozen::words) return contexts_of(flat, shape).flat();
    if (frozen == Frozen::contexts) return words_of(flat, shape).flat();
    return flat;
}

WholeObjective::WholeObjective(Backend& backend, const LabelsView& labels, Vector parameters,
                               std::int64_t dim)
    : backend_(backend),
      labels_(labels),
      shape_{labels.vocab_size, labels.contexts, dim},
      parameters_(parameters) {}

void WholeObjective::configure(Precision precision, LossKernel kernel, Frozen frozen) {
    frozen_ = frozen;
    in_operand_ = nullptr;
    batch_.reset();
    if (step_ && precision == precision_ && kernel == kernel_) return;
    precision_ = precision;
    kernel_ = kernel;
    step_.reset();
    step_ = backend_.make_loss_step(labels_, {shape_.dim, parameters_.real, precision, 0, 0, kernel});
}

void WholeObjective::rest(Frozen frozen) {
    frozen_ = frozen;
    step_.reset();
}

Parameters WholeObjective::update_of(Vector x) {
    if (frozen_ == Frozen::words) return {x, {}};
    in_operand_ = x.data;  // W comes first
    return {x, step_->words_operand()};
}

ModelPoint point_of(Vector parameters, const ModelShape& shape, Frozen frozen, Vector x, Vector gradient) {
    ModelPoint point{words_of(parameters, shape), contexts_of(parameters, shape), {}, {}};
    if (frozen == Frozen::nothing)
        return {words_of(x, shape), contexts_of(x, shape), words_of(gradient, shape),
                contexts_of(gradient, shape)};
    if (frozen == Frozen::words) {
        point.contexts.data = x.data;
        point.contexts_gradient = {gradient.data, gradient.real, point.contexts.rows, point.contexts.columns};
    } else {
        point.words.data = x.data;
        point.words_gradient = {gradient.data, gradient.real, point.words.rows, point.words.columns};
    }
    return point;
}

void WholeObjective::find_operand(const Matrix& words) {
    if (std::exchange(in_operand_, nullptr) == words.data) step_->words_are_in_operand();
    if (frozen_ == Frozen::words) in_operand_ = words.data;  // where this evaluation leaves it
}

void WholeObjective::enqueue(Vector x, const double* ridge, Vector gradient) {
    const InRegion region(backend_, Region::loss);
    const ModelPoint at = point(x, gradient);
    find_operand(at.words);
    step_->enqueue(at.words, at.contexts, ridge, at.words_gradient, at.contexts_gradient);
    if (batch_ && at.contexts_gradient.data)
        backend_.weigh_ridge(at.contexts, *batch_, ridge, at.contexts_gradient);
}

double WholeObjective::evaluate(Vector x, double lambda, Vector gradient) {
    const InRegion region(backend_, Region::loss);
    const ModelPoint at = point(x, gradient);
    find_operand(at.words);
    const LossSums sums = step_->run(at.words, at.contexts, lambda, at.words_gradient, at.contexts_gradient);
    return lambda == 0 ? sums.excess_loss : sums.excess_loss + 0.5 * lambda * backend_.dot(x, x);
}

}  // namespace ntpgeo
