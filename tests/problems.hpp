// Small problems that tests share: random soft labels, named shapes, and factors to go with them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "engine/data/dataset.hpp"
#include "kernels/base/views.hpp"

namespace ntpgeo {

/// Builds a dataset from supports and probabilities, with uniform weights.
inline Dataset make_dataset(std::int64_t vocab, const std::vector<std::vector<std::int32_t>>& supports,
                            const std::vector<std::vector<double>>& probs) {
    Dataset data;
    data.vocab_size = vocab;
    data.indptr = {0};
    for (std::size_t j = 0; j < supports.size(); ++j) {
        data.indices.insert(data.indices.end(), supports[j].begin(), supports[j].end());
        data.probs.insert(data.probs.end(), probs[j].begin(), probs[j].end());
        data.indptr.push_back(static_cast<std::int64_t>(data.indices.size()));
    }
    data.context_probs.assign(supports.size(), 1.0 / static_cast<double>(supports.size()));
    check_dataset(data, "test");
    return data;
}

/// Uniform labels on these supports.
inline Dataset uniform_dataset(std::int64_t vocab, const std::vector<std::vector<std::int32_t>>& supports) {
    std::vector<std::vector<double>> probs;
    for (const auto& support : supports)
        probs.emplace_back(support.size(), 1 / static_cast<double>(support.size()));
    return make_dataset(vocab, supports, probs);
}

/// Contexts over `supports` random support sets of `least` to `most` words, uneven weights.
inline Dataset random_dataset(std::int64_t vocab, std::int64_t contexts, std::int64_t supports,
                              std::int64_t least, std::int64_t most, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0.05, 1);
    std::vector<std::vector<std::int32_t>> sets;
    for (std::int64_t s = 0; s < supports; ++s) {
        const std::int64_t size =
            least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most - least + 1));
        std::set<std::int32_t> words;
        while (static_cast<std::int64_t>(words.size()) < size)
            words.insert(static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(vocab)));
        sets.emplace_back(words.begin(), words.end());
    }
    std::vector<std::vector<std::int32_t>> chosen;
    std::vector<std::vector<double>> probs;
    std::vector<double> weights;
    double total = 0;
    for (std::int64_t j = 0; j < contexts; ++j) {
        chosen.push_back(sets[static_cast<std::size_t>(j % supports)]);
        std::vector<double> p(chosen.back().size());
        double sum = 0;
        for (double& x : p) sum += (x = uniform(random));
        for (double& x : p) x /= sum;
        probs.push_back(p);
        weights.push_back(uniform(random));
        total += weights.back();
    }
    Dataset data = make_dataset(vocab, chosen, probs);
    for (std::size_t j = 0; j < weights.size(); ++j) data.context_probs[j] = weights[j] / total;
    return data;
}

/// As `real` stores them.
inline std::vector<double> rounded(Real real, std::vector<double> values) {
    if (real == Real::fp32)
        for (double& x : values) x = static_cast<float>(x);
    return values;
}

inline std::vector<double> random_values(std::int64_t size, double scale, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(0, scale);
    std::vector<double> values(static_cast<std::size_t>(size));
    for (double& x : values) x = normal(random);
    return values;
}

}  // namespace ntpgeo
