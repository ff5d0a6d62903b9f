// L_mm, the direction of the low-rank part (design 1.3): the NTP-SVM, solved with a certificate
// (design 1.4, 4.2).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/exact/merged.hpp"
#include "engine/exact/newton.hpp"
#include "engine/exact/splitting.hpp"

namespace ntpgeo {

/// What is known of L_mm after so many iterations: ‖L_mm‖_* lies between `bound` and `nuclear_norm`, which is
/// that of a feasible matrix; both hold in floating-point arithmetic.
struct LimitCertificate {
    std::int64_t iterations = 0;
    double nuclear_norm = 0;
    std::optional<double> bound;            ///< null where every support is full: L_mm = 0
    std::optional<double> relative_gap;     ///< (nuclear_norm − bound)/nuclear_norm, or null
    std::int64_t rank = 0;                  ///< of the feasible matrix: σ > 1e-6 σ₁
    std::optional<double> proxy_alignment;  ///< cos of the feasible matrix with S̃
};

/// How S̃ itself stands to L_mm (design 1.4).
struct ProxyTest {
    double nuclear_norm = 0;  ///< ‖S̃‖_*
    /// Share of off-support entries at which UVᵀ of S̃ is above 1e-10; 0 is what L_mm = S̃ needs, see
    /// judge_proxy. Null where there is no such entry.
    std::optional<double> sign_violations;
};

enum class ProxyVerdict {
    is_limit,   ///< the signs of UVᵀ prove it, and the two norms agree as far as the gap is known
    is_longer,  ///< a feasible point of a smaller nuclear norm is known
    unproven
};

/// What a certificate of this norm and relative gap proves of S̃. NaNs prove nothing.
ProxyVerdict judge_proxy(const ProxyTest& proxy, double nuclear_norm, double relative_gap);

/// Solves NTP-SVM on merged contexts: 20 steps of Douglas-Rachford splitting, then a smoothed Newton
/// iteration where its basis has room, else splitting on. `backend` and `dataset` must outlive it. Ranks that
/// share the rows call the same in the same order, and learn the same of it.
class LimitSolver {
  public:
    /// What ends a run that neither reaches its tolerance nor comes to rest.
    static constexpr std::int64_t most_newton_iterations = 80;

    /// Throws InputError where `tolerance` is not positive or below what fp64 can certify here (and says what
    /// it can), or `sums`, by whose shards rows are shared where it is not null, has more than there are
    /// support classes or words. `newton_iterations` at most are made of Newton's method; with 0 splitting
    /// goes on.
    LimitSolver(Backend& backend, const Dataset& dataset, double tolerance,
                std::int64_t newton_iterations = most_newton_iterations,
                ThresholdBy by = ThresholdBy::prediction, const TeamSums* sums = nullptr);

    /// One iteration; where a certificate is due, or `certify` asks for one, it is made and kept. Throws
    /// OutOfDeviceMemory with a state to go on from.
    void advance(bool certify = false);

    /// Whether the tolerance is reached.
    [[nodiscard]] bool finished() const;
    /// Whether steps in fp64 no longer lower the residual: there is nothing to go on with.
    [[nodiscard]] bool at_rest() const;
    /// Whether there is no use in going on now: finished, at rest, or, since it began or was restored, as
    /// many Newton iterations as it is given or 500 of splitting without a fall of the gap by a tenth. The
    /// last certificate is then of the last iteration.
    [[nodiscard]] bool ended() const;

    /// The smallest norm and the largest bound so far, which may come from different iterations; the rank and
    /// the alignment are of the norm's matrix, which factors() gives. Null before the first certificate.
    [[nodiscard]] const std::optional<LimitCertificate>& best() const { return best_; }
    /// The newest iteration's own norm and bound; null before the first certificate.
    [[nodiscard]] const std::optional<LimitCertificate>& newest() const { return newest_; }
    [[nodiscard]] std::int64_t iterations() const { return iterations_; }
    /// Whether splitting steps are made in fp32, as they are while the gap is large.
    [[nodiscard]] bool in_fp32() const { return in_fp32_; }
    /// How many singular values survived splitting's last threshold that a decomposition made.
    [[nodiscard]] std::int64_t survivors() const {
        return static_cast<std::int64_t>(splitting_.spectrum().values().size());
    }
    /// How many of its thresholds products alone have made.
    [[nodiscard]] std::int64_t made_by_products() const { return splitting_.spectrum().made_by_products(); }
    [[nodiscard]] const ProxyTest& proxy() const { return proxy_; }

    /// Factors of the feasible matrix with the smallest norm: words [V, r], contexts [m, r], one row a
    /// context again. best() then has that matrix's own norm and rank. Of many ranks the first has them.
    [[nodiscard]] SingularFactors factors();

    /// All that a later process needs between iterations; the acceleration's history and the Newton path's
    /// last point are not part of it.
    struct State {
        std::int64_t iterations = 0;
        std::optional<SmoothedNewton::State> newton;  ///< null while splitting
        double rho = 0;                               ///< splitting's penalty
        std::optional<LimitCertificate> best;
        std::vector<double> y, best_point;  ///< [K, V] each, the latter empty where there is no `best`
    };
    /// Of many ranks the first has the matrices.
    [[nodiscard]] State state() const;
    /// Every rank is given all rows. Throws InputError where the state has other sizes.
    void restore(const State& state);

    /// The least tolerance that can be certified in fp64 for these sizes and ‖S̃‖_*.
    static double least_tolerance(std::int64_t rows, std::int64_t vocab, double proxy_nuclear_norm);
    /// Bytes of the backend's memory for `rows` support classes, on one rank; 0 shards: none.
    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab, std::int64_t shards = 0);

  private:
    void test_proxy();
    void test_proxy(DenseSpectrum& spectrum, Matrix proxy, Matrix polar, Matrix work);
    [[nodiscard]] const double* margins() const { return margins_.as<double>() + rows_.own().first; }
    void split(bool certify);
    void balance_penalty();
    void improve(bool certify);
    void make_newton();
    void make_certificate(bool precisely);
    /// As ColumnOperations has it, over all rows.
    MarginDual margin_dual(double rho, Matrix z, Matrix y, Matrix dual);
    double bound_of_clipped(Matrix dual, double nuclear_norm);
    void keep_best();
    [[noreturn]] void not_finite() const;
    void subtract_means(Matrix point);
    [[nodiscard]] Matrix matrix(const Array& array) const;

    Backend& backend_;
    MergedContexts merged_;
    SolverRows rows_;
    Labels labels_;
    Array margins_;  // of all rows, as the labels are
    Splitting splitting_;
    Array best_point_;  // Z of the smallest norm
    Array proxy_matrix_;
    Array balanced_point_, balanced_dual_;  // Z and M when the penalty was last looked at; splitting alone
    ProxyTest proxy_;
    double tolerance_, proxy_norm_ = 0, unit_ = 0, rho_ = 0;
    std::int64_t iterations_ = 0;
    bool in_fp32_ = true;  // splitting, while the gap is far from what that resolves
    bool splitting_rests_ = false;
    CertificateSchedule schedule_;
    std::int64_t most_newton_;
    std::int64_t newton_iterations_ = 0;  // since it began or was restored
    bool looked_at_penalty_ = false;
    std::optional<SmoothedNewton> newton_;
    std::optional<LimitCertificate> best_, newest_;
};

}  // namespace ntpgeo
