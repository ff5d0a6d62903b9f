// The independent reference: design part 1 written down naively, dense, in long double where it matters. It
// shares no code with the kernels or the engine (the Dataset struct aside) and is meant for a few dozen words
// and contexts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "engine/data/dataset.hpp"

namespace ntpgeo::oracle {

using Real = long double;
using Dense = std::vector<std::vector<Real>>;  // [rows][columns]

inline Dense zeros(std::size_t rows, std::size_t columns) {
    return Dense(rows, std::vector<Real>(columns, 0));
}

/// W or H given row-major.
inline Dense dense(const std::vector<double>& values, std::size_t rows, std::size_t columns) {
    Dense result = zeros(rows, columns);
    for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t k = 0; k < columns; ++k) result[i][k] = values[i * columns + k];
    return result;
}

/// p as a V×m matrix of probabilities, 0 off the support.
inline Dense label_matrix(const Dataset& data) {
    Dense p = zeros(static_cast<std::size_t>(data.vocab_size), static_cast<std::size_t>(data.contexts()));
    for (std::int64_t j = 0; j < data.contexts(); ++j)
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
            p[data.indices[i]][j] = data.probs[i];
    return p;
}

/// L = W Hᵀ, [V][m].
inline Dense logits(const Dense& w, const Dense& h) {
    Dense l = zeros(w.size(), h.size());
    for (std::size_t v = 0; v < w.size(); ++v)
        for (std::size_t j = 0; j < h.size(); ++j)
            for (std::size_t k = 0; k < w[v].size(); ++k) l[v][j] += w[v][k] * h[j][k];
    return l;
}

inline Real frobenius(const Dense& a) {
    Real square = 0;
    for (const auto& row : a)
        for (const Real x : row) square += x * x;
    return std::sqrt(square);
}

inline Real inner(const Dense& a, const Dense& b) {
    Real sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t k = 0; k < a[i].size(); ++k) sum += a[i][k] * b[i][k];
    return sum;
}

struct Loss {
    Real excess = 0, off_support_mass = 0;
    Dense words_gradient, contexts_gradient;  // of CE alone
};

/// excess = Σ π KL(p‖q) term by term. With KL(p‖q) = Σ p·φ(q/p − 1) + off-support mass, φ(u) = u − log1p(u)
/// summed by its series for small u, every term is ≥ 0, so the sum keeps its digits; logits must be moderate.
inline Loss loss(const Dataset& data, const Dense& w, const Dense& h) {
    const std::size_t vocab = w.size(), contexts = h.size(), dim = w[0].size();
    const Dense p = label_matrix(data), l = logits(w, h);
    Loss result{0, 0, zeros(vocab, dim), zeros(contexts, dim)};
    for (std::size_t j = 0; j < contexts; ++j) {
        Real maximum = l[0][j];
        for (std::size_t v = 0; v < vocab; ++v) maximum = std::max(maximum, l[v][j]);
        Real total = 0;
        for (std::size_t v = 0; v < vocab; ++v) total += std::exp(l[v][j] - maximum);
        Real excess = 0;
        for (std::size_t v = 0; v < vocab; ++v) {
            const Real q = std::exp(l[v][j] - maximum) / total;
            Real g = q;
            if (p[v][j] > 0) {
                const Real log_ratio = l[v][j] - maximum - std::log(total) - std::log(p[v][j]);  // log(q/p)
                const Real u = std::expm1(log_ratio);
                g = p[v][j] * u;
                Real phi = u - log_ratio;
                if (std::fabs(log_ratio) < Real(0.01)) {
                    phi = 0;
                    Real term = log_ratio;
                    for (int n = 2; n < 16; ++n) phi += (term *= log_ratio / n);
                }
                excess += p[v][j] * phi;
            } else {
                excess += q;
                result.off_support_mass += data.context_probs[j] * q;
            }
            for (std::size_t k = 0; k < dim; ++k) {
                result.words_gradient[v][k] += data.context_probs[j] * g * h[j][k];
                result.contexts_gradient[j][k] += data.context_probs[j] * g * w[v][k];
            }
        }
        result.excess += data.context_probs[j] * excess;
    }
    return result;
}

