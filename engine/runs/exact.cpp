#include "engine/runs/exact.hpp"

#include <algorithm>
#include <utility>

#include "engine/exact/limit.hpp"
#include "engine/exact/merged.hpp"
#include "engine/exact/path_tolerance.hpp"
#include "engine/machine/memory.hpp"

namespace ntpgeo {
namespace {

/// Up to this many entries L_mm is solved for first where none is given.
constexpr std::int64_t cheap_entries = 200'000;
constexpr double cheap_tolerance = 1e-6;

}  // namespace

bool exact_suits_cpu(std::int64_t classes, std::int64_t vocab) {
    return static_cast<double>(classes) * static_cast<double>(vocab) *
               static_cast<double>(std::min(classes, vocab)) <
           exact_on_gpu_from;
}

std::int64_t exact_rows(ExactProblem problem, const Dataset& dataset) {
    return problem == ExactProblem::limit ? support_classes(dataset).count()
                                          : merge_by_label(dataset).labels.contexts();
}

void require_decomposable_rows(ExactProblem problem, Backend& backend, const Dataset& dataset) {
    require_decomposable(backend, std::min(exact_rows(problem, dataset), dataset.vocab_size),
                         name_of(problem));
}

void require_room(ExactProblem problem, Backend& backend, const Dataset& dataset, std::int64_t shards) {
    const std::int64_t rows = exact_rows(problem, dataset), vocab = dataset.vocab_size;
    require_decomposable_rows(problem, backend, dataset);
    require_memory(backend,
                   problem == ExactProblem::limit ? LimitSolver::bytes(rows, vocab, shards)
                                                  : PathSolver::bytes(rows, vocab, shards),
                   name_of(problem));
}

void require_certifiable(Backend& backend, const Dataset& dataset, const std::vector<double>& lambdas,
                         double tolerance, const WhileDoing& between, const TeamSums* sums) {
    const std::int64_t rows = exact_rows(ExactProblem::path, dataset);
    if (tolerance >= surely_certified_tolerance(rows, dataset.vocab_size)) return;
    ToleranceSurvey survey(backend, dataset, lambdas, sums);
    while (!survey.finished()) {
        between("the least tolerance was looked for");
        survey.advance();
    }
    survey.require(tolerance);
}

std::optional<LimitFactors> cheap_limit(Backend& backend, const Dataset& dataset, const WhileDoing& between) {
    if (support_classes(dataset).count() * dataset.vocab_size > cheap_entries) return std::nullopt;
    LimitSolver solver(backend, dataset, cheap_tolerance);
    while (!solver.ended()) {
        between("L_mm was solved for");
        solver.advance();
    }
    return limit_factors(dataset, solver.factors());
}

LimitFactors limit_factors(const Dataset& dataset, SingularFactors factors) {
    return {dataset.vocab_size, dataset.contexts(), factors.rank(), std::move(factors.words),
            std::move(factors.contexts)};
}

Record measure_point(FigureMeter& meter, Backend& backend, const Dataset& dataset,
                     const PathCertificate& certificate, const SingularFactors& factors, std::int64_t point,
                     double time_s) {
    // A matrix of rank 0 is measured with one column of zeros.
    const std::int64_t dim = std::max<std::int64_t>(factors.rank(), 1);
    const auto upload = [&](const std::vector<double>& values, std::int64_t rows) {
        return upload_array(backend,
                            values.empty() ? std::vector<double>(static_cast<std::size_t>(rows)) : values);
    };
    const Array words = upload(factors.words, dataset.vocab_size),
                contexts = upload(factors.contexts, dataset.contexts());
    const Figures figures = meter.measure(words.matrix(Real::fp64, dataset.vocab_size, dim),
                                          contexts.matrix(Real::fp64, dataset.contexts(), dim),
                                          certificate.lambda, Precision::fp64, 0, point);
    return path_record(certificate, figures, time_s, backend.device());
}

}  // namespace ntpgeo
