// ntpgeo_limit and ntpgeo_path.
#include <algorithm>

#include "engine/exact/limit.hpp"
#include "engine/geometry/entries.hpp"
#include "engine/machine/device.hpp"
#include "engine/machine/seconds.hpp"
#include "engine/runs/exact.hpp"
#include "library/handles.hpp"

namespace ntpgeo {
namespace {

/// The backend that the settings leave a problem to, which has room for it.
std::unique_ptr<Backend> backend_for(ExactProblem problem, const ExactSettings& told,
                                     const Dataset& dataset) {
    std::string chosen = resolve_device(told.device);
    if (told.device == "auto" && exact_suits_cpu(exact_rows(problem, dataset), dataset.vocab_size))
        chosen = "cpu";
    std::unique_ptr<Backend> backend = make_backend(chosen);
    require_room(problem, *backend, dataset, told.shards);
    return backend;
}

void keep(const Dataset& dataset, SingularFactors factors, ntpgeo_result& result) {
    const std::int64_t rank = factors.rank();
    result.matrices["W"] = {dataset.vocab_size, rank, std::move(factors.words)};
    result.matrices["H"] = {dataset.contexts(), rank, std::move(factors.contexts)};
    result.matrices["sigma"] = {rank, 1, std::move(factors.sigma)};
}

/// Returns the status; the result is of the best point, whatever ended it, or empty where there was none.
int solve_limit(const Dataset& dataset, ExactSettings told, Watch& watch, ntpgeo_result& result) {
    check(settings_of(told), "");
    const auto backend = backend_for(ExactProblem::limit, told, dataset);
    const ExactSums sums(told.shards);
    LimitSolver solver(*backend, dataset, told.tolerance, LimitSolver::most_newton_iterations,
                       ThresholdBy::prediction, sums.get());
    const Stopwatch clock;
    const auto record = [&]() -> const ntpgeo_result::Shown& {
        return result.add(limit_record(*solver.best(), solver.proxy(), clock.elapsed()));
    };
    int status = NTPGEO_OK;
    const auto stop = [&] {
        status = stopped(fmt::format("limit: stopped by the caller at iteration {}", solver.iterations()));
    };
    try {
        while (!solver.ended()) {
            watch.poll();
            solver.advance();
            if (solver.ended()) break;  // the last record is the result's own
            const auto& newest = solver.newest();
            if (newest && newest->iterations == solver.iterations()) watch.show(record());
        }
    } catch (const Stopped&) {
        stop();
        if (!solver.newest() || solver.newest()->iterations != solver.iterations()) solver.advance(true);
    }
    keep(dataset, solver.factors(), result);
    const ntpgeo_result::Shown& last = record();
    result.steps = solver.iterations();
    result.reached = solver.finished();
    result.at_rest = solver.at_rest();
    result.supports = supports_hash(dataset);
    try {
        if (status == NTPGEO_OK) watch.show(last);
    } catch (const Stopped&) {  // NOLINT(bugprone-empty-catch): there is nothing left to stop
    }
    return status;
}

/// Returns the status; the result is of the last point that was made, and has no matrices where there is
/// none.
int walk_path(const Dataset& dataset, ExactSettings told, const ntpgeo_result* limit, Watch& watch,
              ntpgeo_result& result) {
    check(settings_of(told), "");
    std::optional<LimitFactors> factors = given_limit(limit, dataset);
    const auto backend = backend_for(ExactProblem::path, told, dataset);
    const ExactSums sums(told.shards);
    PathSolver solver(*backend, dataset, told.lambdas, told.tolerance, ThresholdBy::prediction, sums.get());
    bool all = true;
    const auto work = [&] {
        const WhileDoing poll = [&](const char*) { watch.poll(); };
        require_certifiable(*backend, dataset, told.lambdas, told.tolerance, poll, sums.get());
        if (!factors) factors = cheap_limit(*backend, dataset, poll);
        FigureMeter meter(*backend, dataset, factors ? &*factors : nullptr);
        meter.call_between_parts([&] { watch.poll(); });
        const Stopwatch clock;
        while (!solver.finished()) {
            watch.poll();
            if (!solver.advance()) continue;
            const PathCertificate& certificate = *solver.last();
            SingularFactors point = solver.factors();
            Record record = measure_point(meter, *backend, dataset, certificate, point,
                                          static_cast<std::int64_t>(solver.point()), clock.elapsed());
            all = all && certificate.relative_gap <= told.tolerance;
            if (told.save_points)
                keep(dataset, point, *result.points.emplace_back(std::make_unique<ntpgeo_result>()));
            keep(dataset, std::move(point), result);
            ++result.steps;
            watch.show(result.add(std::move(record)));
            if (solver.point() + 1 == told.lambdas.size()) break;
            solver.next_point();
        }
    };
    int status = NTPGEO_OK;
    try {
        work();
    } catch (const Stopped&) {
        status = stopped(fmt::format("path: stopped by the caller after {} of {} points", result.steps,
                                     told.lambdas.size()));
    }
    result.reached = all && result.steps == static_cast<std::int64_t>(told.lambdas.size());
    return status;
}

}  // namespace

std::uint64_t supports_hash(const Dataset& dataset) {
    std::uint64_t hash = 0xCBF29CE484222325U;
    const auto add = [&](std::int64_t value) {
        hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x100000001B3U;
        hash ^= hash >> 32;
    };
    add(dataset.vocab_size);
    for (const std::int64_t end : dataset.indptr) add(end);
    for (const std::int32_t token : dataset.indices) add(token);
    return hash == 0 ? 1 : hash;
}

std::optional<LimitFactors> given_limit(const ntpgeo_result* limit, const Dataset& dataset) {
    if (limit == nullptr) return std::nullopt;
    if (limit->supports == 0) throw InputError("limit: is no L_mm; give what ntpgeo_limit made");
    if (limit->supports != supports_hash(dataset))
        throw InputError(
            "limit: was made from another data set (its support sets are others); make it from this one");
    const ntpgeo_result::Matrix& words = limit->matrices.find("W")->second;
    return LimitFactors{dataset.vocab_size, dataset.contexts(), words.columns, words.values,
                        limit->matrices.find("H")->second.values};
}

}  // namespace ntpgeo

