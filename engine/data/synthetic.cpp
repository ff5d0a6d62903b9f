#include "engine/data/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "engine/require.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using TokenSet = std::vector<std::int32_t>;

constexpr double least_share = 1e-280;

/// Number of subsets of [0, n) with sizes in [least, most]; values above 2⁶² are reported as 2⁶².
std::int64_t count_subsets(std::int64_t n, std::int64_t least, std::int64_t most) {
    __extension__ using Wide = unsigned __int128;
    constexpr Wide many = Wide{1} << 62;
    Wide sum = 0;
    for (std::int64_t size = least; size <= most && sum < many; ++size) {
        Wide subsets = 1;
        // C(n, i) grows up to the smaller of size and n − size, so it can be cut off on the way.
        for (std::int64_t i = 1; i <= std::min(size, n - size) && subsets < many; ++i) {
            subsets = subsets * static_cast<Wide>(n - i + 1) / static_cast<Wide>(i);
        }
        sum += subsets;
    }
    return static_cast<std::int64_t>(std::min(sum, many));
}

/// Appends every subset of [0, n) of that size, in lexicographic order.
void list_subsets(std::int64_t n, std::int64_t size, std::vector<TokenSet>& sets) {
    TokenSet set(size);
    std::iota(set.begin(), set.end(), 0);
    for (;;) {
        sets.push_back(set);
        std::int64_t last = size - 1;
        while (last >= 0 && set[last] == n - size + last) --last;
        if (last < 0) return;
        std::iota(set.begin() + last, set.end(), set[last] + 1);
    }
}

/// A uniform subset of that size (Floyd's algorithm). `taken` [n] is all false before and after.
TokenSet draw_subset(std::int64_t n, std::int64_t size, std::vector<bool>& taken, RandomSequence& random) {
    TokenSet set;
    set.reserve(size);
    for (std::int64_t top = n - size; top < n; ++top) {
        std::int64_t token = random.below(top + 1);
        if (taken[token]) token = top;
        taken[token] = true;
        set.push_back(static_cast<std::int32_t>(token));
    }
    for (const std::int32_t token : set) taken[token] = false;
    std::sort(set.begin(), set.end());
    return set;
}

struct Shape {
    std::int64_t vocab, contexts, supports, least, most, possible;
};

std::vector<TokenSet> draw_supports(const Shape& shape, RandomSequence random) {
    std::vector<TokenSet> sets;
    if (shape.possible / 2 < shape.supports) {
        for (std::int64_t size = shape.least; size <= shape.most; ++size)
            list_subsets(shape.vocab, size, sets);
        random.shuffle(sets);
        sets.resize(shape.supports);
        return sets;
    }
    std::set<TokenSet> seen;
    std::vector<bool> taken(shape.vocab, false);
    while (static_cast<std::int64_t>(sets.size()) < shape.supports) {
        const std::int64_t size = shape.least + random.below(shape.most - shape.least + 1);
        TokenSet set = draw_subset(shape.vocab, size, taken, random);
        if (seen.insert(set).second) sets.push_back(std::move(set));
    }
    return sets;
}

/// log of a Gamma(shape, 1) variate (Marsaglia and Tsang 2000; below 1, Gamma(shape + 1)·u^{1/shape}).
double log_gamma_variate(double shape, RandomSequence& random) {
    const double boost = shape < 1 ? std::log(random.uniform()) / shape : 0.0;
    const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3.0;
    const double c = 1.0 / std::sqrt(9.0 * d);
    for (;;) {
        const double x = random.normal();
        const double cube_root = 1.0 + c * x;
        if (cube_root <= 0) continue;
        const double v = cube_root * cube_root * cube_root;
        if (std::log(random.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v))
            return boost + std::log(d * v);
    }
}

/// Appends a Dirichlet variate of `size` entries, each at least least_share of the largest; sums to 1 up to
/// rounding.
void append_dirichlet(std::int64_t size, double concentration, RandomSequence& random,
                      std::vector<double>& probs) {
    std::vector<double> logs(size);
    for (double& value : logs) value = log_gamma_variate(concentration, random);
    const double top = *std::max_element(logs.begin(), logs.end());
    double sum = 0;
    for (double& value : logs) {
        value = std::max(std::exp(value - top), least_share);
        sum += value;
    }
    for (const double value : logs) probs.push_back(value / sum);
}

