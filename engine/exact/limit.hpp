// L_mm, the direction of the low-rank part (design 1.3): the NTP-SVM, solved with a certificate
// (design 1.4, 4.2).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/exact/merged.hpp"
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

/// Solves NTP-SVM on merged contexts. `backend` and `dataset` must outlive it.
class LimitSolver {
  public:
    /// Throws InputError where `tolerance` is not positive or below what fp64 can certify here (and says what
    /// it can).
    LimitSolver(Backend& backend, const Dataset& dataset, double tolerance);

    /// One iteration; where a certificate is due, or `certify` asks for one, it is made and kept.
    void advance(bool certify = false);
    /// Whether the last certificate reaches the tolerance, or there is nothing to solve.
    [[nodiscard]] bool finished() const;
    /// Whether the gap has stopped falling before the tolerance.
    [[nodiscard]] bool stalled() const { return schedule_.stalled(); }
    /// The best certificate so far, of the matrix that factors() gives; null before the first.
    [[nodiscard]] const std::optional<LimitCertificate>& best() const { return best_; }
    /// The newest certificate; null before the first.
    [[nodiscard]] const std::optional<LimitCertificate>& newest() const { return newest_; }
    [[nodiscard]] std::int64_t iterations() const { return iterations_; }
    /// Whether steps are made in fp32, as they are while the gap is large.
    [[nodiscard]] bool in_fp32() const { return in_fp32_; }
    /// How many singular values survived the last threshold.
    [[nodiscard]] std::int64_t survivors() const {
        return static_cast<std::int64_t>(splitting_.spectrum().values().size());
    }
    [[nodiscard]] const ProxyTest& proxy() const { return proxy_; }

    /// Factors of the feasible matrix with the best certificate: words [V, r], contexts [m, r], one row a
    /// context again. best() then has that matrix's own norm and rank.
    [[nodiscard]] SingularFactors factors();

    /// The state Y [K, V] between iterations, and what restores it. The acceleration's history is not part of
    /// it.
    [[nodiscard]] std::vector<double> state() const;
    void restore(std::int64_t iterations, const std::vector<double>& state);

    /// The least tolerance that can be certified in fp64 for these sizes and ‖S̃‖_*.
    static double least_tolerance(std::int64_t rows, std::int64_t vocab, double proxy_nuclear_norm);
    /// Bytes of the backend's memory for `rows` support classes.
    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab);

  private:
    void test_proxy();
    void make_certificate(bool precisely);
    [[noreturn]] void not_finite() const;
    void subtract_means(Matrix point);

    Backend& backend_;
    MergedContexts merged_;
    Labels labels_;
    Array margins_;
    Splitting splitting_;
    Array best_point_;  // Z of the best certificate
    Array proxy_matrix_;
    ProxyTest proxy_;
    double tolerance_, proxy_norm_ = 0, rho_ = 0;
    std::int64_t iterations_ = 0;
    bool in_fp32_ = true;  // while the gap is far from what that resolves
    CertificateSchedule schedule_;
    std::optional<LimitCertificate> best_, newest_;
};

}  // namespace ntpgeo
