#include "engine/runs/shared_pass.hpp"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <span>
#include <vector>

#include "engine/geometry/rounding.hpp"
#include "engine/training/shared_objective.hpp"
#include "kernels/team/first_rank.hpp"

namespace ntpgeo {
namespace {

/// The norm of the rows of all ranks; an empty matrix has none. As norm() of rounding.hpp, also where squares
/// underflow.
double shared_norm(Backend& backend, const SharedRows& rows, Matrix words, Matrix contexts) {
    const auto square = [&] {
        return rows.sum(words, contexts, [&](const Matrix& all, const RowRange& of_shard) {
            const Vector part{static_cast<double*>(all.data) + of_shard.first * all.columns, Real::fp64,
                              of_shard.size() * all.columns};
            return backend.dot(part, part);
        });
    };
    const auto scale = [&](double by) {
        for (const Matrix& own : {words, contexts})
            if (own.data) backend.scale(by, own.flat());
    };
    return norm_of_square(square(), square, scale);
}

std::vector<double> numbers_on_first(Team& team, Memory& memory, const Array& own,
                                     std::span<const std::int64_t> offsets) {
    const std::vector<std::byte> bytes =
        on_first_rank(team, memory, own.data(), static_cast<std::int64_t>(sizeof(double)), offsets);
    std::vector<double> numbers(bytes.size() / sizeof(double));
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return numbers;
}

}  // namespace

LossPass shared_pass(Backend& backend, const SharedRows& rows, Matrix words, Matrix contexts, double ridge,
                     Precision precision) {
    const InRegion region(backend, Region::record);
    const ModelShape shape{rows.words().size(), rows.contexts().size(), words.columns};
    const Array memory(backend, shape.size() * 8), gradient(backend, shape.size() * 8);
    const Vector flat = memory.vector(Real::fp64, shape.size()),
                 flat_gradient = gradient.vector(Real::fp64, shape.size());
    const ModelPoint own = point_of(flat, shape, Frozen::nothing, flat, flat_gradient);
    backend.copy(words.flat(), own.words.flat());
    backend.copy(contexts.flat(), own.contexts.flat());
    const DetailArrays detail(backend, rows.view());
    SharedObjective objective(backend, rows, rows.slices(), rows.bounds(), flat, shape);
    objective.configure(precision, LossKernel::automatic, Frozen::nothing);

    LossPass pass;
    const LossSums sums = objective.look(flat, ridge, flat_gradient, detail.view());
    pass.excess_loss = sums.excess_loss;
    pass.off_support_mass = sums.off_support_mass;
    const auto norm_of = [&](const Matrix& of_words, const Matrix& of_contexts) {
        return shared_norm(backend, rows, of_words, of_contexts);
    };
    pass.words_norm = norm_of(own.words, {});
    pass.contexts_norm = norm_of({}, own.contexts);
    pass.words_grad_norm = norm_of(own.words_gradient, {});
    pass.contexts_grad_norm = norm_of({}, own.contexts_gradient);
    pass.grad_norm = norm_of(own.words_gradient, own.contexts_gradient);
    pass.up_words = into_range(pass.words_norm);
    pass.up_contexts = into_range(pass.contexts_norm);
    if (pass.up_words != 1 || pass.up_contexts != 1) {
        backend.scale(pass.up_words, own.words.flat());
        backend.scale(pass.up_contexts, own.contexts.flat());
        objective.look(flat, 0, {}, detail.view());
    }

    Team& team = rows.sums().team();
    const std::vector<std::int64_t> by_context = rows.sums().shards().offsets(rows.dataset().contexts());
    std::vector<std::int64_t> by_entry;
    by_entry.reserve(by_context.size());
    for (const std::int64_t context : by_context) by_entry.push_back(rows.dataset().indptr[context]);
    pass.support_logits = numbers_on_first(team, backend, detail.support_logits, by_entry);
    pass.mean_logits = numbers_on_first(team, backend, detail.mean_logits, by_context);
    pass.off_support_max = numbers_on_first(team, backend, detail.off_support_max, by_context);
    pass.off_support_square = numbers_on_first(team, backend, detail.off_support_square, by_context);
    return pass;
}

std::int64_t shared_pass_bytes(Backend& backend, const Dataset& dataset, std::int64_t dim,
                               Precision precision, std::int64_t shards) {
    const ModelShape shape{dataset.vocab_size, dataset.contexts(), dim};
    return 8 * (2 * shape.size() + dataset.nnz() + 3 * dataset.contexts() + 2 * shards + 1) +
           SharedObjective::bytes(backend, {.precision = precision}, Real::fp64, shape, shards,
                                  shard_bounds(dataset, {shards, 1}));
}

}  // namespace ntpgeo
