#include "engine/data/topk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "engine/data/labels.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// The entries of one context, by id, each id once.
void read_row(const TopK& topk, std::int64_t context, const std::string& where, std::vector<TopKEntry>& row) {
    row.clear();
    for (std::int64_t i = context * topk.k; i < (context + 1) * topk.k; ++i) {
        const std::int64_t id = topk.ids[i];
        const double p = topk.probs[i];
        if (id < 0) continue;
        if (id >= topk.vocab_size)
            throw InputError(fmt::format("{}: ids[{}, {}] is {}; it must be below the vocabulary's size {}",
                                         where, context, i % topk.k, id, topk.vocab_size));
        if (!(p >= 0) || !std::isfinite(p))
            throw InputError(fmt::format("{}: probs[{}, {}] is {}; it must be a number >= 0", where, context,
                                         i % topk.k, p));
        if (p > 0) row.emplace_back(id, p);
    }
    merge_duplicates(row);
    if (row.empty())
        throw InputError(
            fmt::format("{}: context {} has no probability above 0; leave the row out", where, context));
}

}  // namespace

double merge_duplicates(std::vector<TopKEntry>& row) {
    std::stable_sort(row.begin(), row.end(),
                     [](const TopKEntry& a, const TopKEntry& b) { return a.first < b.first; });
    std::size_t kept = 0;
    double mass = 0;
    for (const TopKEntry& entry : row) {
        mass += entry.second;
        if (kept > 0 && row[kept - 1].first == entry.first)
            row[kept - 1].second += entry.second;
        else
            row[kept++] = entry;
    }
    row.resize(kept);
    return mass;
}

Dataset topk_dataset(const TopK& topk, const std::string& where) {
    Dataset dataset;
    dataset.vocab_size = topk.vocab_size;
    dataset.source = where;
    dataset.indptr = {0};
    std::vector<TopKEntry> row;
    for (std::int64_t j = 0; j < topk.contexts; ++j) {
        read_row(topk, j, where, row);
        for (const auto& [id, p] : row) {
            dataset.indices.push_back(static_cast<std::int32_t>(id));
            dataset.probs.push_back(p);
        }
        dataset.indptr.push_back(dataset.nnz());
    }
    dataset.context_probs = topk.weights;
    if (topk.weights.empty()) dataset.context_probs.assign(static_cast<std::size_t>(topk.contexts), 1.0);
    const auto bad = std::find_if(topk.weights.begin(), topk.weights.end(),
                                  [](double weight) { return !(weight > 0) || !std::isfinite(weight); });
    if (bad != topk.weights.end())
        throw InputError(fmt::format("{}: weights[{}] is {}; it must be a number above 0", where,
                                     bad - topk.weights.begin(), *bad));
    try {
        fold_label_mass(dataset.indptr, dataset.probs, dataset.context_probs);
    } catch (const InputError& error) {
        throw InputError(fmt::format("{}: {}", where, error.what()));
    }
    const double sum = std::accumulate(dataset.context_probs.begin(), dataset.context_probs.end(), 0.0);
    for (double& weight : dataset.context_probs) weight /= sum;
    check_dataset(dataset, where);
    return dataset;
}

}  // namespace ntpgeo
