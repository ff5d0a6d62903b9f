#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/columns/column_cpu.hpp"
#include "kernels/columns/columns.hpp"
#include "kernels/cpu/off_support.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

struct Above {
    double sum = 0;
    std::int64_t count = 0;
};

// Keeps the values above `threshold`, in their order, and adds them up. The loop that keeps has no branches,
// for which values these are cannot be foreseen, and waits for no sum.
Above keep_above(double* values, std::int64_t size, double threshold) {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < size; ++i) {
        const double value = values[i];
        values[count] = value;
        count += value > threshold ? 1 : 0;
    }
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < count; ++i) sum += values[i];
    return {sum, count};
}

// The common logit a of the support: the root of Σ_S (a − y) + Σ_{off, y > a − μ} (a − μ − y), which is
// increasing, concave and piecewise linear in a. Newton from the support's mean, below the root, climbs to
// it, and the set of active off-support entries only shrinks. `off` holds the entries off the support and is
// used up.
double support_level(double* off, std::int64_t size, double support_sum, double support_size, double margin) {
    double level = support_sum / support_size;
    for (std::int64_t active = size + 1;;) {
        const Above above = keep_above(off, std::min(active, size), level - margin);
        if (above.count >= active) return level;
        active = above.count;
        level = (support_sum + above.sum + static_cast<double>(above.count) * margin) /
                (support_size + static_cast<double>(above.count));
    }
}

}  // namespace

void CpuColumnOperations::project_margins(const LabelsView& labels, const double* margins, Matrix y, Matrix z,
                                          Matrix reflected) {
    const std::int64_t vocab = labels.vocab_size;
    share_loop(labels.contexts, columns_at_once, team_for(labels.contexts * vocab), [&](Parts& parts) {
        std::vector<double> off(static_cast<std::size_t>(vocab));
        for_each_of(parts, [&](std::int64_t c) {
            const double* const from = y.as<double>() + c * vocab;
            double* const to = z.as<double>() + c * vocab;
            double* const mirror = reflected.as<double>() + c * vocab;
            const std::int64_t begin = labels.indptr[c], end = labels.indptr[c + 1];
            const auto [support_sum, size] = gather_off_support(labels, c, from, off.data());
            const double level =
                support_level(off.data(), size, support_sum, static_cast<double>(end - begin), margins[c]);
            const double cap = level - margins[c];
            for (std::int64_t v = 0; v < vocab; ++v) {
                to[v] = std::min(from[v], cap);
                mirror[v] = 2 * to[v] - from[v];
            }
            for (std::int64_t s = begin; s < end; ++s) {
                const std::int64_t v = labels.indices[s];
                to[v] = level;
                mirror[v] = 2 * level - from[v];
            }
        });
    });
}

MarginDual CpuColumnOperations::margin_dual(const LabelsView& labels, const double* margins, double rho,
                                            Matrix z, Matrix y, Matrix dual) {
    const std::int64_t vocab = labels.vocab_size;
    std::vector<double> bounds(static_cast<std::size_t>(labels.contexts)), imbalances(bounds.size());
    for_each(labels.contexts, columns_at_once, team_for(labels.contexts * vocab), [&](std::int64_t c) {
        const double* const projected = z.as<double>() + c * vocab;
        const double* const point = y.as<double>() + c * vocab;
        double* const m = dual.as<double>() + c * vocab;
        const std::int64_t begin = labels.indptr[c], end = labels.indptr[c + 1];
        double support_sum = 0;
        for (std::int64_t v = 0; v < vocab; ++v) m[v] = std::min(rho * (projected[v] - point[v]), 0.0);
        for (std::int64_t s = begin; s < end; ++s) {
            const std::int64_t v = labels.indices[s];
            support_sum += rho * (projected[v] - point[v]);
            m[v] = 0;
        }
        double off = 0;
#pragma omp simd reduction(+ : off)
        for (std::int64_t v = 0; v < vocab; ++v) off -= m[v];
        // What is stored sums to 0 up to rounding; the rounding is what `imbalance` is about.
        const double shift = (off - support_sum) / static_cast<double>(end - begin);
        double sum = -off, magnitude = off;
        for (std::int64_t s = begin; s < end; ++s) {
            const std::int64_t v = labels.indices[s];
            m[v] = rho * (projected[v] - point[v]) + shift;
            sum += m[v];
            magnitude += std::abs(m[v]);
        }
        bounds[c] = margins[c] * off;
        imbalances[c] = std::abs(sum) + static_cast<double>(vocab) * 0x1p-52 * magnitude;
    });
    MarginDual result;
    for (std::int64_t c = 0; c < labels.contexts; ++c) {
        result.bound += bounds[c];
        result.imbalance += imbalances[c];
    }
    return result;
}

}  // namespace ntpgeo