namespace {

/// A verb's call, whose `work` returns the status and fills the result.
template <class Work>
int call(const ntpgeo_dataset* data, ntpgeo_result** result, const Work& work) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(result, "result");
        *result = nullptr;
        ntpgeo::require(data, "data");
        auto made = std::make_unique<ntpgeo_result>();
        const int status = work(*made);
        if (!made->matrices.empty()) *result = made.release();
        return status;
    });
}

}  // namespace

extern "C" {

int ntpgeo_limit(const ntpgeo_dataset* data, const ntpgeo_settings* settings, const ntpgeo_watch* watch,
                 ntpgeo_result** result) {
    return call(data, result, [&](ntpgeo_result& made) {
        ntpgeo::Watch watched(watch);
        return ntpgeo::solve_limit(data->data, ntpgeo::settings_or_defaults(settings, "limit").exact, watched,
                                   made);
    });
}

int ntpgeo_limit_of(const ntpgeo_dataset* data, const double* words, const double* contexts, int64_t rank,
                    ntpgeo_result** result) {
    return call(data, result, [&](ntpgeo_result& made) {
        if (rank < 0) throw ntpgeo::InputError(fmt::format("rank: is {}; it must be 0 or more", rank));
        if (rank > 0) ntpgeo::require(words, "words");
        if (rank > 0) ntpgeo::require(contexts, "contexts");
        const ntpgeo::Dataset& held = data->data;
        const auto matrix = [&](const double* values, std::int64_t rows, const char* name) {
            ntpgeo_result::Matrix taken{rows, rank, {values, values + rows * rank}};
            if (rank > 0) ntpgeo::require_measurable(taken.values, rows, rank, name);
            return taken;
        };
        made.matrices["W"] = matrix(words, held.vocab_size, "words");
        made.matrices["H"] = matrix(contexts, held.contexts(), "contexts");
        made.supports = ntpgeo::supports_hash(held);
        return NTPGEO_OK;
    });
}

int ntpgeo_path(const ntpgeo_dataset* data, const ntpgeo_settings* settings, const ntpgeo_result* limit,
                const ntpgeo_watch* watch, ntpgeo_result** result) {
    return call(data, result, [&](ntpgeo_result& made) {
        ntpgeo::Watch watched(watch);
        return ntpgeo::walk_path(data->data, ntpgeo::settings_or_defaults(settings, "path").exact, limit,
                                 watched, made);
    });
}
}