/// (I − 11ᵀ/V) A.
inline Dense centred(Dense a) {
    for (std::size_t j = 0; j < a[0].size(); ++j) {
        Real mean = 0;
        for (const auto& row : a) mean += row[j] / static_cast<Real>(a.size());
        for (auto& row : a) row[j] -= mean;
    }
    return a;
}

/// P_F(A) of design (1.3-2).
inline Dense sparse_part(const Dataset& data, const Dense& a) {
    Dense result = zeros(a.size(), a[0].size());
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        Real mean = 0;
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
            mean += a[data.indices[i]][j] / static_cast<Real>(data.support_size(j));
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
            result[data.indices[i]][j] = a[data.indices[i]][j] - mean;
    }
    return result;
}

inline Dense difference(Dense a, const Dense& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t k = 0; k < a[i].size(); ++k) a[i][k] -= b[i][k];
    return a;
}

/// S̃.
inline Dense centred_support(const Dataset& data) {
    Dense s = label_matrix(data);
    for (auto& row : s)
        for (Real& x : row) x = x > 0 ? 1 : 0;
    return centred(s);
}

inline Dense transposed(const Dense& a) {
    Dense t = zeros(a[0].size(), a.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t k = 0; k < a[i].size(); ++k) t[k][i] = a[i][k];
    return t;
}

/// A Bᵀ.
inline Dense product_transposed(const Dense& a, const Dense& b) {
    return logits(a, b);
}

/// Eigenvalues (descending) and eigenvectors (rows) of a symmetric matrix, by Jacobi's rotations.
inline std::pair<std::vector<Real>, Dense> symmetric_eigen(Dense a) {
    const std::size_t n = a.size();
    Dense q = zeros(n, n);
    for (std::size_t i = 0; i < n; ++i) q[i][i] = 1;
    for (int sweep = 0; sweep < 60; ++sweep)
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t k = i + 1; k < n; ++k) {
                if (a[i][k] == 0) continue;
                const Real theta = (a[k][k] - a[i][i]) / (2 * a[i][k]);
                const Real t = (theta >= 0 ? 1 : -1) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
                const Real c = 1 / std::sqrt(t * t + 1), s = t * c;
                for (std::size_t r = 0; r < n; ++r) {
                    const Real x = a[r][i], y = a[r][k];
                    a[r][i] = c * x - s * y;
                    a[r][k] = s * x + c * y;
                }
                for (std::size_t r = 0; r < n; ++r) {
                    const Real x = a[i][r], y = a[k][r];
                    a[i][r] = c * x - s * y;
                    a[k][r] = s * x + c * y;
                    const Real u = q[i][r], v = q[k][r];
                    q[i][r] = c * u - s * v;
                    q[k][r] = s * u + c * v;
                }
            }
    std::vector<std::size_t> order(n);
    for (std::size_t i = 0; i < n; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return a[x][x] > a[y][y]; });
    std::pair<std::vector<Real>, Dense> result;
    for (const std::size_t i : order) {
        result.first.push_back(a[i][i]);
        result.second.push_back(q[i]);
    }
    return result;
}

/// Singular values, descending, by the eigenvalues of the smaller Gram matrix.
inline std::vector<Real> singular_values(const Dense& a) {
    const Dense rows = a.size() <= a[0].size() ? a : transposed(a);
    std::vector<Real> values = symmetric_eigen(product_transposed(rows, rows)).first;
    for (Real& x : values) x = std::sqrt(std::max<Real>(x, 0));
    return values;
}

/// (A Aᵀ)^{1/2}.
inline Dense gram_root(const Dense& a) {
    const auto [values, vectors] = symmetric_eigen(product_transposed(a, a));
    Dense root = zeros(a.size(), a.size());
    for (std::size_t k = 0; k < values.size(); ++k)
        for (std::size_t i = 0; i < a.size(); ++i)
            for (std::size_t r = 0; r < a.size(); ++r)
                root[i][r] += std::sqrt(std::max<Real>(values[k], 0)) * vectors[k][i] * vectors[k][r];
    return root;
}

inline Real cosine(const Dense& a, const Dense& b) {
    return inner(a, b) / (frobenius(a) * frobenius(b));
}

}  // namespace ntpgeo::oracle
