#include "kernels/sparse/pattern.hpp"

#include "kernels/cpu/team.hpp"

namespace ntpgeo {

void CpuPatternOperations::pattern_times(const LabelsView& labels, const double* values, double alpha,
                                         Matrix x, Matrix y) {
    const std::int64_t width = x.columns;
    const double* const from = x.as<double>();
    double* const to = y.as<double>();
    for_each(labels.vocab_size, 64, team_for(labels.nnz * width), [=, &labels](std::int64_t word) {
        for (std::int64_t i = labels.word_indptr[word]; i < labels.word_indptr[word + 1]; ++i) {
            const double value = alpha * (values ? values[labels.word_positions[i]] : 1.0);
            const double* const row = from + labels.word_contexts[i] * width;
            for (std::int64_t k = 0; k < width; ++k) to[word * width + k] += value * row[k];
        }
    });
}

void CpuPatternOperations::pattern_transposed_times(const LabelsView& labels, const double* values,
                                                    double alpha, Matrix y, Matrix x) {
    const std::int64_t width = y.columns;
    const double* const from = y.as<double>();
    double* const to = x.as<double>();
    for_each(labels.contexts, 256, team_for(labels.nnz * width), [=, &labels](std::int64_t context) {
        for (std::int64_t i = labels.indptr[context]; i < labels.indptr[context + 1]; ++i) {
            const double value = alpha * (values ? values[i] : 1.0);
            const double* const row = from + labels.indices[i] * width;
            for (std::int64_t k = 0; k < width; ++k) to[context * width + k] += value * row[k];
        }
    });
}

}  // namespace ntpgeo
