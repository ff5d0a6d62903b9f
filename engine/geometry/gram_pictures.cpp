#include "engine/geometry/gram_pictures.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "engine/geometry/concepts.hpp"
#include "engine/geometry/proxy.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t kClassesWithRoom = 16;
constexpr std::int64_t kPatternDirections = 5;
/// Relative to the largest entry or to 1: below this, differences are the decomposition's rounding.
constexpr double kRounding = 1e-9;

/// The sign of the entry of column k that is first to reach the column's largest magnitude, rounding aside.
double leading_sign(const std::vector<double>& vectors, std::int64_t columns, std::int64_t k) {
    double largest = 0;
    for (std::size_t at = static_cast<std::size_t>(k); at < vectors.size(); at += columns)
        largest = std::max(largest, std::abs(vectors[at]));
    for (std::size_t at = static_cast<std::size_t>(k); at < vectors.size(); at += columns)
        if (std::abs(vectors[at]) >= (1 - kRounding) * largest) return vectors[at] < 0 ? -1 : 1;
    return 1;
}

/// Lets each word be followed by the nearest of the rest, from the first one on.
void chain_by_cosine(std::vector<std::int64_t>& words, std::size_t begin, std::size_t end,
                     const std::vector<double>& cosines, std::int64_t vocab_size) {
    for (std::size_t i = begin + 1; i < end; ++i) {
        std::size_t nearest = i;
        double greatest = -std::numeric_limits<double>::infinity();
        for (std::size_t k = i; k < end; ++k) {
            const double cosine = cosines[words[i - 1] * vocab_size + words[k]];
            if (cosine > greatest + kRounding) {
                greatest = cosine;
                nearest = k;
            }
        }
        // The others keep their order.
        std::rotate(words.begin() + static_cast<std::ptrdiff_t>(i),
                    words.begin() + static_cast<std::ptrdiff_t>(nearest),
                    words.begin() + static_cast<std::ptrdiff_t>(nearest) + 1);
    }
}

}  // namespace

ShownContexts shown_contexts(const Dataset& dataset, std::int64_t most) {
    const SupportClasses classes = support_classes(dataset);
    std::vector<std::int64_t> order(static_cast<std::size_t>(classes.count()));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return classes.size[a] > classes.size[b]; });
    const bool all = dataset.contexts() <= most;
    const std::int64_t of_a_class =
        all ? most : std::max<std::int64_t>(1, most / std::min(classes.count(), kClassesWithRoom));
    ShownContexts shown;
    shown.classes = classes.count();
    std::vector<std::vector<std::int64_t>> members(order.size());
    for (std::int64_t j = 0; j < dataset.contexts(); ++j) {
        auto& of_class = members[classes.class_of[j]];
        if (static_cast<std::int64_t>(of_class.size()) < of_a_class) of_class.push_back(j);
    }
    for (const std::int64_t c : order) {
        const std::int64_t room = most - static_cast<std::int64_t>(shown.contexts.size());
        const std::int64_t count = std::min<std::int64_t>(room, static_cast<std::int64_t>(members[c].size()));
        if (count == 0) break;
        shown.contexts.insert(shown.contexts.end(), members[c].begin(), members[c].begin() + count);
        shown.class_sizes.push_back(count);
    }
    return shown;
}

SmallProxy::SmallProxy(Backend& backend, const Dataset& dataset) : dataset_(dataset) {
    const std::int64_t n = dataset.vocab_size;
    const SymmetricEigen eigen = backend.symmetric_eigen(support_words_gram(dataset), n);
    const double floor = std::max(eigen.values[0], 0.0) * static_cast<double>(n) * 0x1p-52;
    while (rank_ < n && eigen.values[rank_] > floor) values_.push_back(std::sqrt(eigen.values[rank_++]));
    vectors_.resize(static_cast<std::size_t>(n * rank_));
    for (std::int64_t z = 0; z < n; ++z)
        for (std::int64_t k = 0; k < rank_; ++k) vectors_[z * rank_ + k] = eigen.vectors[z * n + k];
}

