#include <algorithm>

#include "kernels/batches/batches.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

/// Rows that a thread takes at a time.
constexpr std::int64_t rows_at_once = 64;

}  // namespace

void CpuBatchOperations::gather_labels(const LabelsView& labels, const BatchView& batch,
                                       const BatchEntries& entries) {
    for_each(batch.size, rows_at_once, team_for(batch.indptr[batch.size]), [&](std::int64_t place) {
        const std::int64_t context = batch.contexts[place], from = labels.indptr[context],
                           to = batch.indptr[place], size = labels.indptr[context + 1] - from;
        std::copy_n(labels.indices + from, size, entries.indices + to);
        std::copy_n(labels.probs + from, size, entries.probs + to);
        std::copy_n(labels.log_probs + from, size, entries.log_probs + to);
    });
}

void CpuBatchOperations::gather_rows(Matrix all, const BatchView& batch, Matrix rows) {
    with_real(all.real, [&]<class T>(T) {
        for_each(batch.size, rows_at_once, team_for(rows.flat().size), [&](std::int64_t place) {
            std::copy_n(all.as<T>() + batch.contexts[place] * all.columns, all.columns,
                        rows.as<T>() + place * all.columns);
        });
    });
}

void CpuBatchOperations::scatter_rows(Matrix rows, const BatchView& batch, Matrix all) {
    with_real(all.real, [&]<class T>(T) {
        for_each(batch.size, rows_at_once, team_for(rows.flat().size), [&](std::int64_t place) {
            if (batch.weights[place] > 0)
                std::copy_n(rows.as<T>() + place * all.columns, all.columns,
                            all.as<T>() + batch.contexts[place] * all.columns);
        });
    });
}

void CpuBatchOperations::weigh_ridge(Matrix rows, const BatchView& batch, const double* ridge,
                                     Matrix gradient) {
    with_real(rows.real, [&]<class T>(T) {
        for_each(batch.size, rows_at_once, team_for(rows.flat().size), [&](std::int64_t place) {
            const double factor = *ridge * (batch.ridges[place] - 1);
            if (factor == 0) return;
            const T* const row = rows.as<T>() + place * rows.columns;
            T* const to = gradient.as<T>() + place * rows.columns;
            for (std::int64_t k = 0; k < rows.columns; ++k) to[k] = static_cast<T>(to[k] + factor * row[k]);
        });
    });
}

}  // namespace ntpgeo
