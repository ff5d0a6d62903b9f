#include <algorithm>
#include <cmath>
#include <port.cuh>
#include <vector>

#include "kernels/device/device.cuh"
#include "kernels/supports/supports.hpp"
#include "kernels/vectors/reductions.cuh"

namespace ntpgeo::supports_cuda {
namespace {

constexpr int threads = 256;
constexpr int warps = threads / device::warp_threads;
constexpr std::int64_t most_blocks = 512;  // each leaves its sums behind
constexpr int support_sums = 7;            // of SupportSums; the last is a minimum
constexpr int class_sums = 4;              // of ClassSums

unsigned blocks_for(std::int64_t items, std::int64_t items_a_block) {
    return static_cast<unsigned>(
        std::clamp<std::int64_t>((items + items_a_block - 1) / items_a_block, 1, most_blocks));
}

}  // namespace

namespace kernels {

constexpr double infinity = HUGE_VAL;

/// As split_logits in supports.hpp, a warp a context; partial[s, block]: the block's share of the sums in
/// their order, of the leads negated and a maximum.
__global__ void __launch_bounds__(threads)
    split_logits(LabelsView labels, SupportLogits logits, double scale, double other_scale,
                 double* sparse_part, double* energy, double* partial) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    const int lane = static_cast<int>(threadIdx.x) % device::warp_threads;
    const std::int64_t stride = std::int64_t{gridDim.x} * warps;
    double sparse = 0, low_rank = 0, errors = 0, limits = 0, log_means = 0, with_support = 0,
           most_behind = -infinity;
    for (std::int64_t j = std::int64_t{blockIdx.x} * warps + threadIdx.x / device::warp_threads;
         j < labels.contexts; j += stride) {
        const std::int64_t begin = labels.indptr[j], end = labels.indptr[j + 1];
        const double size = static_cast<double>(end - begin);
        const bool full = end - begin == labels.vocab_size, single = end - begin == 1;
        double mean = 0, log_mean = 0, lowest = -infinity;
        for (std::int64_t i = begin + lane; i < end; i += device::warp_threads) {
            mean += logits.support_logits[i];
            log_mean += labels.log_probs[i];
            lowest = device::larger(lowest, -logits.support_logits[i]);
        }
        mean = device::warp_sum(mean) / size;
        log_mean = device::warp_sum(log_mean) / size;
        lowest = device::warp_max(lowest);
        for (std::int64_t i = begin + lane; i < end; i += device::warp_threads) {
            const double own = single ? 0 : logits.support_logits[i] - mean;
            const double limit = single ? 0 : labels.log_probs[i] - log_mean;
            sparse_part[i] = own;
            sparse += own * own;
            const double error = own / scale / other_scale - limit;
            errors += error * error;
            limits += limit * limit;
            log_means += log_mean * log_mean;
        }
        if (lane != 0) continue;
        const double lift = full ? 0 : mean - logits.mean_logits[j];
        const double own_energy = full ? 0 : size * lift * lift + logits.off_support_square[j];
        energy[j] = own_energy;
        low_rank += own_energy;
        with_support += size * lift;
        if (!full) most_behind = device::larger(most_behind, lowest + logits.off_support_max[j]);
    }
    __syncwarp();
    const double sums[] = {sparse, low_rank, errors, limits, log_means, with_support};
    for (int s = 0; s < support_sums - 1; ++s) {
        const double sum = device::block_sum(sums[s], scratch);
        if (threadIdx.x == 0) partial[s * gridDim.x + blockIdx.x] = sum;
    }
    most_behind = device::block_max(most_behind, scratch);
    if (threadIdx.x == 0) partial[(support_sums - 1) * gridDim.x + blockIdx.x] = most_behind;
}

/// totals[s] = Σ_b partial[s, b] over the blocks, of the last row the maximum where `last_is_maximum`. One
/// block.
__global__ void __launch_bounds__(threads)
    finish_sums(const double* partial, int rows, std::int64_t blocks, bool last_is_maximum, double* totals) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    for (int s = 0; s < rows; ++s) {
        const bool maximum = last_is_maximum && s == rows - 1;
        double value = maximum ? -infinity : 0;
        for (std::int64_t b = threadIdx.x; b < blocks; b += blockDim.x)
            value =
                maximum ? device::larger(value, partial[s * blocks + b]) : value + partial[s * blocks + b];
        value = maximum ? device::block_max(value, scratch) : device::block_sum(value, scratch);
        if (threadIdx.x == 0) totals[s] = value;
    }
}

/// lengths[j] = ‖h_j‖ for contexts [m, dim], a warp a row.
__global__ void __launch_bounds__(threads)
    row_lengths(const double* contexts, std::int64_t rows, std::int64_t dim, double* lengths) {
    const int lane = static_cast<int>(threadIdx.x) % device::warp_threads;
    const std::int64_t stride = std::int64_t{gridDim.x} * warps;
    for (std::int64_t j = std::int64_t{blockIdx.x} * warps + threadIdx.x / device::warp_threads; j < rows;
         j += stride) {
        double square = 0;
        for (std::int64_t k = lane; k < dim; k += device::warp_threads)
            square += contexts[j * dim + k] * contexts[j * dim + k];
        square = device::warp_sum(square);
        if (lane == 0) lengths[j] = std::sqrt(square);
    }
}

