#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/cpu/off_support.hpp"
#include "kernels/cpu/team.hpp"
#include "kernels/smoothing/slack.hpp"
#include "kernels/smoothing/smoothing.hpp"

namespace ntpgeo {
namespace {

using smoothing::slack_of;

constexpr std::int64_t rows_at_once = 8;  // that a thread takes

// The root a of Σ_S (a − y) = Σ_off u(a): the left side less the right one is increasing and concave, so that
// Newton's method is below the root after one pass and climbs to it. `off` are the entries off the support.
double smoothed_level(double level, const std::vector<double>& off, std::int64_t size, double support_sum,
                      double support_size, double margin, double product) {
    if (std::isnan(level)) level = support_sum / support_size;
    for (int pass = 0; pass < smoothing::most_passes; ++pass) {
        double multipliers = 0, slope = 0;
        const double cap = level - margin;
#pragma omp simd reduction(+ : multipliers, slope)
        for (std::int64_t i = 0; i < size; ++i) {
            const auto entry = slack_of(cap - off[i], product);
            multipliers += entry.u;
            slope += entry.u / entry.root;
        }
        const double step = (support_sum + multipliers - support_size * level) / (support_size + slope);
        level += step;
        if (smoothing::is_last_step(step, level, margin, pass)) break;
    }
    return level;
}

template <class T>
void smooth_rows(const LabelsView& labels, const double* margins, double product, Matrix y, double* levels,
                 Matrix z, Matrix reflected, Matrix weights) {
    const std::int64_t vocab = labels.vocab_size;
    share_loop(labels.contexts, rows_at_once, team_for(labels.contexts * vocab), [&](Parts& parts) {
        std::vector<double> off(static_cast<std::size_t>(vocab));
        for_each_of(parts, [&](std::int64_t c) {
            const double* const from = y.as<double>() + c * vocab;
            double* const to = z.as<double>() + c * vocab;
            double* const mirror = reflected.as<double>() + c * vocab;
            T* const weight = weights.as<T>() + c * vocab;
            const std::int64_t begin = labels.indptr[c], end = labels.indptr[c + 1];
            const auto [support_sum, size] = gather_off_support(labels, c, from, off.data());
            const double level = smoothed_level(levels[c], off, size, support_sum,
                                                static_cast<double>(end - begin), margins[c], product);
            levels[c] = level;
            const double cap = level - margins[c];
#pragma omp simd
            for (std::int64_t v = 0; v < vocab; ++v) {
                const auto entry = slack_of(cap - from[v], product);
                to[v] = cap - entry.slack;
                mirror[v] = 2 * to[v] - from[v];
                weight[v] = static_cast<T>(entry.u / entry.root);
            }
            for (std::int64_t s = begin; s < end; ++s) {
                const std::int64_t v = labels.indices[s];
                to[v] = level;
                mirror[v] = 2 * level - from[v];
                weight[v] = 1;
            }
        });
    });
}

template <class T>
void project_rows(Matrix weights, Matrix direction, Matrix projected, Matrix reflected) {
    const std::int64_t columns = weights.columns;
    for_each(weights.rows, rows_at_once, team_for(weights.rows * columns), [=](std::int64_t c) {
        const T* const q = weights.as<T>() + c * columns;
        const T* const d = direction.as<T>() + c * columns;
        T* const to = projected.as<T>() + c * columns;
        T* const mirror = reflected.as<T>() + c * columns;
        double moved = 0, total = 0;
#pragma omp simd reduction(+ : moved, total)
        for (std::int64_t v = 0; v < columns; ++v) {
            moved += static_cast<double>(q[v]) * d[v];
            total += q[v];
        }
        const T level = static_cast<T>(moved / total);
        for (std::int64_t v = 0; v < columns; ++v) {
            to[v] = d[v] + q[v] * (level - d[v]);
            mirror[v] = 2 * to[v] - d[v];
        }
    });
}

// Tiles above the diagonal together with their mirror images, so that both stay in the cache.
template <class T>
void weigh_tiles(const T* weights, T* h, std::int64_t n) {
    constexpr std::int64_t tile = 32;
    for_each((n + tile - 1) / tile, 1, team_for(n * n), [=](std::int64_t row_of_tiles) {
        const std::int64_t first = row_of_tiles * tile;
        for (std::int64_t second = first; second < n; second += tile)
            for (std::int64_t i = first; i < std::min(n, first + tile); ++i)
                for (std::int64_t k = std::max(i, second); k < std::min(n, second + tile); ++k) {
                    const T sum = h[i * n + k] + h[k * n + i];
                    h[i * n + k] = weights[i * n + k] * sum;
                    h[k * n + i] = weights[k * n + i] * sum;
                }
    });
}

}  // namespace

void CpuSmoothingOperations::smooth_margins(const LabelsView& labels, const double* margins,
                                            const Smoothing& smoothing, Matrix y, double* levels, Matrix z,
                                            Matrix reflected, Matrix weights) {
    const double product = smoothing.tau * smoothing.nu;
    with_real(weights.real, [&]<class T>(T) {
        smooth_rows<T>(labels, margins, product, y, levels, z, reflected, weights);
    });
}

void CpuSmoothingOperations::project_direction(Matrix weights, Matrix direction, Matrix projected,
                                               Matrix reflected) {
    with_real(weights.real, [&]<class T>(T) { project_rows<T>(weights, direction, projected, reflected); });
}

void CpuSmoothingOperations::weigh_symmetric_part(Matrix weights, Matrix h) {
    with_real(h.real, [&]<class T>(T) { weigh_tiles(weights.as<T>(), h.as<T>(), h.rows); });
}

void CpuSmoothingOperations::scale_lines(Vector factors, bool columns, Matrix a) {
    with_real(a.real, [&]<class T>(T) {
        const T* const factor = factors.as<T>();
        for_each(a.rows, rows_at_once, team_for(a.rows * a.columns), [=](std::int64_t i) {
            T* const row = a.as<T>() + i * a.columns;
            if (columns)
                for (std::int64_t k = 0; k < a.columns; ++k) row[k] *= factor[k];
            else
                for (std::int64_t k = 0; k < a.columns; ++k) row[k] *= factor[i];
        });
    });
}

}  // namespace ntpgeo
