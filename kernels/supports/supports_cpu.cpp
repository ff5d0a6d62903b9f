#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/supports/supports.hpp"

namespace ntpgeo {

SupportSums CpuSupportOperations::split_logits(const LabelsView& labels, const SupportLogits& logits,
                                               double scale, double other_scale, double* sparse_part,
                                               double* energy) {
    SupportSums sums;
    sums.least_lead = std::numeric_limits<double>::infinity();
    for (std::int64_t j = 0; j < labels.contexts; ++j) {
        const std::int64_t begin = labels.indptr[j], end = labels.indptr[j + 1];
        const double size = static_cast<double>(end - begin);
        const bool full = end - begin == labels.vocab_size, single = end - begin == 1;
        double mean = 0, log_mean = 0, minimum = std::numeric_limits<double>::infinity();
        for (std::int64_t i = begin; i < end; ++i) {
            mean += logits.support_logits[i];
            log_mean += labels.log_probs[i];
            minimum = std::min(minimum, logits.support_logits[i]);
        }
        mean /= size;
        log_mean /= size;
        for (std::int64_t i = begin; i < end; ++i) {
            const double own = single ? 0 : logits.support_logits[i] - mean;
            const double limit = single ? 0 : labels.log_probs[i] - log_mean;
            sparse_part[i] = own;
            sums.sparse += own * own;
            const double error = own / scale / other_scale - limit;
            sums.error += error * error;
            sums.limit += limit * limit;
            sums.log_mean += log_mean * log_mean;
        }
        const double lift = full ? 0 : mean - logits.mean_logits[j];
        energy[j] = full ? 0 : size * lift * lift + logits.off_support_square[j];
        sums.low_rank += energy[j];
        sums.with_support += size * lift;
        if (!full) sums.least_lead = std::min(sums.least_lead, minimum - logits.off_support_max[j]);
    }
    return sums;
}

ClassSums CpuSupportOperations::scatter_classes(const LabelsView& labels, const ClassesView& classes,
                                                Matrix contexts, const double* sparse_part,
                                                const double* energy, Matrix scatter) {
    const std::int64_t m = labels.contexts, dim = contexts.columns;
    const double* const h = contexts.as<double>();
    double* const g = scatter.as<double>();
    std::vector<std::int64_t> class_of(static_cast<std::size_t>(m));
    for (std::int64_t c = 0; c < classes.classes; ++c)
        for (std::int64_t i = classes.indptr[c]; i < classes.indptr[c + 1]; ++i)
            class_of[classes.members[i]] = c;
    const auto members = [&](std::int64_t c) { return classes.indptr[c + 1] - classes.indptr[c]; };
    const auto support_size = [&](std::int64_t j) { return labels.indptr[j + 1] - labels.indptr[j]; };

    std::vector<double> mean(static_cast<std::size_t>(classes.classes * dim), 0.0),
        direction(mean.size(), 0.0), nonzero(static_cast<std::size_t>(classes.classes), 0.0);
    std::vector<std::vector<double>> sparse_mean(nonzero.size());
    ClassSums sums;
    for (std::int64_t j = 0; j < m; ++j) {
        const std::int64_t c = class_of[j];
        if (members(c) < 2) continue;
        const double count = static_cast<double>(members(c));
        double square = 0;
        for (std::int64_t k = 0; k < dim; ++k) {
            mean[c * dim + k] += h[j * dim + k] / count;
            square += h[j * dim + k] * h[j * dim + k];
        }
        if (square > 0) {
            nonzero[c] += 1;
            for (std::int64_t k = 0; k < dim; ++k)
                direction[c * dim + k] += h[j * dim + k] / std::sqrt(square);
        }
        sums.energy += energy[j];
        sparse_mean[c].resize(static_cast<std::size_t>(support_size(j)), 0.0);
        for (std::int64_t i = 0; i < support_size(j); ++i)
            sparse_mean[c][i] += sparse_part[labels.indptr[j] + i] / count;
    }
    for (std::int64_t j = 0; j < m; ++j) {
        const std::int64_t c = class_of[j];
        const bool counted = members(c) >= 2 && support_size(j) != labels.vocab_size;
        for (std::int64_t k = 0; k < dim; ++k)
            g[j * dim + k] = counted ? h[j * dim + k] - mean[c * dim + k] : 0;
        if (!counted) continue;
        for (std::int64_t i = 0; i < support_size(j); ++i) {
            const double difference = sparse_part[labels.indptr[j] + i] - sparse_mean[c][i];
            sums.sparse_within += difference * difference;
        }
    }
    for (std::int64_t c = 0; c < classes.classes; ++c) {
        if (nonzero[c] < 2) continue;
        double square = 0;
        for (std::int64_t k = 0; k < dim; ++k) square += direction[c * dim + k] * direction[c * dim + k];
        sums.cosines += (square - nonzero[c]) / (nonzero[c] * (nonzero[c] - 1));
        sums.with_cosine += 1;
    }
    return sums;
}

}  // namespace ntpgeo
