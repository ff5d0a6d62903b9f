#include <cmath>
#include <limits>
#include <port.cuh>

#include "kernels/columns/column.cuh"
#include "kernels/columns/columns.hpp"
#include "kernels/device/device.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::columns_cuda {
namespace kernels {

constexpr double negative_rounding = 0x1p-50;  // of p, as in cross_entropy_cpu.cpp

/// excess[c] and rounding[c] as in ColumnLoss. `scales` may be null for 1, `gradient` null, or x itself: an
/// entry of the gradient needs its own logit and what is in registers by then.
__global__ void __launch_bounds__(most_column_threads)
    column_cross_entropy(LabelsView labels, const double* scales, const double* x, double* gradient,
                         double* excess, double* rounding) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const ColumnLabels column(labels, blockIdx.x);
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    const double inverse = scales ? 1 / scales[blockIdx.x] : 1.0;
    const auto logit = [&](std::int64_t v) { return x[row + v] * inverse; };
    const ColumnSoftmax softmax = column_softmax(column, vocab, logit, scratch);
    if (threadIdx.x == 0) {
        excess[blockIdx.x] = column.weight * softmax.excess;
        rounding[blockIdx.x] =
            column.weight * (softmax.rounding + gridDim.x * 0x1p-53 * std::abs(softmax.excess));
    }
    if (!gradient) return;
    const double factor = column.weight * inverse;
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x)
        gradient[row + v] = factor * softmax.entry(column, v, logit(v)).residual;
}

/// As prox_gradient in columns.hpp.
__global__ void __launch_bounds__(most_column_threads)
    prox_gradient(LabelsView labels, const double* scales, double rho, const double* y, const double* x,
                  double* gradient) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const ColumnLabels column(labels, blockIdx.x);
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    const double scale = scales[blockIdx.x], inverse = 1 / scale, factor = column.weight / scale;
    const auto logit = [&](std::int64_t v) { return x[row + v] * inverse; };
    const ColumnSoftmax softmax = column_softmax(column, vocab, logit, scratch);
    const auto entry = [&](std::int64_t v, std::int64_t place) {
        return place < 0 ? factor * softmax.off_support(logit(v)).q : rho * (y[row + v] - x[row + v]);
    };
    double sum = 0;
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) sum += entry(v, column.position(v));
    sum = device::block_sum(sum, scratch);
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
        const std::int64_t place = column.position(v);
        gradient[row + v] = entry(v, place) - (place < 0 ? 0.0 : column.probs[place] * sum);
    }
}

/// As polar_candidate in columns.hpp; longest[c] is the largest t that column c allows.
__global__ void __launch_bounds__(most_column_threads)
    polar_candidate(LabelsView labels, double lambda, const double* polar, double* gradient,
                    double* longest) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const ColumnLabels column(labels, blockIdx.x);
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    const auto size = static_cast<double>(column.size);
    double mean = 0, off = 0;
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
        if (column.position(v) < 0)
            off += gradient[row + v];
        else
            mean += polar[row + v] / size;
    }
    mean = device::block_sum(mean, scratch);
    off = device::block_sum(off, scratch);
    // The largest −1/t, so that a maximum finds the smallest t.
    double steepest = 0;
    for (std::int64_t s = threadIdx.x; s < column.size; s += blockDim.x) {
        const std::int64_t at = row + column.words[s];
        const double g = -lambda * (polar[at] - mean) - off / size;
        gradient[at] = g;
        steepest = device::larger(steepest, -g / (column.probs[s] * column.weight));
    }
    steepest = device::block_max(steepest, scratch);
    if (threadIdx.x == 0) longest[blockIdx.x] = 1 / steepest;
}

