#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/columns/column_cpu.hpp"
#include "kernels/columns/columns.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

// What a q' of 0 may miss it by, of p: within the rounding that is claimed.
constexpr double negative_rounding = 0x1p-50;

/// The sums of what every column gives, added in order.
template <class Sums>
Sums over_columns(const std::vector<double>& excess, const std::vector<double>& rounding) {
    Sums sums;
    const auto terms = static_cast<double>(excess.size());  // each may be rounded as often in the sum
    for (std::size_t c = 0; c < excess.size(); ++c) {
        sums.excess += excess[c];
        sums.rounding += rounding[c] + terms * 0x1p-53 * std::abs(excess[c]);
    }
    return sums;
}

}  // namespace

ColumnLoss CpuColumnOperations::column_cross_entropy(const LabelsView& labels, const double* scales, Matrix x,
                                                     Matrix gradient) {
    const std::int64_t vocab = labels.vocab_size, longest = longest_support(labels);
    std::vector<double> excess(static_cast<std::size_t>(labels.contexts)), rounding(excess.size());
    share_loop(labels.contexts, columns_at_once, team_for(labels.contexts * vocab), [&](Parts& parts) {
        ColumnSoftmax softmax(vocab, longest);
        for_each_of(parts, [&](std::int64_t c) {
            const double scale = scales ? scales[c] : 1.0, weight = labels.context_probs[c];
            softmax.evaluate(labels, c, x.as<double>() + c * vocab, scale);
            excess[c] = weight * softmax.excess();
            rounding[c] = weight * softmax.rounding();
            if (!gradient.data) return;
            double* const g = gradient.as<double>() + c * vocab;
            const double factor = weight / scale;
            for (std::int64_t v = 0; v < vocab; ++v) g[v] = factor * softmax.q()[v];
            const std::int64_t begin = labels.indptr[c];
            for (std::int64_t s = 0; s < labels.indptr[c + 1] - begin; ++s)
                g[labels.indices[begin + s]] = factor * softmax.residual()[s];
        });
    });
    return over_columns<ColumnLoss>(excess, rounding);
}

void CpuColumnOperations::prox_gradient(const LabelsView& labels, const double* scales, double rho, Matrix y,
                                        Matrix x, Matrix gradient) {
    const std::int64_t vocab = labels.vocab_size, longest = longest_support(labels);
    share_loop(labels.contexts, columns_at_once, team_for(labels.contexts * vocab), [&](Parts& parts) {
        ColumnSoftmax softmax(vocab, longest);
        for_each_of(parts, [&](std::int64_t c) {
            const double* const from = y.as<double>() + c * vocab;
            const double* const point = x.as<double>() + c * vocab;
            double* const g = gradient.as<double>() + c * vocab;
            const std::int64_t begin = labels.indptr[c], end = labels.indptr[c + 1];
            softmax.evaluate(labels, c, point, scales[c]);
            const double factor = labels.context_probs[c] / scales[c];
            for (std::int64_t v = 0; v < vocab; ++v) g[v] = factor * softmax.q()[v];
            for (std::int64_t s = begin; s < end; ++s) g[labels.indices[s]] = 0;
            double sum = 0;
            for (std::int64_t v = 0; v < vocab; ++v) sum += g[v];
            for (std::int64_t s = begin; s < end; ++s) {
                const std::int64_t v = labels.indices[s];
                g[v] = rho * (from[v] - point[v]);
                sum += g[v];
            }
            for (std::int64_t s = begin; s < end; ++s) g[labels.indices[s]] -= labels.probs[s] * sum;
        });
    });
}

DualEntropy CpuColumnOperations::dual_entropy(const LabelsView& labels, const double* scales, Matrix gradient,
                                              double t) {
    const std::int64_t vocab = labels.vocab_size;
    std::vector<double> excess(static_cast<std::size_t>(labels.contexts)), rounding(excess.size());
    share_loop(labels.contexts, columns_at_once, team_for(labels.contexts * vocab), [&](Parts& parts) {
        std::vector<double> off(static_cast<std::size_t>(vocab));
        for_each_of(parts, [&](std::int64_t c) {
            const double weight = labels.context_probs[c];
            const double factor = t * (scales ? scales[c] : 1.0) / weight;
            const double* const g = gradient.as<double>() + c * vocab;
            const std::int64_t begin = labels.indptr[c], end = labels.indptr[c + 1];
            for (std::int64_t v = 0; v < vocab; ++v) off[v] = factor * g[v];
            double sum = 0, absolute = 0, moves = 0, steepest = 1;
            bool feasible = true;
            for (std::int64_t s = begin; s < end; ++s) {
                const double move = off[labels.indices[s]], p = labels.probs[s];
                off[labels.indices[s]] = 0;
                // p + move is q', and may be 0 to the last bit: there the first term is p log(p/q') − … =
                // 0·log 0.
                const double moved = p + move;
                if (moved < -p * negative_rounding) feasible = false;
                const double shrink = moved > 0 ? moved * std::log1p(move / p) : 0.0;
                const double shift = move * labels.log_probs[s];
                sum -= shrink + shift;
                absolute += std::abs(shrink) + std::abs(shift);
                moves += std::abs(move);
                steepest = std::max(steepest, 1 - labels.log_probs[s]);
            }
            double spread = 0;
            for (std::int64_t v = 0; v < vocab; ++v) {
                if (off[v] > 0) spread -= off[v] * std::log(off[v]);
                if (off[v] < 0) feasible = false;
            }
            if (!feasible) return;  // excess and rounding are 0
            excess[c] = weight * (sum + spread);
            // The entropy changes by less than `steepest` for what is missing or left over in a sum of 0,
            // which is of V terms.
            rounding[c] =
                0x1p-53 * weight *
                (16 * (absolute + std::abs(spread)) + (16 + static_cast<double>(vocab)) * moves * steepest);
        });
    });
    return over_columns<DualEntropy>(excess, rounding);
}

double CpuColumnOperations::polar_candidate(const LabelsView& labels, double lambda, Matrix polar,
                                            Matrix gradient) {
    const std::int64_t vocab = labels.vocab_size;
    std::vector<double> longest(static_cast<std::size_t>(labels.contexts));
    for_each(labels.contexts, columns_at_once, team_for(labels.contexts * vocab), [&](std::int64_t c) {
        const double* const n = polar.as<double>() + c * vocab;
        double* const g = gradient.as<double>() + c * vocab;
        const std::int64_t begin = labels.indptr[c], end = labels.indptr[c + 1];
        const auto size = static_cast<double>(end - begin);
        double mean = 0, off = 0;
        for (std::int64_t s = begin; s < end; ++s) {
            mean += n[labels.indices[s]] / size;
            g[labels.indices[s]] = 0;
        }
        for (std::int64_t v = 0; v < vocab; ++v) off += g[v];
        double t = std::numeric_limits<double>::infinity();
        for (std::int64_t s = begin; s < end; ++s) {
            const std::int64_t v = labels.indices[s];
            g[v] = -lambda * (n[v] - mean) - off / size;
            if (g[v] < 0) t = std::min(t, labels.probs[s] * labels.context_probs[c] / -g[v]);
        }
        longest[c] = t;
    });
    return *std::min_element(longest.begin(), longest.end());
}

}  // namespace ntpgeo
