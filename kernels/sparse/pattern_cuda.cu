#include "kernels/sparse/pattern.hpp"

#include <cmath>
#include <port.cuh>

#include "kernels/device/device.cuh"

namespace ntpgeo::sparse_cuda {
namespace {

constexpr int tile_columns = 32;
constexpr int entries_at_once = 8;  // warps of a block; long rows are the reason for more than one

}  // namespace

namespace operations {

/// Row v of F·X gathers rows of X by the contexts that hold word v.
struct ByWord {
    const std::int64_t* indptr;     ///< [V+1]
    const std::int64_t* contexts;   ///< [nnz]
    const std::int64_t* positions;  ///< [nnz]
    const double* values;           ///< [nnz], or null for 1
    __device__ std::int64_t source(std::int64_t i) const { return contexts[i]; }
    __device__ double value(std::int64_t i) const { return values ? values[positions[i]] : 1.0; }
};

/// Row j of Fᵀ·Y gathers rows of Y by the words of context j.
struct ByContext {
    const std::int64_t* indptr;   ///< [m+1]
    const std::int32_t* indices;  ///< [nnz]
    const double* values;         ///< [nnz], or null for 1
    __device__ std::int64_t source(std::int64_t i) const { return indices[i]; }
    __device__ double value(std::int64_t i) const { return values ? values[i] : 1.0; }
};

}  // namespace operations

namespace kernels {

/// to[row, k] += alpha Σ_i value(i)·from[source(i), k] over the row's entries: block (row, column tile), a
/// warp every entries_at_once-th entry, the warps' sums added in their order. Kept by hand: cuSPARSE's SpMM
/// promises no order of its sums, and takes values in the order of the matrix at hand, where both directions
/// share one array.
template <class Entries>
__global__ void gather_rows(Entries entries, double alpha, const double* from, double* to,
                            std::int64_t width) {
    SHARED_ARRAY(double, sums, entries_at_once* tile_columns);
    const std::int64_t row = blockIdx.x, k = std::int64_t{blockIdx.y} * tile_columns + threadIdx.x;
    const std::int64_t end = entries.indptr[row + 1];
    double sum = 0;
    if (k < width)
        for (std::int64_t i = entries.indptr[row] + threadIdx.y; i < end; i += entries_at_once)
            sum = std::fma(alpha * entries.value(i), from[entries.source(i) * width + k], sum);
    sums[threadIdx.y * tile_columns + threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || k >= width) return;
    for (int warp = 1; warp < entries_at_once; ++warp) sum += sums[warp * tile_columns + threadIdx.x];
    to[row * width + k] += sum;
}

}  // namespace kernels

namespace {

template <class Entries>
void gather(device::Device& device, const Entries& entries, std::int64_t rows, double alpha, Matrix from,
            Matrix to) {
    if (rows == 0 || to.columns == 0) return;
    const dim3 grid(static_cast<unsigned>(rows),
                    static_cast<unsigned>((to.columns + tile_columns - 1) / tile_columns));
    NTPGEO_CHECK(launch(kernels::gather_rows<Entries>, grid, dim3(tile_columns, entries_at_once), 0,
                        device.stream(), entries, alpha, from.as<double>(), to.as<double>(), to.columns));
}

}  // namespace

}  // namespace ntpgeo::sparse_cuda

namespace ntpgeo {
using namespace sparse_cuda;

void CudaPatternOperations::pattern_times(const LabelsView& labels, const double* values, double alpha,
                                          Matrix x, Matrix y) {
    gather(device_,
           operations::ByWord{labels.word_indptr, labels.word_contexts, labels.word_positions, values},
           labels.vocab_size, alpha, x, y);
}

void CudaPatternOperations::pattern_transposed_times(const LabelsView& labels, const double* values,
                                                     double alpha, Matrix y, Matrix x) {
    gather(device_, operations::ByContext{labels.indptr, labels.indices, values}, labels.contexts, alpha, y,
           x);
}

}  // namespace ntpgeo
