// Kernels that keep the rules of design 4.5, over everything that the port layer offers.
#include <port.cuh>

#include <cmath>
#include <numeric>
#include <vector>

#include "program_tools.cuh"
#include "programs.hpp"

namespace programs {

namespace kernels {

__device__ float block_sum(float value, float* scratch) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffffu, value, offset);
    __syncthreads();
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    float total = 0;
    for (unsigned i = 0; i < blockDim.x / 32; ++i) total += scratch[i];
    return total;
}

/// sums[block] = the sum of row `block` of x, twice over.
__global__ void __launch_bounds__(256) row_sums(const float* __restrict__ x, float* sums, int columns) {
    SHARED_ARRAY(float, scratch, 8);
    float first = 0, second = 0;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        const float value = __ldg(x + static_cast<std::int64_t>(blockIdx.x) * columns + i);
        first += value;
        second += 2 * value;
    }
    first = block_sum(first, scratch);
    second = block_sum(second, scratch);
    if (threadIdx.x == 0) sums[blockIdx.x] = second - first;
}

__global__ void warp_values(int* out) {
    const unsigned all = 0xffffffffu;
    const int thread = static_cast<int>(threadIdx.x), lane = thread % 32;
    int* const mine = out + thread * 16;
    mine[0] = __shfl_xor_sync(all, thread, 5);
    mine[1] = __shfl_up_sync(all, thread, 3, 16);
    mine[2] = __shfl_down_sync(all, thread, 3, 16);
    mine[3] = __shfl_sync(all, thread, 7, 8);
    mine[4] = __popc(__ballot_sync(all, lane % 3 == 0));
    mine[5] = __any_sync(all, thread == 5);
    mine[6] = __all_sync(all, thread < 32);
    mine[7] = __reduce_add_sync(all, thread);
    mine[8] = __reduce_max_sync(all, -thread);
    mine[9] = static_cast<int>(__reduce_min_sync(all, static_cast<unsigned>(thread)));
    mine[10] = static_cast<int>(__reduce_xor_sync(all, 1u << lane));
    mine[11] = lane < 16 ? __shfl_xor_sync(0x0000ffffu, thread, 3) : __shfl_xor_sync(0xffff0000u, thread, 1);
    mine[12] = static_cast<int>(__shfl_sync(all, static_cast<double>(thread) + 0.5, 31));
    mine[13] = static_cast<int>(__reduce_or_sync(all, static_cast<unsigned>(thread)));
    mine[14] = static_cast<int>(__reduce_and_sync(all, static_cast<unsigned>(thread)));
    mine[15] = static_cast<int>(__shfl_sync(all, 1ll << 40 | thread, 2) >> 40);
}

__global__ void votes(int* out) {
    const int third = static_cast<int>(threadIdx.x) % 3;
    const int count = __syncthreads_count(third == 0);
    const int any = __syncthreads_or(threadIdx.x == 77), all = __syncthreads_and(third < 2);
    if (threadIdx.x == 99) *out = count * 100 + any * 10 + all;
}

/// Threads past the end leave at once; the others still meet at the barrier.
__global__ void reversed(const int* in, int* out, int size) {
    SHARED_ARRAY(int, row, 64);
    const int i = static_cast<int>(threadIdx.x);
    if (i >= size) return;
    row[i] = in[i];
    __syncthreads();
    out[i] = row[size - 1 - i];
}

/// The last block to finish adds up what the others have left.
__global__ void sum_by_last_block(const double* x, double* partial, unsigned* finished, double* sum) {
    SHARED_ARRAY(int, is_last, 1);
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = x[blockIdx.x];
        __threadfence();
        is_last[0] = atomicAdd(finished, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (is_last[0] == 0 || threadIdx.x != 0) return;
    __threadfence();
    double total = 0;
    for (unsigned i = 0; i < gridDim.x; ++i) total += partial[i];
    *sum = total;
}

__global__ void indices(int* out, dim3 extent) {
    const unsigned x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y,
                   z = blockIdx.z * blockDim.z + threadIdx.z;
    if (x < extent.x && y < extent.y && z < extent.z) out[(z * extent.y + y) * extent.x + x] += 1;
}

/// A block turns a row around in dynamic shared memory.
__global__ void turned(const double* in, double* out, int size) {
    double* const row = dyn_shared<double>();
    for (int i = threadIdx.x; i < size; i += blockDim.x) row[i] = in[i];
    __syncthreads();
    for (int i = threadIdx.x; i < size; i += blockDim.x) out[i] = row[size - 1 - i];
}

__global__ void atomics(int* sum, unsigned* bits, unsigned long long* large, int* extrema) {
    const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    atomicAdd(sum, i);
    atomicSub(sum, 1);
    atomicOr(bits, 1u << i % 32);
    atomicAdd(large, 1ull << 32);
    atomicMax(extrema, i);
    atomicMin(extrema + 1, -i);
    int seen = 0;
    for (;;) {
        const int before = atomicCAS(extrema + 2, seen, seen + 2);
        if (before == seen) break;
        seen = before;
    }
}

__global__ void vectors(const float4* in, double2* out, uint4* bits) {
    const float4 four = in[threadIdx.x];
    out[threadIdx.x] =
        make_double2(static_cast<double>(four.x) + four.y, static_cast<double>(four.z) * four.w);
    bits[threadIdx.x] = make_uint4(__float_as_uint(four.x), threadIdx.x, 0, 7);
}

__global__ void arithmetic(const float* in, float* out, __nv_bfloat16* rounded) {
    const float x = in[threadIdx.x];
    float* const mine = out + threadIdx.x * 8;
    mine[0] = __expf(x);
    mine[1] = exp2_approx(x);
    mine[2] = __fdividef(1.0f, x);
    mine[3] = __logf(x);
    mine[4] = rsqrtf(x);
    mine[5] = min(x, 1.5f) + max(x, 1.5f);
    mine[6] = fma(x, x, -1.0f);
    mine[7] = static_cast<float>(__clz(static_cast<int>(threadIdx.x)) + __ffs(static_cast<int>(threadIdx.x)));
    const __nv_bfloat162 pair = __floats2bfloat162_rn(x, -x);
    rounded[threadIdx.x] = pair.x;
}

}  // namespace kernels

