// Independent recomputations for the exact side, in plain loops over dense matrices, none of the engine's
// code. A matrix here is row-major [contexts, V], one row a context.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/data/dataset.hpp"
#include "tests/columns_reference.hpp"

namespace ntpgeo::reference {

using Dense = std::vector<double>;

/// A·V, with orthogonal columns, and V of a [rows, columns] matrix A by one-sided Jacobi rotations: slow, and
/// right to rounding.
struct Rotated {
    Dense product;  ///< [rows, columns]
    Dense v;        ///< [columns, columns]
};
inline Rotated rotate(Dense a, std::int64_t rows, std::int64_t columns) {
    Dense v(static_cast<std::size_t>(columns * columns), 0.0);
    for (std::int64_t k = 0; k < columns; ++k) v[k * columns + k] = 1;
    const auto turn = [&](Dense& matrix, std::int64_t p, std::int64_t q, double cosine, double sine) {
        for (std::size_t i = 0; i < matrix.size() / static_cast<std::size_t>(columns); ++i) {
            double& x = matrix[i * columns + p];
            double& y = matrix[i * columns + q];
            const double old = x;
            x = cosine * old - sine * y;
            y = sine * old + cosine * y;
        }
    };
    for (int sweep = 0; sweep < 60; ++sweep) {
        double largest = 0;
        for (std::int64_t p = 0; p < columns; ++p) {
            for (std::int64_t q = p + 1; q < columns; ++q) {
                double pp = 0, qq = 0, pq = 0;
                for (std::int64_t i = 0; i < rows; ++i) {
                    const double x = a[i * columns + p], y = a[i * columns + q];
                    pp += x * x;
                    qq += y * y;
                    pq += x * y;
                }
                if (std::abs(pq) <= 1e-300) continue;
                largest = std::max(largest, std::abs(pq) / std::sqrt(pp * qq));
                const double ratio = (qq - pp) / (2 * pq);
                const double tangent =
                    (ratio >= 0 ? 1 : -1) / (std::abs(ratio) + std::sqrt(1 + ratio * ratio));
                const double cosine = 1 / std::sqrt(1 + tangent * tangent);
                turn(a, p, q, cosine, cosine * tangent);
                turn(v, p, q, cosine, cosine * tangent);
            }
        }
        if (largest < 1e-15) break;
    }
    return {std::move(a), std::move(v)};
}

inline std::vector<double> column_lengths(const Dense& a, std::int64_t rows, std::int64_t columns) {
    std::vector<double> lengths;
    for (std::int64_t k = 0; k < columns; ++k) {
        double square = 0;
        for (std::int64_t i = 0; i < rows; ++i) square += a[i * columns + k] * a[i * columns + k];
        lengths.push_back(std::sqrt(square));
    }
    return lengths;
}

/// Singular values, descending.
inline std::vector<double> singular_values(const Dense& a, std::int64_t rows, std::int64_t columns) {
    std::vector<double> values = column_lengths(rotate(a, rows, columns).product, rows, columns);
    std::sort(values.rbegin(), values.rend());
    return values;
}

/// Every singular value σ becomes max(σ − τ, 0).
inline Dense soft_threshold(const Dense& a, std::int64_t rows, std::int64_t columns, double tau) {
    const Rotated rotated = rotate(a, rows, columns);
    const std::vector<double> sigma = column_lengths(rotated.product, rows, columns);
    Dense result(a.size(), 0.0);
    for (std::int64_t k = 0; k < columns; ++k) {
        if (!(sigma[k] > tau)) continue;
        const double factor = (sigma[k] - tau) / sigma[k];
        for (std::int64_t i = 0; i < rows; ++i)
            for (std::int64_t l = 0; l < columns; ++l)
                result[i * columns + l] +=
                    factor * rotated.product[i * columns + k] * rotated.v[l * columns + k];
    }
    return result;
}

inline double nuclear_norm(const Dense& a, std::int64_t rows, std::int64_t columns) {
    double sum = 0;
    for (const double value : singular_values(a, rows, columns)) sum += value;
    return sum;
}

inline std::vector<bool> support_of(const Dataset& data, std::int64_t j) {
    return columns_reference::label_of(data, j).on;
}

/// Row j, and a row put in its place.
inline columns_reference::Row row_of(const Dense& matrix, std::int64_t j, std::int64_t width) {
    return {matrix.begin() + j * width, matrix.begin() + (j + 1) * width};
}
inline void set_row(Dense& matrix, std::int64_t j, const columns_reference::Row& row) {
    std::transform(row.begin(), row.end(), matrix.begin() + j * static_cast<std::int64_t>(row.size()),
                   [](columns_reference::Number value) { return static_cast<double>(value); });
}

/// The centred support matrix S̃.
inline Dense centred_support(const Dataset& data) {
    Dense matrix;
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        const std::vector<bool> in = support_of(data, j);
        const double mean = static_cast<double>(data.support_size(j)) / static_cast<double>(data.vocab_size);
        for (const bool here : in) matrix.push_back((here ? 1 : 0) - mean);
    }
    return matrix;
}

/// How far a matrix is from NTP-SVM's constraints: the largest violation of an equality or a margin.
inline double infeasibility(const Dataset& data, const Dense& matrix) {
    double worst = 0;
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        const std::vector<bool> in = support_of(data, j);
        const double* const row = matrix.data() + j * data.vocab_size;
        double least = INFINITY, most = -INFINITY, off = -INFINITY;
        for (std::int64_t v = 0; v < data.vocab_size; ++v) {
            if (in[v]) {
                least = std::min(least, row[v]);
                most = std::max(most, row[v]);
            } else {
                off = std::max(off, row[v]);
            }
        }
        worst = std::max({worst, most - least, off + 1 - least});
    }
    return worst;
}

