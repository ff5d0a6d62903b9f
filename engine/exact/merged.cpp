#include "engine/exact/merged.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace ntpgeo {
namespace {

// The dataset of the groups' first members, with `weights`.
Dataset representatives(const Dataset& dataset, const std::vector<std::int64_t>& first,
                        std::vector<double> weights) {
    Dataset labels;
    labels.vocab_size = dataset.vocab_size;
    labels.context_probs = std::move(weights);
    labels.indptr = {0};
    for (const std::int64_t j : first) {
        const auto begin = dataset.indptr[j], end = dataset.indptr[j + 1];
        labels.indices.insert(labels.indices.end(), dataset.indices.begin() + begin,
                              dataset.indices.begin() + end);
        labels.probs.insert(labels.probs.end(), dataset.probs.begin() + begin, dataset.probs.begin() + end);
        labels.indptr.push_back(labels.nnz());
    }
    return labels;
}

}  // namespace

MergedContexts merge_by_support(const Dataset& dataset) {
    SupportClasses classes = support_classes(dataset);
    MergedContexts merged;
    std::vector<double> weights;
    for (const std::int64_t size : classes.size) {
        weights.push_back(static_cast<double>(size) / static_cast<double>(dataset.contexts()));
        merged.scales.push_back(std::sqrt(static_cast<double>(size)));
    }
    merged.labels = representatives(dataset, classes.first, std::move(weights));
    for (std::int64_t c = 0; c < merged.labels.contexts(); ++c)
        std::fill(merged.labels.probs.begin() + merged.labels.indptr[c],
                  merged.labels.probs.begin() + merged.labels.indptr[c + 1],
                  1 / static_cast<double>(merged.labels.support_size(c)));
    merged.group_of = std::move(classes.class_of);
    return merged;
}

MergedContexts merge_by_label(const Dataset& dataset) {
    const auto same_order = [&](std::int64_t a, std::int64_t b) {
        const auto support = [&](std::int64_t j) {
            return std::pair(dataset.indices.begin() + dataset.indptr[j],
                             dataset.indices.begin() + dataset.indptr[j + 1]);
        };
        const auto probs = [&](std::int64_t j) {
            return std::pair(dataset.probs.begin() + dataset.indptr[j],
                             dataset.probs.begin() + dataset.indptr[j + 1]);
        };
        if (dataset.context_probs[a] != dataset.context_probs[b])
            return dataset.context_probs[a] < dataset.context_probs[b];
        const auto [a_words, a_words_end] = support(a);
        const auto [b_words, b_words_end] = support(b);
        if (!std::equal(a_words, a_words_end, b_words, b_words_end))
            return std::lexicographical_compare(a_words, a_words_end, b_words, b_words_end);
        const auto [a_probs, a_probs_end] = probs(a);
        const auto [b_probs, b_probs_end] = probs(b);
        return std::lexicographical_compare(a_probs, a_probs_end, b_probs, b_probs_end);
    };
    // Groups in the order of their first members.
    std::map<std::int64_t, std::int64_t, decltype(same_order)> groups(same_order);
    MergedContexts merged;
    std::vector<std::int64_t> first, size;
    for (std::int64_t j = 0; j < dataset.contexts(); ++j) {
        const auto [place, is_new] = groups.try_emplace(j, static_cast<std::int64_t>(first.size()));
        if (is_new) {
            first.push_back(j);
            size.push_back(0);
        }
        ++size[place->second];
        merged.group_of.push_back(place->second);
    }
    std::vector<double> weights;
    for (std::size_t c = 0; c < first.size(); ++c) {
        weights.push_back(static_cast<double>(size[c]) * dataset.context_probs[first[c]]);
        merged.scales.push_back(std::sqrt(static_cast<double>(size[c])));
    }
    merged.labels = representatives(dataset, first, std::move(weights));
    return merged;
}

std::vector<double> spread_over_members(const MergedContexts& merged, const std::vector<double>& rows,
                                        std::int64_t width) {
    std::vector<double> members;
    members.reserve(merged.group_of.size() * static_cast<std::size_t>(width));
    for (const std::int64_t c : merged.group_of)
        for (std::int64_t k = 0; k < width; ++k) members.push_back(rows[c * width + k] / merged.scales[c]);
    return members;
}

}  // namespace ntpgeo
