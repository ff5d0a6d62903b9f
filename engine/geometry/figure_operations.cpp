#include "engine/geometry/figure_operations.hpp"

#include <algorithm>

#include "engine/geometry/proxy.hpp"
#include "engine/geometry/spectrum.hpp"

namespace ntpgeo {

double most_proxy_operations(std::int64_t vocab, std::int64_t contexts) {
    const double logits = static_cast<double>(vocab) * static_cast<double>(contexts);
    return logits < 1e10 ? 3e12 : 100 * logits;
}

double most_spectrum_operations(const MeasuredSize& size) {
    return std::max(5e10, 0.6 * static_cast<double>(size.vocab) * static_cast<double>(size.contexts) *
                              static_cast<double>(size.dim));
}

FigureOperations figure_operations(const MeasuredSize& size) {
    const auto both = static_cast<double>(size.vocab + size.contexts), nnz = static_cast<double>(size.nnz),
               dim = static_cast<double>(size.dim),
               shorter = static_cast<double>(std::min(size.vocab, size.contexts));
    const double support = 2 * (nnz + static_cast<double>(size.vocab)), low_rank = 2 * (both * dim + nnz);
    FigureOperations operations;
    const std::int64_t triplets = SupportProxy::most_vectors(size.vocab, size.contexts);
    operations.making = SupportProxy::is_dense(size.vocab, size.contexts)
                            ? 10 * shorter * shorter * shorter
                            : leading_spectrum_operations(size.vocab, size.contexts, triplets, support,
                                                          most_proxy_operations(size.vocab, size.contexts));
    const double proxies = (4 * shorter * static_cast<double>(triplets) + support + 8 * both * dim) * dim,
                 directions = static_cast<double>(wanted_directions) * low_rank;
    operations.measuring = proxies + directions + 10 * dim * dim * dim +
                           leading_spectrum_operations(size.vocab, size.contexts, wanted_singular_values,
                                                       low_rank, most_spectrum_operations(size));
    operations.longer_searches = most_spectrum_operations(size);
    if (!SupportProxy::is_dense(size.vocab, size.contexts))
        operations.longer_searches +=
            std::max(0.0, most_proxy_operations(size.vocab, size.contexts) - operations.making);
    return operations;
}

}  // namespace ntpgeo