bool sums_of_blocks() {
    const int rows = 23, columns = 1003;
    std::vector<float> x(static_cast<std::size_t>(rows * columns));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7);
    const Stream stream;
    const Array<float> device_x(x, stream), sums(rows);
    ok(launch(kernels::row_sums, rows, 256, 0, stream.handle, device_x.data, sums.data, columns));
    const std::vector<float> result = sums.now(stream);
    for (int row = 0; row < rows; ++row) {
        float expected = 0;
        for (int i = 0; i < columns; ++i) expected += x[static_cast<std::size_t>(row * columns + i)];
        if (result[static_cast<std::size_t>(row)] != expected) return false;
    }
    return true;
}

bool warp_operations() {
    const Stream stream;
    const Array<int> out(64 * 16);
    ok(launch(kernels::warp_values, 1, 64, 0, stream.handle, out.data));
    const std::vector<int> result = out.now(stream);
    for (int thread = 0; thread < 64; ++thread) {
        const int lane = thread % 32, base = thread - lane;
        int sum = 0, either = 0, both = -1;
        for (int i = base; i < base + 32; ++i) sum += i, either |= i, both &= i;
        const int expected[16] = {base + (lane ^ 5),
                                  lane % 16 >= 3 ? thread - 3 : thread,
                                  lane % 16 < 13 ? thread + 3 : thread,
                                  thread / 8 * 8 + 7,
                                  11,
                                  base == 0,
                                  base == 0,
                                  sum,
                                  -base,
                                  base,
                                  -1,
                                  base + (lane ^ (lane < 16 ? 3 : 1)),
                                  base + 31,
                                  either,
                                  both,
                                  1};
        for (int k = 0; k < 16; ++k)
            if (result[static_cast<std::size_t>(thread * 16 + k)] != expected[k]) return false;
    }
    return true;
}

bool barrier_votes() {
    const Stream stream;
    const Array<int> out(1);
    ok(launch(kernels::votes, 1, 100, 0, stream.handle, out.data));
    return out.now(stream)[0] == 34 * 100 + 10;
}

bool early_exits() {
    std::vector<int> in(37);
    std::iota(in.begin(), in.end(), 0);
    const Stream stream;
    const Array<int> device_in(in, stream), out(37);
    ok(launch(kernels::reversed, 1, 64, 0, stream.handle, device_in.data, out.data, 37));
    return out.now(stream) == std::vector<int>(in.rbegin(), in.rend());
}

bool last_block_sums() {
    std::vector<double> x(40);
    std::iota(x.begin(), x.end(), 1.0);
    const Stream stream;
    const Array<double> device_x(x, stream), partial(40), sum(1);
    const Array<unsigned> finished(1);
    ok(cudaMemsetAsync(finished.data, 0, finished.bytes(), stream.handle));
    ok(launch(kernels::sum_by_last_block, 40, 32, 0, stream.handle, device_x.data, partial.data,
              finished.data, sum.data));
    return sum.now(stream)[0] == 40 * 41 / 2.0;
}

bool three_dimensions() {
    const dim3 extent(9, 7, 5), block(4, 2, 3);
    const Stream stream;
    const Array<int> out(9 * 7 * 5);
    ok(cudaMemsetAsync(out.data, 0, out.bytes(), stream.handle));
    ok(launch(kernels::indices, dim3(3, 4, 2), block, 0, stream.handle, out.data, extent));
    return out.now(stream) == std::vector<int>(9 * 7 * 5, 1);
}

