#include <cmath>
#include <port.cuh>

#include "kernels/columns/columns_cuda.cuh"
#include "kernels/columns/softmax_cuda.cuh"
#include "kernels/device/sums.cuh"

namespace ntpgeo::columns_cuda {
namespace kernels {

/// excess[c] and magnitude[c] as in ColumnLoss. `scales` may be null for 1, `gradient` null, or x itself: an
/// entry of the gradient needs its own logit and what is in registers by then.
__global__ void __launch_bounds__(most_column_threads)
    column_cross_entropy(LabelsView labels, const double* scales, const double* x, double* gradient,
                         double* excess, double* magnitude) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const ColumnLabels column(labels, blockIdx.x);
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    const double scale = scales ? scales[blockIdx.x] : 1.0, inverse = 1 / scale;
    const auto logit = [&](std::int64_t v) { return x[row + v] * inverse; };
    const ColumnSoftmax softmax = column_softmax(column, vocab, logit, scratch);
    if (threadIdx.x == 0) {
        excess[blockIdx.x] = column.weight * softmax.excess;
        magnitude[blockIdx.x] = std::abs(column.weight * softmax.excess);
    }
    if (!gradient) return;
    const double factor = column.weight / scale;
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x)
        gradient[row + v] = factor * softmax.entry(column, v, logit(v)).residual;
}

/// excess[c] and magnitude[c] as in DualEntropy.
__global__ void __launch_bounds__(most_column_threads)
    dual_entropy(LabelsView labels, const double* scales, const double* gradient, double t, double* excess,
                 double* magnitude) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const ColumnLabels column(labels, blockIdx.x);
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    const double factor = t * (scales ? scales[blockIdx.x] : 1.0) / column.weight;
    double sum = 0, absolute = 0;
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
        const double move = factor * gradient[row + v];
        const std::int64_t s = column.position(v);
        if (s < 0) {
            if (!(move > 0)) continue;  // 0·log 0
            const double spread = -move * log(move);
            sum += spread;
            absolute += std::abs(spread);
        } else {
            // p + move is q', and may be 0 to the last bit: 0·log 0 again.
            const double p = column.probs[s], moved = p + move;
            const double shrink = moved > 0 ? moved * log1p(move / p) : 0.0;
            const double shift = move * column.log_probs[s];
            sum -= shrink + shift;
            absolute += std::abs(shrink) + std::abs(shift);
        }
    }
    sum = device::block_sum(sum, scratch);
    absolute = device::block_sum(absolute, scratch);
    if (threadIdx.x != 0) return;
    excess[blockIdx.x] = column.weight * sum;
    magnitude[blockIdx.x] = column.weight * absolute;
}

}  // namespace kernels

ColumnLoss column_cross_entropy(device::Device& device, const LabelsView& labels, const double* scales,
                                Matrix x, Matrix gradient) {
    const std::int64_t columns = labels.contexts;
    if (columns == 0) return {};
    double* const partial = device.scratch<double>(2 * (columns + 1));
    NTPGEO_CHECK(launch(kernels::column_cross_entropy, static_cast<unsigned>(columns),
                        column_threads(labels.vocab_size), 0, device.stream(), labels, scales, x.as<double>(),
                        gradient.as<double>(), partial, partial + columns));
    const std::vector<double> sums = device::fetch_row_sums(device, partial, 2, columns);
    return {sums[0], sums[1]};
}

DualEntropy dual_entropy(device::Device& device, const LabelsView& labels, const double* scales,
                         Matrix gradient, double t) {
    const std::int64_t columns = labels.contexts;
    if (columns == 0) return {};
    double* const partial = device.scratch<double>(2 * (columns + 1));
    NTPGEO_CHECK(launch(kernels::dual_entropy, static_cast<unsigned>(columns),
                        column_threads(labels.vocab_size), 0, device.stream(), labels, scales,
                        gradient.as<double>(), t, partial, partial + columns));
    const std::vector<double> sums = device::fetch_row_sums(device, partial, 2, columns);
    return {sums[0], sums[1]};
}

}  // namespace ntpgeo::columns_cuda