Factor SmallProxy::words() const {
    Factor factor{dataset_.vocab_size, rank_, vectors_};
    for (std::int64_t z = 0; z < factor.rows; ++z)
        for (std::int64_t k = 0; k < rank_; ++k) factor.values[z * rank_ + k] *= std::sqrt(values_[k]);
    return factor;
}

Factor SmallProxy::contexts(const std::vector<std::int64_t>& contexts) const {
    Factor factor{static_cast<std::int64_t>(contexts.size()), rank_, {}};
    factor.values.assign(contexts.size() * static_cast<std::size_t>(rank_), 0.0);
    // U's columns sum to 0, up to rounding, so that S̃ᵀU = SᵀU.
    for (std::int64_t i = 0; i < factor.rows; ++i) {
        const std::int64_t j = contexts[i];
        double* row = factor.values.data() + i * rank_;
        if (dataset_.support_size(j) == dataset_.vocab_size)
            continue;  // its column of S̃ is 0, not U's rounding
        for (std::int64_t at = dataset_.indptr[j]; at < dataset_.indptr[j + 1]; ++at)
            for (std::int64_t k = 0; k < rank_; ++k) row[k] += vectors_[dataset_.indices[at] * rank_ + k];
        for (std::int64_t k = 0; k < rank_; ++k) row[k] /= std::sqrt(values_[k]);
    }
    return factor;
}

std::vector<std::int64_t> SmallProxy::word_order() const {
    const std::int64_t n = dataset_.vocab_size, directions = std::min(rank_, kPatternDirections);
    std::vector<double> points(static_cast<std::size_t>(n * directions));
    for (std::int64_t k = 0; k < directions; ++k) {
        const double sign = leading_sign(vectors_, rank_, k);
        for (std::int64_t z = 0; z < n; ++z) points[z * directions + k] = sign * vectors_[z * rank_ + k];
    }
    const std::vector<bool> never = words_that_never_follow(dataset_);
    const std::vector<double> noise = coordinate_noise(points, directions, never);
    std::vector<std::string> pattern(static_cast<std::size_t>(n));
    for (std::int64_t z = 0; z < n; ++z) {
        // In ASCII '+' comes before '-' and that before '0'; the words that never follow come last.
        pattern[z] = never[z] ? "~" : coordinate_signs(points.data() + z * directions, noise);
    }
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    const std::vector<double> cosines = gram_cosines(words(), order);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return pattern[a] < pattern[b]; });
    for (std::size_t begin = 0; begin < order.size();) {
        std::size_t end = begin + 1;
        while (end < order.size() && pattern[order[end]] == pattern[order[begin]]) ++end;
        chain_by_cosine(order, begin, end, cosines, n);
        begin = end;
    }
    return order;
}

void centre_columns(Factor& factor) {
    for (std::int64_t k = 0; k < factor.columns; ++k) {
        double mean = 0;
        for (std::int64_t i = 0; i < factor.rows; ++i) mean += factor.values[i * factor.columns + k];
        mean /= static_cast<double>(factor.rows);
        for (std::int64_t i = 0; i < factor.rows; ++i) factor.values[i * factor.columns + k] -= mean;
    }
}

std::vector<double> gram_cosines(const Factor& factor, const std::vector<std::int64_t>& order) {
    const std::size_t n = order.size();
    const auto inner = [&](std::size_t a, std::size_t b) {
        const double* x = factor.values.data() + order[a] * factor.columns;
        const double* y = factor.values.data() + order[b] * factor.columns;
        return std::inner_product(x, x + factor.columns, y, 0.0);
    };
    std::vector<double> cosines(n * n), norms(n);
    double longest = 0;
    for (std::size_t i = 0; i < n; ++i) longest = std::max(longest, norms[i] = std::sqrt(inner(i, i)));
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k <= i; ++k) {
            const bool defined = std::min(norms[i], norms[k]) > kRounding * longest;
            const double cosine =
                defined ? inner(i, k) / norms[i] / norms[k] : std::numeric_limits<double>::quiet_NaN();
            cosines[i * n + k] = cosines[k * n + i] = cosine;
        }
    }
    return cosines;
}

}  // namespace ntpgeo
