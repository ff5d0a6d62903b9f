#include "engine/training/products.hpp"

#include <fmt/format.h>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// V·m·d up to which the CPU multiplies in fp64: a step of some tenths of a second on two cores.
constexpr double fp64_products = 1e9;

constexpr Precision by_cost[] = {Precision::bf16, Precision::tf32, Precision::fp32, Precision::fp64};

Precision cheapest(const Stage& stage, double size, bool gpu) {
    const bool lbfgs = stage.optimizer == OptimizerKind::lbfgs, ridge = stage.lambda_end > 0;
    if (gpu) return lbfgs ? Precision::fp64 : ridge ? Precision::fp32 : Precision::bf16;
    return size <= fp64_products || (lbfgs && ridge) ? Precision::fp64 : Precision::fp32;
}

std::string supported(const Backend& backend) {
    std::string list;
    for (const auto& [name, precision] : names_of(Precision{}))
        if (backend.supports(precision)) list += std::string(name) + ", ";
    return list + "or auto";
}

}  // namespace

Precision choose_precision(const Stage& stage, double size, const Backend& backend) {
    const Precision least = cheapest(stage, size, backend.device() != "cpu");
    bool dear_enough = false;
    for (const Precision precision : by_cost) {
        dear_enough = dear_enough || precision == least;
        if (dear_enough && backend.supports(precision)) return precision;
    }
    return Precision::fp64;
}

void resolve_products(TrainingSettings& training, const Dataset& dataset, const Backend& backend) {
    for (std::size_t k = 0; k < training.stages.size(); ++k) {
        Stage& stage = training.stages[k];
        if (stage.batch > dataset.contexts())
            throw InputError(fmt::format("{}batch: {} is more than the {} contexts of the data set",
                                         stage_prefix(training, k), stage.batch, dataset.contexts()));
        const double size = static_cast<double>(dataset.vocab_size) *
                            static_cast<double>(stage.contexts_of_update(dataset.contexts())) *
                            static_cast<double>(training.dim);
        if (stage.precision_auto) {
            stage.precision = choose_precision(stage, size, backend);
            stage.precision_auto = false;
        } else if (!backend.supports(stage.precision)) {
            throw InputError(fmt::format("{}precision: the device {} does not multiply in {}; use {}",
                                         stage_prefix(training, k), backend.device(),
                                         name_of(stage.precision), supported(backend)));
        }
        if (stage.kernel == LossKernel::automatic) stage.kernel = LossKernel::plain;
        if (const std::string why_not = backend.why_not(stage.kernel, stage.precision); !why_not.empty())
            throw InputError(
                fmt::format("{}kernel: {}; use auto or plain", stage_prefix(training, k), why_not));
    }
}

}  // namespace ntpgeo
