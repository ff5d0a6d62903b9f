#include <cmath>
#include <port.cuh>

#include "kernels/columns/column.cuh"
#include "kernels/columns/columns.hpp"
#include "kernels/device/device.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::columns_cuda {
namespace kernels {

/// The common logit of the support, as support_level in project_cpu.cpp: Newton from the support's mean
/// climbs to the root, and the entries above level − margin only become fewer.
__device__ double support_level(const ColumnLabels& labels, std::int64_t vocab, const double* y,
                                double margin, double* scratch) {
    double support_sum = 0;
    for (std::int64_t s = threadIdx.x; s < labels.size; s += blockDim.x) support_sum += y[labels.words[s]];
    support_sum = device::block_sum(support_sum, scratch);
    const auto size = static_cast<double>(labels.size);
    double level = support_sum / size;
    for (auto active = static_cast<double>(vocab + 1);;) {
        double sum = 0, count = 0;
        for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
            if (!(y[v] > level - margin) || labels.position(v) >= 0) continue;
            sum += y[v];
            count += 1;
        }
        sum = device::block_sum(sum, scratch);
        count = device::block_sum(count, scratch);
        if (count >= active) return level;
        active = count;
        level = (support_sum + sum + count * margin) / (size + count);
    }
}

__global__ void __launch_bounds__(most_column_threads)
    project_margins(LabelsView labels, const double* margins, const double* y, double* z, double* reflected) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const ColumnLabels column(labels, blockIdx.x);
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    const double margin = margins[blockIdx.x];
    const double level = support_level(column, vocab, y + row, margin, scratch);
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
        const double from = y[row + v];
        const double to = column.position(v) >= 0 ? level : std::min(from, level - margin);
        z[row + v] = to;
        reflected[row + v] = 2 * to - from;
    }
}

/// bounds[c] and imbalances[c] as in MarginDual. The threads that write the support's entries are not those
/// that write the others, but nobody reads what another has written.
__global__ void __launch_bounds__(most_column_threads)
    margin_dual(LabelsView labels, const double* margins, double rho, const double* z, const double* y,
                double* dual, double* bounds, double* imbalances) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const ColumnLabels column(labels, blockIdx.x);
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    double off = 0, support_sum = 0;
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
        if (column.position(v) >= 0) continue;
        const double m = std::min(rho * (z[row + v] - y[row + v]), 0.0);
        dual[row + v] = m;
        off -= m;
    }
    for (std::int64_t s = threadIdx.x; s < column.size; s += blockDim.x) {
        const std::int64_t at = row + column.words[s];
        support_sum += rho * (z[at] - y[at]);
    }
    off = device::block_sum(off, scratch);
    support_sum = device::block_sum(support_sum, scratch);

    // What is stored sums to 0 up to rounding; the rounding is what the imbalance is about.
    const double shift = (off - support_sum) / static_cast<double>(column.size);
    double sum = 0, magnitude = 0;
    for (std::int64_t s = threadIdx.x; s < column.size; s += blockDim.x) {
        const std::int64_t at = row + column.words[s];
        const double m = rho * (z[at] - y[at]) + shift;
        dual[at] = m;
        sum += m;
        magnitude += std::abs(m);
    }
    sum = device::block_sum(sum, scratch) - off;
    magnitude = device::block_sum(magnitude, scratch) + off;
    if (threadIdx.x != 0) return;
    bounds[blockIdx.x] = margins[blockIdx.x] * off;
    imbalances[blockIdx.x] = std::abs(sum) + static_cast<double>(vocab) * 0x1p-52 * magnitude;
}

}  // namespace kernels

}  // namespace ntpgeo::columns_cuda

namespace ntpgeo {
using namespace columns_cuda;

void CudaColumnOperations::project_margins(const LabelsView& labels, const double* margins, Matrix y,
                                           Matrix z, Matrix reflected) {
    if (labels.contexts == 0) return;
    NTPGEO_CHECK(launch(kernels::project_margins, static_cast<unsigned>(labels.contexts),
                        column_threads(labels.vocab_size), 0, device_.stream(), labels, margins,
                        y.as<double>(), z.as<double>(), reflected.as<double>()));
}

MarginDual CudaColumnOperations::margin_dual(const LabelsView& labels, const double* margins, double rho,
                                             Matrix z, Matrix y, Matrix dual) {
    const std::int64_t columns = labels.contexts;
    if (columns == 0) return {};
    double* const partial = device_.scratch<double>(device::rows_to_fetch_size(2, columns));
    NTPGEO_CHECK(launch(kernels::margin_dual, static_cast<unsigned>(columns),
                        column_threads(labels.vocab_size), 0, device_.stream(), labels, margins, rho,
                        z.as<double>(), y.as<double>(), dual.as<double>(), partial, partial + columns));
    const std::vector<double> sums = device::fetch_row_sums(device_, partial, 2, columns);
    return {sums[0], sums[1]};
}

}  // namespace ntpgeo
