#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/columns/columns.hpp"
#include "kernels/cpu/threads.hpp"

namespace ntpgeo {

double CpuColumnOperations::polar_candidate(const LabelsView& labels, double lambda, Matrix polar,
                                            Matrix gradient) {
    const std::int64_t vocab = labels.vocab_size;
    std::vector<double> longest(static_cast<std::size_t>(labels.contexts));
#pragma omp parallel for schedule(static) if (labels.contexts * vocab > worth_a_team)
    for (std::int64_t c = 0; c < labels.contexts; ++c) {
        const double* const n = polar.as<double>() + c * vocab;
        double* const g = gradient.as<double>() + c * vocab;
        const std::int64_t begin = labels.indptr[c], end = labels.indptr[c + 1];
        const auto size = static_cast<double>(end - begin);
        double mean = 0, off = 0;
        for (std::int64_t s = begin; s < end; ++s) {
            mean += n[labels.indices[s]] / size;
            g[labels.indices[s]] = 0;
        }
        for (std::int64_t v = 0; v < vocab; ++v) off += g[v];
        double t = std::numeric_limits<double>::infinity();
        for (std::int64_t s = begin; s < end; ++s) {
            const std::int64_t v = labels.indices[s];
            g[v] = -lambda * (n[v] - mean) - off / size;
            if (g[v] < 0) t = std::min(t, labels.probs[s] * labels.context_probs[c] / -g[v]);
        }
        longest[c] = t;
    }
    return *std::min_element(longest.begin(), longest.end());
}

}  // namespace ntpgeo