bool dynamic_shared_memory() {
    const int size = 12000;
    const std::size_t bytes = size * sizeof(double);
    std::vector<double> in(size);
    std::iota(in.begin(), in.end(), 0.0);
    const Stream stream;
    const Array<double> device_in(in, stream), out(size);
    const bool refused = launch(kernels::turned, 1, 128, bytes, stream.handle, device_in.data, out.data,
                                size) == cudaErrorInvalidValue;
    ok(cudaFuncSetAttribute(kernels::turned, cudaFuncAttributeMaxDynamicSharedMemorySize,
                            static_cast<int>(bytes)));
    ok(launch(kernels::turned, 1, 128, bytes, stream.handle, device_in.data, out.data, size));
    return out.now(stream) == std::vector<double>(in.rbegin(), in.rend()) && refused;
}

bool integer_atomics() {
    const Stream stream;
    const Array<int> sum(1), extrema(3);
    const Array<unsigned> bits(1);
    const Array<unsigned long long> large(1);
    ok(cudaMemsetAsync(sum.data, 0, sum.bytes(), stream.handle));
    ok(cudaMemsetAsync(bits.data, 0, bits.bytes(), stream.handle));
    ok(cudaMemsetAsync(large.data, 0, large.bytes(), stream.handle));
    ok(cudaMemsetAsync(extrema.data, 0, extrema.bytes(), stream.handle));
    ok(launch(kernels::atomics, 5, 40, 0, stream.handle, sum.data, bits.data, large.data, extrema.data));
    return sum.now(stream)[0] == 199 * 100 - 200 && bits.now(stream)[0] == 0xffffffffu &&
           large.now(stream)[0] == 200ull << 32 && extrema.now(stream) == std::vector<int>{199, -199, 400};
}

bool vector_accesses() {
    std::vector<float> in(64);
    std::iota(in.begin(), in.end(), 1.0f);
    const Stream stream;
    const Array<float> device_in(in, stream);
    const Array<double> out(32);
    const Array<unsigned> bits(64);
    ok(launch(kernels::vectors, 1, 16, 0, stream.handle, reinterpret_cast<const float4*>(device_in.data),
              reinterpret_cast<double2*>(out.data), reinterpret_cast<uint4*>(bits.data)));
    const std::vector<double> result = out.now(stream);
    bool right = bits.now(stream)[61] == 15;
    for (std::size_t i = 0; i < 16; ++i) {
        right &= result[2 * i] == static_cast<double>(in[4 * i]) + in[4 * i + 1];
        right &= result[2 * i + 1] == static_cast<double>(in[4 * i + 2]) * in[4 * i + 3];
    }
    return right;
}

bool intrinsics() {
    std::vector<float> in(32);
    for (std::size_t i = 0; i < in.size(); ++i) in[i] = 0.25f + static_cast<float>(i) * 0.3f;
    const Stream stream;
    const Array<float> device_in(in, stream), out(32 * 8);
    const Array<__nv_bfloat16> rounded(32);
    ok(launch(kernels::arithmetic, 1, 32, 0, stream.handle, device_in.data, out.data, rounded.data));
    const std::vector<float> result = out.now(stream);
    const std::vector<__nv_bfloat16> bf16 = rounded.now(stream);
    const auto near = [](float value, double exact) {
        return std::fabs(value - exact) <= 4e-6 * std::fabs(exact);
    };
    for (unsigned i = 0; i < 32; ++i) {
        const double x = in[i];
        const float* const mine = result.data() + std::size_t{8} * i;
        const bool right =
            near(mine[0], std::exp(x)) && near(mine[1], std::exp2(x)) && near(mine[2], 1 / x) &&
            std::fabs(mine[3] - std::log(x)) < 1e-6 && near(mine[4], 1 / std::sqrt(x)) &&
            near(mine[5], x + 1.5) && near(mine[6], x * x - 1) &&
            std::fabs(__bfloat162float(bf16[i]) - x) <= x / 256 &&
            static_cast<int>(mine[7]) == (i == 0 ? 32 : std::countl_zero(i) + std::countr_zero(i) + 1);
        if (!right) return false;
    }
    return true;
}

bool launches_refused() {
    const Stream stream;
    const Array<int> out(1024);
    const auto with = [&](dim3 grid, dim3 block, std::size_t shared_bytes) {
        return launch(kernels::votes, grid, block, shared_bytes, stream.handle, out.data);
    };
    int blocks = 0;
    ok(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, kernels::votes, 256, 100));
    return with(1, 1025, 0) == cudaErrorInvalidConfiguration && with(1, dim3(32, 33), 0) != cudaSuccess &&
           with(0, 32, 0) == cudaErrorInvalidConfiguration && with(dim3(1, 65536), 32, 0) != cudaSuccess &&
           with(1, dim3(1, 1, 65), 0) != cudaSuccess && with(1, 32, 49153) == cudaErrorInvalidValue &&
           cudaFuncSetAttribute(kernels::votes, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                227 * 1024 + 1) == cudaErrorInvalidValue &&
           cudaGetLastError() == cudaErrorInvalidValue && with(1, 1024, 0) == cudaSuccess && blocks == 8 &&
           cudaStreamSynchronize(stream.handle) == cudaSuccess;
}

}  // namespace programs