Shape check_options(const SyntheticOptions& options) {
    require_at_least_one(options.vocab_size, "vocabulary size");
    require_at_least_one(options.contexts, "number of contexts");
    if (options.vocab_size > std::numeric_limits<std::int32_t>::max()) {
        throw InputError(
            fmt::format("the vocabulary size must be at most 2147483647, not {}", options.vocab_size));
    }
    if (!(options.dirichlet >= 1e-100 && options.dirichlet <= 1e100)) {
        throw InputError(fmt::format("the Dirichlet parameter must lie between 1e-100 and 1e100, not {}",
                                     options.dirichlet));
    }
    Shape shape{options.vocab_size, options.contexts, 0, 0, 0, 0};
    shape.least = options.least_support.value_or(std::min<std::int64_t>(2, shape.vocab));
    shape.most = options.most_support.value_or(std::min<std::int64_t>(6, shape.vocab));
    if (shape.least < 1 || shape.most < shape.least) {
        throw InputError(
            fmt::format("support sizes {}:{} must be LO:HI with 1 <= LO <= HI", shape.least, shape.most));
    }
    if (shape.most > shape.vocab) {
        throw InputError(fmt::format("a support of {} tokens does not fit into a vocabulary of {}",
                                     shape.most, shape.vocab));
    }
    shape.possible = count_subsets(shape.vocab, shape.least, shape.most);
    shape.supports = options.supports.value_or(std::min<std::int64_t>(40, shape.possible));
    require_at_least_one(shape.supports, "number of support sets");
    if (shape.supports > shape.possible) {
        throw InputError(
            fmt::format("{} distinct support sets were asked for, but {} tokens have only {} of sizes {}:{}",
                        shape.supports, shape.vocab, shape.possible, shape.least, shape.most));
    }
    return shape;
}

}  // namespace

SyntheticBound bound_of(const SyntheticOptions& options) {
    const Shape shape = check_options(options);
    constexpr double node_bytes = 96;  // of a tree that holds a set, beside its tokens
    const auto contexts = static_cast<double>(shape.contexts), most = static_cast<double>(shape.most),
               sets =
                   static_cast<double>(shape.possible / 2 < shape.supports ? shape.possible : shape.supports);
    return {{shape.contexts, contexts * most},
            sets * (node_bytes + 2 * 4 * most) + 8 * contexts + static_cast<double>(shape.vocab) / 8};
}

Dataset make_synthetic(const SyntheticOptions& options) {
    const Shape shape = check_options(options);
    const std::vector<TokenSet> sets = draw_supports(shape, RandomSequence(options.seed, 1));

    std::vector<std::int64_t> set_of(shape.contexts);
    for (std::int64_t j = 0; j < shape.contexts; ++j) set_of[j] = j % shape.supports;
    RandomSequence(options.seed, 2).shuffle(set_of);

    std::int64_t entries = 0;
    for (std::int64_t set = 0; set < shape.supports; ++set)  // the first ones stand for a context more
        entries += std::ssize(sets[set]) *
                   (shape.contexts / shape.supports + (set < shape.contexts % shape.supports ? 1 : 0));
    Dataset dataset;
    dataset.vocab_size = shape.vocab;
    dataset.indices.reserve(entries);
    dataset.probs.reserve(entries);
    dataset.indptr.reserve(shape.contexts + 1);
    dataset.context_probs.reserve(shape.contexts);
    dataset.indptr.push_back(0);
    RandomSequence random(options.seed, 3);
    for (const std::int64_t set : set_of) {
        dataset.indices.insert(dataset.indices.end(), sets[set].begin(), sets[set].end());
        dataset.indptr.push_back(static_cast<std::int64_t>(dataset.indices.size()));
        append_dirichlet(static_cast<std::int64_t>(sets[set].size()), options.dirichlet, random,
                         dataset.probs);
    }
    double weight_sum = 0;
    for (std::int64_t j = 0; j < shape.contexts; ++j) {
        dataset.context_probs.push_back(
            options.weights == SyntheticWeights::zipf ? 1.0 / static_cast<double>(j + 1) : 1.0);
        weight_sum += dataset.context_probs.back();
    }
    for (double& weight : dataset.context_probs) weight /= weight_sum;
    return dataset;
}

}  // namespace ntpgeo
