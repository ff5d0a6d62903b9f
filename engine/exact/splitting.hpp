// The engine that limit and path share: accelerated Douglas-Rachford splitting between an operation on
// columns and a singular value threshold, Anderson's acceleration of it, and when its gap is certified
// (design 4.2, 4.3).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "engine/exact/solver_rows.hpp"
#include "engine/exact/threshold.hpp"
#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

/// When an iteration whose gap falls about geometrically should be certified next, and when it has stopped
/// falling.
class CertificateSchedule {
  public:
    /// From `start` iterations on.
    explicit CertificateSchedule(double tolerance, std::int64_t start = 0)
        : tolerance_(tolerance), next_(start + first), last_iteration_(start), best_iteration_(start) {}

    [[nodiscard]] bool due(std::int64_t iteration) const { return iteration >= next_; }

    /// Takes the gap found at `iteration`.
    void note(std::int64_t iteration, double gap) {
        std::int64_t wait = first;
        if (last_gap_ > gap && gap > 0) {
            const double rate = std::log(last_gap_ / gap) / static_cast<double>(iteration - last_iteration_);
            wait = static_cast<std::int64_t>(std::clamp(std::log(gap / tolerance_) / rate, 5.0, 20.0));
        }
        if (gap < 0.9 * best_) {
            best_ = gap;
            best_iteration_ = iteration;
        }
        crawls_ = last_gap_ > 0 &&
                  std::log(last_gap_ / gap) * slow < static_cast<double>(iteration - last_iteration_);
        last_iteration_ = iteration;
        last_gap_ = gap;
        next_ = iteration + wait;
    }
    /// Whether the gap took more than 15 iterations to fall by a factor e before it was last noted, as far as
    /// is known.
    [[nodiscard]] bool crawls() const { return crawls_; }

    /// Iterations since the gap last fell by a tenth.
    [[nodiscard]] std::int64_t resting() const { return last_iteration_ - best_iteration_; }
    /// Whether it has not within the last 500: it has met its rounding, or never will.
    [[nodiscard]] bool stalled() const { return resting() >= 500; }

  private:
    static constexpr std::int64_t first = 10;
    static constexpr double slow = 40;

    double tolerance_, last_gap_ = 0, best_ = std::numeric_limits<double>::infinity();
    std::int64_t next_, last_iteration_, best_iteration_;
    bool crawls_ = false;
};

/// An iteration is not finite, on every rank.
class NotFinite : public Failure {
  public:
    using Failure::Failure;
};

/// What a step found: ‖g‖ of the plain step, and ‖Z‖ of the point that it started from.
struct StepLengths {
    double step = 0, point = 0;
};

/// Type-II Anderson mixing over the last `window` steps of Y⁺ = Y + g(Y): Y = Y⁺ − Σ γ_q ΔY⁺_q with
/// (FᵀF + 1e-10·tr(FᵀF)·I)γ = Fᵀg, F the changes of g. The changes are kept in fp32. A mix after which ‖g‖
/// exceeds twice the least so far is undone: the plain Y⁺ takes its place, the history is emptied, and twice
/// as many plain steps go before the next mix as before the last, so that the plain iteration's convergence
/// is not lost.
class Anderson {
  public:
    static constexpr std::int64_t window = 10;

    /// Of states of own rows; `rows` must outlive it.
    explicit Anderson(const SolverRows& rows);

    /// Moves y [rows.size(), fp64] on by g = relaxation·(towards − from).
    StepLengths advance(double relaxation, Vector towards, Vector from, Vector y);

    /// Forgets the history, for a new problem or a new penalty.
    void clear();

    /// Bytes of the backend's memory for a state of `size` numbers.
    static std::int64_t bytes(std::int64_t size) { return (16 + 8 * window) * size; }

  private:
    static constexpr std::int64_t first_plain_steps = 6;
    [[nodiscard]] std::vector<double> coefficients() const;
    /// Of a piece, `count` rows of a history from row `first` on.
    [[nodiscard]] Matrix history_of(const Array& changes, const RowRange& piece, std::int64_t first,
                                    std::int64_t count) const;
    /// y −= Σ_q coefficients[q]·(row first + q of the changes of Y⁺).
    void subtract(const std::vector<double>& coefficients, std::int64_t first, Vector y);
    SplittingSums take_step(double relaxation, Vector towards, Vector from, Vector y);

    const SolverRows& rows_;
    Backend& backend_;
    Array residual_, moved_;                  // fp64 [size]
    Array residual_changes_, moved_changes_;  // fp32, a piece after the other: [window, size of the piece]
    std::int64_t steps_ = 0;                  // since the history was emptied
    std::int64_t plain_steps_ = first_plain_steps;  // before the first mix
    bool mixed_ = false;                            // whether the last step was
    double least_ = std::numeric_limits<double>::infinity();
    std::vector<double> products_, right_;  // FᵀF [window, window], Fᵀg [window]
};

/// One iteration is: `columns_point` = column operation of the state Y, with `reflected` = 2·columns_point −
/// Y; propose(τ, …): `spectral_point` = SVT(reflected, τ); accept(): Y moves by 1.8·(spectral_point −
/// columns_point), accelerated. Between propose and accept the caller may look at all four and use
/// `reflected` as scratch memory. All four are own rows.
class Splitting {
  public:
    /// `rows` must outlive it.
    explicit Splitting(const SolverRows& rows, ThresholdBy by = ThresholdBy::prediction);

    [[nodiscard]] Matrix state() const { return matrix(state_); }
    [[nodiscard]] Matrix columns_point() const { return matrix(columns_point_); }
    [[nodiscard]] Matrix spectral_point() const { return matrix(spectral_point_); }
    [[nodiscard]] Matrix reflected() const { return matrix(reflected_); }
    [[nodiscard]] DenseSpectrum& spectrum() { return spectrum_; }
    [[nodiscard]] const DenseSpectrum& spectrum() const { return spectrum_; }

    void propose(double tau, Remember remember) {
        spectrum_.threshold(reflected(), tau, spectral_point(), remember);
    }
    /// In fp32; `reflected` and what the spectrum remembers are then of no use.
    void propose_in_fp32(double tau) { spectrum_.threshold_in_fp32(reflected(), tau, spectral_point()); }
    StepLengths accept();
    /// For a new problem or a new penalty: forgets the steps before.
    void restart() { anderson_.clear(); }

    /// Of one rank with all rows; 0 shards: none.
    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab, std::int64_t shards = 0);

  private:
    [[nodiscard]] Matrix matrix(const Array& array) const { return rows_.matrix(array); }

    const SolverRows& rows_;
    Array state_, columns_point_, spectral_point_, reflected_;
    DenseSpectrum spectrum_;
    Anderson anderson_;
};

}  // namespace ntpgeo