/// The nearest matrix with the constraints of NTP-SVM.
inline Dense onto_margins(const Dataset& data, Dense matrix) {
    for (std::int64_t j = 0; j < data.contexts(); ++j)
        set_row(matrix, j,
                columns_reference::project(columns_reference::label_of(data, j), 1,
                                           row_of(matrix, j, data.vocab_size)));
    return matrix;
}

/// The bound that a matrix M proves for NTP-SVM (design (1.4-2)), by its definition: made feasible, ⟨S,
/// M⟩/‖M‖₂.
inline double margin_bound(const Dataset& data, Dense m) {
    const std::int64_t vocab = data.vocab_size;
    const columns_reference::Row zero(static_cast<std::size_t>(vocab), 0);
    double inner = 0;
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        const auto label = columns_reference::label_of(data, j);
        set_row(m, j, columns_reference::dual(label, 1, row_of(m, j, vocab), zero));
        for (std::int64_t v = 0; v < vocab; ++v)
            if (label.on[v]) inner += m[j * vocab + v];
    }
    return inner / singular_values(m, data.contexts(), vocab)[0];
}

/// CE − Hent and its gradient, long double, by the definitions of design (1.1-2), (1.2-2) and (1.2-3).
struct Loss {
    long double excess = 0;
    Dense gradient;  ///< π_j (softmax(ℓ_j) − p_j)
};
inline Loss cross_entropy(const Dataset& data, const Dense& logits) {
    Loss loss;
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        const auto label = columns_reference::label_of(data, j);
        const auto row = row_of(logits, j, data.vocab_size), q = columns_reference::softmax(row);
        loss.excess += label.weight * columns_reference::excess(label, row);
        for (std::size_t v = 0; v < q.size(); ++v)
            loss.gradient.push_back(static_cast<double>(label.weight * (q[v] - label.p[v])));
    }
    return loss;
}

/// The lower bound on min CE + λ‖·‖_* − Hent that logits prove (design 1.4): Σ π (Ent(q') − Ent(p)), long
/// double.
inline double path_bound(const Dataset& data, const Dense& logits, double lambda) {
    const std::int64_t vocab = data.vocab_size;
    const Loss loss = cross_entropy(data, logits);
    const double norm = singular_values(loss.gradient, data.contexts(), vocab)[0];
    const long double t = std::min(1.0, lambda / norm);
    long double bound = 0;
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        const auto label = columns_reference::label_of(data, j);
        columns_reference::Row moved = label.p;
        for (std::size_t v = 0; v < moved.size(); ++v)
            moved[v] += t * loss.gradient[j * vocab + static_cast<std::int64_t>(v)] / label.weight;
        bound += label.weight * (columns_reference::entropy(moved) - columns_reference::entropy(label.p));
    }
    return static_cast<double>(bound);
}

/// The optimal value of NTP-SVM by plain ADMM on unmerged contexts: that of a feasible point after so many
/// iterations.
inline double plain_margin_optimum(const Dataset& data, int iterations) {
    const std::int64_t rows = data.contexts(), vocab = data.vocab_size;
    Dense y = centred_support(data), z;
    for (int k = 0; k < iterations; ++k) {
        z = onto_margins(data, y);
        Dense mirror(y.size());
        for (std::size_t i = 0; i < y.size(); ++i) mirror[i] = 2 * z[i] - y[i];
        const Dense x = soft_threshold(mirror, rows, vocab, 0.7);
        for (std::size_t i = 0; i < y.size(); ++i) y[i] += x[i] - z[i];
    }
    return nuclear_norm(z, rows, vocab);
}

/// The optimal value of CE − Hent + λ‖·‖_* by FISTA with a fixed step on unmerged contexts.
inline double plain_path_optimum(const Dataset& data, double lambda, int iterations) {
    const std::int64_t rows = data.contexts(), vocab = data.vocab_size;
    const double step = 1 / *std::max_element(data.context_probs.begin(), data.context_probs.end());
    Dense x(static_cast<std::size_t>(rows * vocab), 0.0), point = x;
    double momentum = 1, best = INFINITY;
    for (int k = 0; k < iterations; ++k) {
        const Loss loss = cross_entropy(data, point);
        Dense moved(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) moved[i] = point[i] - step * loss.gradient[i];
        const Dense next = soft_threshold(moved, rows, vocab, step * lambda);
        const double after = 0.5 * (1 + std::sqrt(1 + 4 * momentum * momentum));
        for (std::size_t i = 0; i < x.size(); ++i)
            point[i] = next[i] + (momentum - 1) / after * (next[i] - x[i]);
        x = next;
        momentum = after;
        if (k % 200 == 199) momentum = 1;
        if (k % 50 == 49)
            best = std::min(best, static_cast<double>(cross_entropy(data, x).excess) +
                                      lambda * nuclear_norm(x, rows, vocab));
    }
    return best;
}

/// words·contextsᵀ as a dense [contexts, V] matrix.
inline Dense product(const std::vector<double>& words, const std::vector<double>& contexts,
                     std::int64_t vocab, std::int64_t rows, std::int64_t rank) {
    Dense matrix(static_cast<std::size_t>(rows * vocab), 0.0);
    for (std::int64_t j = 0; j < rows; ++j)
        for (std::int64_t v = 0; v < vocab; ++v)
            for (std::int64_t k = 0; k < rank; ++k)
                matrix[j * vocab + v] += words[v * rank + k] * contexts[j * rank + k];
    return matrix;
}

}  // namespace ntpgeo::reference
