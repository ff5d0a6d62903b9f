#include <cmath>
#include <port.cuh>

#include "kernels/columns/column.cuh"
#include "kernels/columns/columns.hpp"
#include "kernels/device/device.cuh"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::columns_cuda {
namespace kernels {

constexpr int most_newton_steps = 100;

/// One column's problem in its logits ℓ = x/scale, and how far its Newton iteration is.
struct Newton {
    ColumnLabels labels;
    std::int64_t vocab;
    double rho;            // of the logits: that of the scaled row, times scale²
    double inverse_scale;  // of `from`
    const double* from;    // [V] the row of Y
    double* logits;        // [V] ℓ, in the row of X
    double* move;          // [V] in the row of 2X − Y

    /// What Newton's method needs to know of word v.
    struct Word {
        double q, inverse;  // the softmax, and 1/(πq + ρ)
        double offset;      // ℓ − target
        double slope;       // π(q − p) + ρ(ℓ − target)
    };
    [[nodiscard]] __device__ Word word(const ColumnSoftmax& softmax, std::int64_t v) const {
        const SoftmaxEntry entry = softmax.entry(labels, v, logits[v]);
        const double offset = logits[v] - from[v] * inverse_scale;
        return {entry.q, 1 / (labels.weight * entry.q + rho), offset,
                labels.weight * entry.residual + rho * offset};
    }

    /// One damped step, as in prox_cpu.cpp; returns whether it was the last. The whole block calls this. An
    /// entry's move lies in `move` between the pass that finds the step's range and the one that takes it;
    /// both, and all others over the vocabulary, have the same thread for the same word.
    __device__ bool step(double* scratch) const {
        const ColumnSoftmax softmax = column_softmax(
            labels, vocab, [&](std::int64_t v) { return logits[v]; }, scratch);
        double leverage = 0, pull = 0, distance = 0;
        for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
            const Word w = word(softmax, v);
            leverage += w.q * w.inverse;
            pull += w.q * w.inverse * w.slope;
            distance += w.offset * w.offset;
        }
        leverage = device::block_sum(leverage, scratch);
        pull = device::block_sum(pull, scratch);
        distance = device::block_sum(distance, scratch);

        // Sherman-Morrison's denominator 1 − πΣq²/(πq + ρ) is ρΣ q/(πq + ρ), which does not cancel.
        const double correction = labels.weight * pull / (rho * leverage);
        double decrement = 0, largest = 0, smallest = 0;
        for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
            const Word w = word(softmax, v);
            const double along = -(w.slope * w.inverse + correction * w.q * w.inverse);
            move[v] = along;
            decrement -= along * w.slope;
            largest = device::larger(largest, along);
            smallest = device::larger(smallest, -along);
        }
        decrement = device::block_sum(decrement, scratch);
        const double range = device::block_max(largest, scratch) + device::block_max(smallest, scratch);

        // Along a direction of range R the second derivative of the loss grows at most like e^{Rt}; so the
        // step log(1+R)/R descends for certain, and it tends to Newton's own as R vanishes.
        const double length = range > 0 ? log1p(range) / range : 1;
        for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) logits[v] += length * move[v];
        __syncthreads();  // the next step's support terms read other threads' logits
        // The step just made squares the error that the decrement measured.
        return decrement <= std::max(1e-18 * rho * (1 + distance), 1e-30 * labels.weight);
    }
};

/// Adds to `unfinished` the number of columns that did not converge.
__global__ void __launch_bounds__(most_column_threads)
    prox_cross_entropy(LabelsView labels, const double* scales, double rho, const double* y, double* x,
                       double* reflected, unsigned long long* unfinished) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const std::int64_t vocab = labels.vocab_size, row = blockIdx.x * vocab;
    const double scale = scales[blockIdx.x];
    const Newton newton{ColumnLabels(labels, blockIdx.x),
                        vocab,
                        rho * scale * scale,
                        1 / scale,
                        y + row,
                        x + row,
                        reflected + row};
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) newton.logits[v] *= newton.inverse_scale;
    __syncthreads();
    bool finished = false;
    for (int iteration = 0; iteration < most_newton_steps && !finished; ++iteration)
        finished = newton.step(scratch);
    for (std::int64_t v = threadIdx.x; v < vocab; v += blockDim.x) {
        const double to = newton.logits[v] * scale;
        x[row + v] = to;
        reflected[row + v] = 2 * to - y[row + v];
    }
    if (threadIdx.x == 0 && !finished) atomicAdd(unfinished, 1ULL);
}

}  // namespace kernels

}  // namespace ntpgeo::columns_cuda

namespace ntpgeo {
using namespace columns_cuda;

void CudaColumnOperations::prox_cross_entropy(const LabelsView& labels, const double* scales, double rho,
                                              Matrix y, Matrix x, Matrix reflected,
                                              std::int64_t* unfinished) {
    const std::int64_t columns = labels.contexts;
    NTPGEO_CHECK(cudaMemsetAsync(unfinished, 0, sizeof *unfinished, device_.stream()));
    if (columns == 0) return;
    NTPGEO_CHECK(launch(kernels::prox_cross_entropy, static_cast<unsigned>(columns),
                        column_threads(labels.vocab_size), 0, device_.stream(), labels, scales, rho,
                        y.as<double>(), x.as<double>(), reflected.as<double>(),
                        reinterpret_cast<unsigned long long*>(unfinished)));
}

}  // namespace ntpgeo
