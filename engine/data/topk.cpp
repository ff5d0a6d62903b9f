#include "engine/data/topk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "engine/data/labels.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

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

Dataset TopKCollector::empty() {
    Dataset dataset;
    dataset.indptr = {0};
    return dataset;
}

void TopKCollector::expect(std::int64_t contexts, std::int64_t entries) {
    dataset_.indptr.reserve(static_cast<std::size_t>(contexts) + 1);
    dataset_.indices.reserve(static_cast<std::size_t>(entries));
    dataset_.probs.reserve(static_cast<std::size_t>(entries));
}

double TopKCollector::probability(double given) const {
    if (!form_.logarithms) return given;
    const double p = std::exp(given);
    // Of a word that is next to impossible the exponential has no digits left.
    return p < std::numeric_limits<double>::min() ? 0 : p;
}

void TopKCollector::read_row(std::span<const std::int64_t> ids, std::span<const double> probs) {
    const std::int64_t context = contexts(), bound = settings_.vocab_size.value_or(INT32_MAX);
    row_.clear();
    rounding_ = 0;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::int64_t id = ids[i];
        if (id < -1 && form_.strict)
            throw InputError(fmt::format("{}[{}, {}] is {}; it must be a word, or -1 for padding", form_.ids,
                                         context, i, id));
        if (id < 0) continue;
        if (id >= bound)
            throw InputError(fmt::format("{}[{}, {}] is {}; it must be below the vocabulary's size {}",
                                         form_.ids, context, i, id, bound));
        const double given = probs[i], p = probability(given);
        if (!(p >= 0) || !std::isfinite(p))
            throw InputError(
                form_.logarithms
                    ? fmt::format("{}[{}, {}] is {}; it must be a logarithm, or -infinity", form_.probs,
                                  context, i, given)
                    : fmt::format("{}[{}, {}] is {}; it must be a number >= 0", form_.probs, context, i, p));
        if (p == 0) continue;
        rounding_ += form_.roundoff * (form_.logarithms ? p * std::abs(given) : p);
        row_.emplace_back(id, p);
        greatest_ = std::max(greatest_, id);
    }
}

void TopKCollector::refuse_repetition(std::span<const std::int64_t> ids,
                                      std::span<const double> probs) const {
    for (std::size_t second = 0; second < ids.size(); ++second)
        for (std::size_t first = 0; first < second; ++first)
            if (ids[first] == ids[second] && ids[first] >= 0 && probability(probs[first]) > 0 &&
                probability(probs[second]) > 0)
                throw InputError(
                    fmt::format("{}[{}, {}] is {}, as [{}, {}] is; a word may stand once in a row", form_.ids,
                                contexts(), second, ids[second], contexts(), first));
    throw std::logic_error("a row that has no repetition is refused for one");
}

void TopKCollector::add(std::span<const std::int64_t> ids, std::span<const double> probs) {
    read_row(ids, probs);
    const std::size_t entries = row_.size();
    if (entries == 0)
        throw InputError(fmt::format("{}: context {} has no probability above 0; leave the row out",
                                     form_.where, contexts()));
    const double mass = merge_duplicates(row_);
    if (form_.strict && row_.size() < entries) refuse_repetition(ids, probs);
    if (!(mass <= most_label_mass + rounding_))
        throw InputError(fmt::format("{}: label mass of context {} is {}; it must lie in (0, 1]", form_.where,
                                     contexts(), mass));
    const double scale = mass > most_label_mass ? mass : 1;  // what is beyond is rounding
    for (const auto& [id, p] : row_) {
        dataset_.indices.push_back(static_cast<std::int32_t>(id));
        dataset_.probs.push_back(p / scale);
    }
    dataset_.indptr.push_back(dataset_.nnz());
    missing_ += std::max(0.0, 1 - mass);
}

Dataset TopKCollector::finish(std::span<const double> weights, const std::string& source) {
    Dataset dataset = std::exchange(dataset_, empty());
    dataset.vocab_size = settings_.vocab_size.value_or(greatest_ + 1);
    dataset.source = source;
    const auto bad = std::find_if(weights.begin(), weights.end(),
                                  [](double weight) { return !(weight > 0) || !std::isfinite(weight); });
    if (bad != weights.end())
        throw InputError(fmt::format("{}[{}] is {}; it must be a number above 0", form_.weights,
                                     bad - weights.begin(), *bad));
    std::vector<double> masses(dataset.indptr.size() - 1, 1.0);
    dataset.context_probs = masses;
    if (!weights.empty()) dataset.context_probs.assign(weights.begin(), weights.end());
    fold_label_mass(dataset.indptr, dataset.probs, masses);
    if (settings_.missing == MissingMass::fold)
        for (std::size_t j = 0; j < masses.size(); ++j) dataset.context_probs[j] *= masses[j];
    const double sum = std::accumulate(dataset.context_probs.begin(), dataset.context_probs.end(), 0.0);
    for (double& weight : dataset.context_probs) weight /= sum;
    check_dataset(dataset, form_.where);
    return dataset;
}

}  // namespace ntpgeo
