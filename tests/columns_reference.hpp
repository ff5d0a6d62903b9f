// What the operations on dense columns should give: their definitions, a row at a time, in long double and
// without any thought for speed. Shares no code with the kernels or the engine (the Dataset struct aside).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "engine/data/dataset.hpp"

namespace ntpgeo::columns_reference {

using Number = long double;
using Row = std::vector<Number>;

/// Half an ulp of 1 in what is tested, and in the reference.
inline constexpr Number unit = 0x1p-53L, fine = 0x1p-64L;

/// The labels of one context over the whole vocabulary.
struct Label {
    Row p;                 // [V], 0 off the support; sums to 1, which doubles do to their rounding only
    std::vector<bool> on;  // [V] whether in the support
    Number weight = 0;     // π
    Number support_size = 0;
};

inline Label label_of(const Dataset& data, std::int64_t context) {
    const auto vocab = static_cast<std::size_t>(data.vocab_size);
    Label label{Row(vocab, 0), std::vector<bool>(vocab, false), data.context_probs[context],
                static_cast<Number>(data.support_size(context))};
    for (std::int64_t i = data.indptr[context]; i < data.indptr[context + 1]; ++i) {
        label.p[data.indices[i]] = data.probs[i];
        label.on[data.indices[i]] = true;
    }
    const Number mass = std::accumulate(label.p.begin(), label.p.end(), Number{0});
    for (Number& x : label.p) x /= mass;
    return label;
}

/// x/scale, and the largest absolute value.
inline Row scaled(Row x, Number scale) {
    for (Number& value : x) value /= scale;
    return x;
}
inline Number largest(const Row& x) {
    Number result = 0;
    for (const Number value : x) result = std::max(result, std::fabs(value));
    return result;
}

/// The nearest point to y whose support entries share one value a and whose others are at most a − margin.
/// Its distance is least where a's force on it, which grows with a, is 0; found by halving an interval.
inline Row project(const Label& label, Number margin, const Row& y) {
    const auto force = [&](Number a) {
        Number sum = 0;
        for (std::size_t v = 0; v < y.size(); ++v) {
            if (label.on[v])
                sum += a - y[v];
            else
                sum += std::min<Number>(0, a - margin - y[v]);
        }
        return sum;
    };
    const auto [least, most] = std::minmax_element(y.begin(), y.end());
    Number low = *least, high = *most + margin;
    for (int halving = 0; halving < 200; ++halving) {
        const Number middle = (low + high) / 2;
        (force(middle) < 0 ? low : high) = middle;
    }
    Row z = y;
    for (std::size_t v = 0; v < y.size(); ++v) z[v] = label.on[v] ? low : std::min(y[v], low - margin);
    return z;
}

/// ρ(z − y), clipped to ≤ 0 off the support, the support's entries moved together so that all sum to 0.
inline Row dual(const Label& label, Number rho, const Row& z, const Row& y) {
    Row m(y.size());
    Number sum = 0;
    for (std::size_t v = 0; v < y.size(); ++v) {
        m[v] = rho * (z[v] - y[v]);
        if (!label.on[v]) m[v] = std::min<Number>(m[v], 0);
        sum += m[v];
    }
    for (std::size_t v = 0; v < y.size(); ++v)
        if (label.on[v]) m[v] -= sum / label.support_size;
    return m;
}

inline Number log_sum_exp(const Row& logits) {
    const Number maximum = *std::max_element(logits.begin(), logits.end());
    Number sum = 0;
    for (const Number z : logits) sum += std::exp(z - maximum);
    return maximum + std::log(sum);
}

inline Row softmax(const Row& logits) {
    const Number normaliser = log_sum_exp(logits);
    Row q;
    for (const Number z : logits) q.push_back(std::exp(z - normaliser));
    return q;
}

/// −Σ q log q, with 0·log 0 = 0.
inline Number entropy(const Row& q) {
    Number sum = 0;
    for (const Number x : q)
        if (x > 0) sum -= x * std::log(x);
    return sum;
}

/// lse(ℓ) − Σ p ℓ, less the entropy of p.
inline Number excess(const Label& label, const Row& logits) {
    Number sum = log_sum_exp(logits) - entropy(label.p);
    for (std::size_t v = 0; v < logits.size(); ++v) sum -= label.p[v] * logits[v];
    return sum;
}

}  // namespace ntpgeo::columns_reference