/// As scatter_classes in supports.hpp, a block a class; partial[s, block]: the block's share of the sums.
__global__ void __launch_bounds__(threads)
    scatter_classes(LabelsView labels, ClassesView classes, const double* contexts, std::int64_t dim,
                    const double* lengths, const double* sparse_part, const double* energy, double* scatter,
                    double* partial) {
    SHARED_ARRAY(double, scratch, device::warp_threads);
    double energies = 0, sparse_within = 0, cosines = 0, with_cosine = 0;
    for (std::int64_t c = blockIdx.x; c < classes.classes; c += gridDim.x) {
        const std::int64_t begin = classes.indptr[c], end = classes.indptr[c + 1];
        const std::int64_t* const members = classes.members;
        const std::int64_t first = members[begin];
        const std::int64_t size = labels.indptr[first + 1] - labels.indptr[first];
        const bool shared = end - begin >= 2, counted = shared && size != labels.vocab_size;
        const double count = static_cast<double>(end - begin);
        double square = 0;
        // A coordinate has the same thread throughout.
        for (std::int64_t k = threadIdx.x; k < dim; k += blockDim.x) {
            double mean = 0, direction = 0;
            for (std::int64_t i = begin; shared && i < end; ++i) {
                const double value = contexts[members[i] * dim + k], length = lengths[members[i]];
                mean += value / count;
                if (length > 0) direction += value / length;
            }
            square += direction * direction;
            for (std::int64_t i = begin; i < end; ++i) {
                const std::int64_t at = members[i] * dim + k;
                scatter[at] = counted ? contexts[at] - mean : 0.0;
            }
        }
        if (!shared) continue;
        double nonzero = 0;
        for (std::int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
            energies += energy[members[i]];
            nonzero += lengths[members[i]] > 0 ? 1 : 0;
        }
        square = device::block_sum(square, scratch);
        nonzero = device::block_sum(nonzero, scratch);
        if (threadIdx.x == 0 && nonzero >= 2) {
            cosines += (square - nonzero) / (nonzero * (nonzero - 1));
            with_cosine += 1;
        }
        if (!counted) continue;
        for (std::int64_t s = threadIdx.x; s < size; s += blockDim.x) {
            double mean = 0;
            for (std::int64_t i = begin; i < end; ++i)
                mean += sparse_part[labels.indptr[members[i]] + s] / count;
            for (std::int64_t i = begin; i < end; ++i) {
                const double difference = sparse_part[labels.indptr[members[i]] + s] - mean;
                sparse_within += difference * difference;
            }
        }
    }
    const double sums[] = {energies, sparse_within, cosines, with_cosine};
    for (int s = 0; s < class_sums; ++s) {
        const double sum = device::block_sum(sums[s], scratch);
        if (threadIdx.x == 0) partial[s * gridDim.x + blockIdx.x] = sum;
    }
}

}  // namespace kernels

namespace {

/// The sums of `rows` rows of the blocks' shares on the host. `partial` has room for as many totals behind.
std::vector<double> fetch_sums(device::Device& device, double* partial, int rows, std::int64_t blocks,
                               bool last_is_maximum) {
    double* const totals = partial + rows * blocks;
    NTPGEO_CHECK(launch(kernels::finish_sums, 1, threads, 0, device.stream(), partial, rows, blocks,
                        last_is_maximum, totals));
    std::vector<double> host(static_cast<std::size_t>(rows));
    NTPGEO_CHECK(cudaMemcpyAsync(host.data(), totals, host.size() * sizeof(double), cudaMemcpyDeviceToHost,
                                 device.stream()));
    device.synchronise();
    return host;
}

}  // namespace

}  // namespace ntpgeo::supports_cuda

namespace ntpgeo {
using namespace supports_cuda;

SupportSums CudaSupportOperations::split_logits(const LabelsView& labels, const SupportLogits& logits,
                                                double scale, double other_scale, double* sparse_part,
                                                double* energy) {
    const unsigned blocks = blocks_for(labels.contexts, warps);
    double* const partial = device_.scratch<double>(support_sums * (blocks + 1));
    NTPGEO_CHECK(launch(kernels::split_logits, blocks, threads, 0, device_.stream(), labels, logits, scale,
                        other_scale, sparse_part, energy, partial));
    const std::vector<double> sums = fetch_sums(device_, partial, support_sums, blocks, true);
    return {sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], -sums[6]};
}

ClassSums CudaSupportOperations::scatter_classes(const LabelsView& labels, const ClassesView& classes,
                                                 Matrix contexts, const double* sparse_part,
                                                 const double* energy, Matrix scatter) {
    if (classes.classes == 0) return {};
    const unsigned blocks = blocks_for(classes.classes, 1);
    double* const partial = device_.scratch<double>(class_sums * (blocks + 1) + contexts.rows);
    double* const lengths = partial + class_sums * (blocks + 1);
    NTPGEO_CHECK(launch(kernels::row_lengths, blocks_for(contexts.rows, warps), threads, 0, device_.stream(),
                        contexts.as<double>(), contexts.rows, contexts.columns, lengths));
    NTPGEO_CHECK(launch(kernels::scatter_classes, blocks, threads, 0, device_.stream(), labels, classes,
                        contexts.as<double>(), contexts.columns, lengths, sparse_part, energy,
                        scatter.as<double>(), partial));
    const std::vector<double> sums = fetch_sums(device_, partial, class_sums, blocks, false);
    return {sums[0], sums[1], sums[2], sums[3]};
}

}  // namespace ntpgeo
