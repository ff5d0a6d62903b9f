// The exact regularization path min CE(L) + λ‖L‖_* (design 1.2), each point with a certificate
// (design 1.4, 4.3).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/exact/merged.hpp"
#include "engine/exact/splitting.hpp"

namespace ntpgeo {

/// What is known of the path's point at `lambda`: the optimal value, as an excess over Hent, lies between
/// `bound_excess` and `objective_excess`, which is that of the point. Both hold in floating-point arithmetic.
struct PathCertificate {
    double lambda = 0;
    std::int64_t iterations = 0;  ///< spent on this point
    double objective_excess = 0, bound_excess = 0;
    /// (objective_excess − bound_excess)/objective_excess, from 0 to 1; 0 where the objective is below
    /// 1e-28, the rounding of the labels themselves
    double relative_gap = 0;
    /// What of the gap is granted to rounding: no point of this λ, however close to the optimum, is certified
    /// to less (design (4.3-5)).
    double rounding = 0;
    double nuclear_norm = 0;
    std::int64_t rank = 0;  ///< σ > 1e-6 σ₁
};

/// Walks down a grid of λ on merged contexts. `backend` and `dataset` must outlive it. Ranks that share the
/// rows call the same in the same order, and learn the same of it.
class PathSolver {
  public:
    /// `lambdas` fall strictly and are positive. Throws InputError where they do not or `tolerance` is not
    /// positive, or `sums`, by whose shards rows are shared where it is not null, has more than there are
    /// groups of contexts or words. A tolerance that fp64 cannot certify is never reached
    /// (path_tolerance.hpp).
    PathSolver(Backend& backend, const Dataset& dataset, std::vector<double> lambdas, double tolerance,
               ThresholdBy by = ThresholdBy::prediction, const TeamSums* sums = nullptr);

    /// Whether every point is done.
    [[nodiscard]] bool finished() const { return point_ == lambdas_.size(); }
    /// Starts from given logits [m, V], the mean over each group's members, instead of from larger λ. For a
    /// grid of one λ: they are no point of the path that a next one could be extrapolated from. All rows are
    /// here.
    void start_from(const std::vector<double>& logits);

    /// One iteration on the current point; a certificate is made where it is due. Returns true where the
    /// current point has reached the tolerance, or its gap has stopped falling: then the point is as it was
    /// when it was certified, and `next_point` goes on. Throws OutOfDeviceMemory, as next_point does, with a
    /// state to go on from.
    bool advance();
    /// One iteration, whatever the gap; and one that is certified too.
    void step();
    PathCertificate step_and_certify();
    /// The last certificate of the current point; null before its first.
    [[nodiscard]] const std::optional<PathCertificate>& last() const { return last_; }
    /// After advance() returned true: factors of the point, words [V, r], contexts [m, r]. Of many ranks the
    /// first has them, as the next.
    [[nodiscard]] SingularFactors factors();
    /// After advance() returned true: the X [m, V] that the bound comes from, one row a context.
    [[nodiscard]] std::vector<double> bound_logits();
    /// To the next λ, from an extrapolation in log λ.
    void next_point();

    /// The place of the current λ in the grid; 0 also on the way to its first.
    [[nodiscard]] std::size_t point() const { return point_ - std::min(point_, on_the_way_); }
    [[nodiscard]] double lambda() const { return lambdas_[point_]; }
    [[nodiscard]] std::int64_t iterations() const { return iterations_; }
    /// How many thresholds products alone have made.
    [[nodiscard]] std::int64_t made_by_products() const { return splitting_.spectrum().made_by_products(); }

    /// All that a later process needs: the acceleration's history is not part of it.
    struct State {
        std::size_t point = 0;  ///< of a grid that begins with the λ on the way
        std::int64_t iterations = 0;
        double rho = 0;
        std::vector<double> y, x, current, previous;  ///< [K, V] each; the last two are the points before
    };
    /// Of many ranks the first has the matrices.
    [[nodiscard]] State state() const;
    /// Every rank is given all rows.
    void restore(const State& state);

    /// Bytes of the backend's memory for `rows` groups of contexts, on one rank; 0 shards: none.
    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab, std::int64_t shards = 0);

  private:
    [[nodiscard]] const double* scales() const { return scales_.as<double>() + rows_.own().first; }
    void choose_penalty();
    void propose(Remember remember);
    PathCertificate certify();
    void accept();
    [[noreturn]] void not_finite() const;
    [[nodiscard]] Matrix matrix(const Array& array) const;

    Backend& backend_;
    MergedContexts merged_;
    SolverRows rows_;
    Labels labels_;
    Array scales_;      // of all rows, as the labels are
    Array unfinished_;  // [1] own columns that the last prox left short of its optimum
    Splitting splitting_;
    Array current_, previous_;  // the path's points at the two λ before this one
    std::vector<double> lambdas_;
    double tolerance_, nnz_norm_, rho_ = 0;
    std::size_t point_ = 0, on_the_way_ = 0;  // in lambdas_, whose first on_the_way_ were not asked for
    std::int64_t iterations_ = 0;
    CertificateSchedule schedule_;
    std::optional<PathCertificate> last_;
};

}  // namespace ntpgeo
