#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

#include "kernels/columns/column_cpu.hpp"
#include "kernels/columns/columns.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

constexpr int most_newton_steps = 100;

/// One column's problem in its logits ℓ = x/scale: min π ce(ℓ) + ρ/2 ‖ℓ − target‖², with ρ that of the scaled
/// row.
struct Column {
    double weight, rho;
    const double* target;
};

struct Step {
    double decrement = 0;  ///< λ² of Newton: slopeᵀ H⁻¹ slope
    double range = 0;      ///< largest minus smallest entry of the step
};

// Newton's direction −H⁻¹(π(q − p) + ρ(ℓ − target)) with H = π(diag q − qqᵀ) + ρI by Sherman-Morrison. Its
// denominator 1 − πΣq²/(πq + ρ) is ρΣ q/(πq + ρ), which does not cancel.
Step newton_direction(const Column& column, std::int64_t vocab, const double* logits, const double* q,
                      const double* slope, double* direction) {
    double leverage = 0, pull = 0;
#pragma omp simd reduction(+ : leverage, pull)
    for (std::int64_t v = 0; v < vocab; ++v) {
        const double inverse = 1 / (column.weight * q[v] + column.rho);
        const double total = slope[v] + column.rho * (logits[v] - column.target[v]);
        const double share = q[v] * inverse;
        direction[v] = total * inverse;
        leverage += share;
        pull += share * total;
    }
    const double correction = column.weight * pull / (column.rho * leverage);
    double decrement = 0, largest = 0, smallest = 0;
#pragma omp simd reduction(+ : decrement) reduction(max : largest) reduction(min : smallest)
    for (std::int64_t v = 0; v < vocab; ++v) {
        const double inverse = 1 / (column.weight * q[v] + column.rho);
        const double total = slope[v] + column.rho * (logits[v] - column.target[v]);
        const double move = -(direction[v] + correction * q[v] * inverse);
        direction[v] = move;
        decrement -= move * total;
        largest = std::max(largest, move);
        smallest = std::min(smallest, move);
    }
    return {decrement, largest - smallest};
}

// Along a direction of range R the second derivative of the loss grows at most like e^{Rt}; so the step
// log(1+R)/R descends for certain, and it tends to Newton's own as R vanishes.
double damping(double range) {
    return range > 0 ? std::log1p(range) / range : 1;
}

/// Memory for one column at a time.
struct Newton {
    ColumnSoftmax softmax;
    std::vector<double> logits, target, slope, direction;

    Newton(std::int64_t vocab, std::int64_t longest)
        : softmax(vocab, longest),
          logits(static_cast<std::size_t>(vocab)),
          target(logits.size()),
          slope(logits.size()),
          direction(logits.size()) {}

    /// Whether it converged.
    bool solve(const LabelsView& labels, std::int64_t c, double scale, double rho) {
        const auto vocab = static_cast<std::int64_t>(logits.size());
        const std::int64_t begin = labels.indptr[c], size = labels.indptr[c + 1] - begin;
        const Column column{labels.context_probs[c], rho * scale * scale, target.data()};
        for (int iteration = 0; iteration < most_newton_steps; ++iteration) {
            softmax.evaluate(labels, c, logits.data(), 1);
            for (std::int64_t v = 0; v < vocab; ++v) slope[v] = column.weight * softmax.q()[v];
            for (std::int64_t s = 0; s < size; ++s)
                slope[labels.indices[begin + s]] = column.weight * softmax.residual()[s];
            const Step step =
                newton_direction(column, vocab, logits.data(), softmax.q(), slope.data(), direction.data());
            double distance = 0;
#pragma omp simd reduction(+ : distance)
            for (std::int64_t v = 0; v < vocab; ++v)
                distance += (logits[v] - target[v]) * (logits[v] - target[v]);
            const double length = damping(step.range);
            for (std::int64_t v = 0; v < vocab; ++v) logits[v] += length * direction[v];
            // The step just made squares the error that the decrement measured.
            if (step.decrement <= std::max(1e-18 * column.rho * (1 + distance), 1e-30 * column.weight))
                return true;
        }
        return false;
    }
};

}  // namespace

void CpuColumnOperations::prox_cross_entropy(const LabelsView& labels, const double* scales, double rho,
                                             Matrix y, Matrix x, Matrix reflected, std::int64_t* unfinished) {
    const std::int64_t vocab = labels.vocab_size, longest = longest_support(labels);
    std::atomic<std::int64_t> not_there = 0;
    share_loop(labels.contexts, columns_at_once, team_for(labels.contexts * vocab), [&](Parts& parts) {
        Newton newton(vocab, longest);
        for_each_of(parts, [&](std::int64_t c) {
            const double inverse = 1 / scales[c];
            const double* const from = y.as<double>() + c * vocab;
            double* const to = x.as<double>() + c * vocab;
            double* const mirror = reflected.as<double>() + c * vocab;
            for (std::int64_t v = 0; v < vocab; ++v) {
                newton.logits[v] = to[v] * inverse;
                newton.target[v] = from[v] * inverse;
            }
            if (!newton.solve(labels, c, scales[c], rho)) ++not_there;
            for (std::int64_t v = 0; v < vocab; ++v) {
                to[v] = newton.logits[v] * scales[c];
                mirror[v] = 2 * to[v] - from[v];
            }
        });
    });
    *unfinished = not_there;
}

}  // namespace ntpgeo