/// excess[c] and rounding[c] as in DualEntropy.
__global__ void __launch_bounds__(most_column_threads)
    dual_entropy(LabelsView labels, const double* scales, const double* gradient, double t, double* excess,
                 double* rounding) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const ColumnLabels column(labels, blockIdx.x);
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    const double factor = t * (scales ? scales[blockIdx.x] : 1.0) / column.weight;
    double sum = 0, absolute = 0, moves = 0, steepest = 1, infeasible = 0;
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
        const double move = factor * gradient[row + v];
        const std::int64_t s = column.position(v);
        if (s < 0) {
            if (move < 0) infeasible = 1;
            if (!(move > 0)) continue;  // 0·log 0
            const double spread = -move * log(move);
            sum += spread;
            absolute += std::abs(spread);
        } else {
            // q', and may be 0 to the last bit: 0·log 0 again.
            const double p = column.probs[s], moved = p + move;
            if (moved < -p * negative_rounding) infeasible = 1;
            const double shrink = moved > 0 ? moved * log1p(move / p) : 0.0;
            const double shift = move * column.log_probs[s];
            sum -= shrink + shift;
            absolute += std::abs(shrink) + std::abs(shift);
            moves += std::abs(move);
            steepest = device::larger(steepest, 1 - column.log_probs[s]);
        }
    }
    sum = device::block_sum(sum, scratch);
    absolute = device::block_sum(absolute, scratch);
    moves = device::block_sum(moves, scratch);
    steepest = device::block_max(steepest, scratch);
    infeasible = device::block_max(infeasible, scratch);
    if (threadIdx.x != 0) return;
    if (infeasible > 0) {
        excess[blockIdx.x] = rounding[blockIdx.x] = 0;
        return;
    }
    excess[blockIdx.x] = column.weight * sum;
    // The entropy changes by less than `steepest` for what is missing or left over in a sum of 0, which is of
    // V terms; and the sum over columns rounds each of its own.
    rounding[blockIdx.x] =
        column.weight * 0x1p-53 *
        (16 * absolute + (16 + static_cast<double>(vocab)) * moves * steepest + gridDim.x * std::abs(sum));
}

}  // namespace kernels

}  // namespace ntpgeo::columns_cuda

namespace ntpgeo {
using namespace columns_cuda;

ColumnLoss CudaColumnOperations::column_cross_entropy(const LabelsView& labels, const double* scales,
                                                      Matrix x, Matrix gradient) {
    const std::int64_t columns = labels.contexts;
    if (columns == 0) return {};
    double* const partial = device_.scratch<double>(device::rows_to_fetch_size(2, columns));
    NTPGEO_CHECK(launch(kernels::column_cross_entropy, static_cast<unsigned>(columns),
                        column_threads(labels.vocab_size), 0, device_.stream(), labels, scales,
                        x.as<double>(), gradient.as<double>(), partial, partial + columns));
    const std::vector<double> sums = device::fetch_row_sums(device_, partial, 2, columns);
    return {sums[0], sums[1]};
}

void CudaColumnOperations::prox_gradient(const LabelsView& labels, const double* scales, double rho, Matrix y,
                                         Matrix x, Matrix gradient) {
    if (labels.contexts == 0) return;
    NTPGEO_CHECK(launch(kernels::prox_gradient, static_cast<unsigned>(labels.contexts),
                        column_threads(labels.vocab_size), 0, device_.stream(), labels, scales, rho,
                        y.as<double>(), x.as<double>(), gradient.as<double>()));
}

double CudaColumnOperations::polar_candidate(const LabelsView& labels, double lambda, Matrix polar,
                                             Matrix gradient) {
    const std::int64_t columns = labels.contexts;
    if (columns == 0) return std::numeric_limits<double>::infinity();
    double* const longest = device_.scratch<double>(columns + 1);
    NTPGEO_CHECK(launch(kernels::polar_candidate, static_cast<unsigned>(columns),
                        column_threads(labels.vocab_size), 0, device_.stream(), labels, lambda,
                        polar.as<double>(), gradient.as<double>(), longest));
    return device::fetch_minimum(device_, longest, columns);
}

DualEntropy CudaColumnOperations::dual_entropy(const LabelsView& labels, const double* scales,
                                               Matrix gradient, double t) {
    const std::int64_t columns = labels.contexts;
    if (columns == 0) return {};
    double* const partial = device_.scratch<double>(device::rows_to_fetch_size(2, columns));
    NTPGEO_CHECK(launch(kernels::dual_entropy, static_cast<unsigned>(columns),
                        column_threads(labels.vocab_size), 0, device_.stream(), labels, scales,
                        gradient.as<double>(), t, partial, partial + columns));
    const std::vector<double> sums = device::fetch_row_sums(device_, partial, 2, columns);
    return {sums[0], sums[1]};
}

}  // namespace ntpgeo
