// What the program and the library share of `limit` and `path`, without folders, progress and signals: what
// is refused before anything is solved, and the records of a path.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "engine/exact/path.hpp"
#include "engine/geometry/limit_geometry.hpp"
#include "engine/geometry/record.hpp"

namespace ntpgeo {

/// V·K·min(V, K) up to which `auto` leaves an exact solver over K classes of V words to the CPU: a GPU's
/// eigenvalue decompositions are bound by their columns' latency. Predicted at 35 µs a column, a step of 128
/// words over 3,000 classes takes a GPU 4.5 ms and two cores about as long.
inline constexpr double exact_on_gpu_from = 5e7;
bool exact_suits_cpu(std::int64_t classes, std::int64_t vocab);

enum class ExactProblem { limit, path };
/// The verb that solves it.
constexpr const char* name_of(ExactProblem problem) {
    return problem == ExactProblem::limit ? "limit" : "path";
}

/// Rows that a solver works on: the support classes of limit, the groups of contexts of equal labels of path.
std::int64_t exact_rows(ExactProblem problem, const Dataset& dataset);

/// What these rows are called.
constexpr const char* rows_of(ExactProblem problem) {
    return problem == ExactProblem::limit ? "support classes" : "groups of contexts of equal labels";
}

/// By what a solver's rows are shared: the shards of a run, on a team's ranks or on one.
class ExactSums {
  public:
    /// 0 shards: none, and all rows are here. `team` (null: one rank) must outlive it.
    explicit ExactSums(std::int64_t shards, Team* team = nullptr) {
        if (shards > 0) sums_.emplace(team ? *team : alone_, shards);
    }
    [[nodiscard]] const TeamSums* get() const { return sums_ ? &*sums_ : nullptr; }

  private:
    Alone alone_;
    std::optional<TeamSums> sums_;
};

/// Throws InputError where the device decomposes no matrix of the size, or has no memory for the solver, on
/// one rank; 0 shards: none.
void require_room(ExactProblem problem, Backend& backend, const Dataset& dataset, std::int64_t shards = 0);
void require_decomposable_rows(ExactProblem problem, Backend& backend, const Dataset& dataset);

/// Called now and then by what takes long before there is anything to show, with what is being done ("L_mm
/// was solved for"); may throw to leave it.
using WhileDoing = std::function<void(const char* doing)>;

/// Throws InputError where the tolerance is none that fp64 can certify at these λ, with the least that is.
/// Where `sums` is not null, its ranks share the rows, and call it alike.
void require_certifiable(Backend& backend, const Dataset& dataset, const std::vector<double>& lambdas,
                         double tolerance, const WhileDoing& between, const TeamSums* sums = nullptr);

/// The L_mm that a path is measured against where none is given: solved where that is cheap, else none.
std::optional<LimitFactors> cheap_limit(Backend& backend, const Dataset& dataset, const WhileDoing& between);

/// The factors as figures take them.
LimitFactors limit_factors(const Dataset& dataset, SingularFactors factors);

/// The record of a path's point number `point`, `time_s` into the work.
Record measure_point(FigureMeter& meter, Backend& backend, const Dataset& dataset,
                     const PathCertificate& certificate, const SingularFactors& factors, std::int64_t point,
                     double time_s);

}  // namespace ntpgeo
