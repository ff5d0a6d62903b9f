// Kernels that each break one rule. The tests want every one of them caught.
#include <port.cuh>

#include <vector>

#include "program_tools.cuh"
#include "programs.hpp"

namespace programs {

namespace faulty {

__global__ void reverse_without_barrier(const int* in, int* out) {
    SHARED_ARRAY(int, row, 64);
    row[threadIdx.x] = in[threadIdx.x];
    out[threadIdx.x] = row[63 - threadIdx.x];
}

/// A shuffle brings the lanes together, but orders no memory.
__global__ void swap_with_shuffle_alone(const int* in, int* out) {
    SHARED_ARRAY(int, row, 32);
    row[threadIdx.x] = in[threadIdx.x];
    const int zero = __shfl_sync(0xffffffffu, 0, 0);
    out[threadIdx.x] = row[threadIdx.x ^ 1] + zero;
}

__global__ void write(int* out, int index) {
    if (threadIdx.x == 0) out[index] = 7;
}

__global__ void read(const int* in, int* out, int index) {
    out[threadIdx.x] = in[index];
}

__global__ void read_by(const int* in, const unsigned* index, int* out) {
    out[threadIdx.x] = in[index[threadIdx.x]];
}

__global__ void write_shared(int* out, int index) {
    SHARED_ARRAY(int, first, 8);
    SHARED_ARRAY(int, second, 8);
    if (threadIdx.x < 8) first[threadIdx.x] = second[threadIdx.x] = 1;
    __syncthreads();
    if (threadIdx.x == 0) first[index] = 2;
    __syncthreads();
    if (threadIdx.x < 8) out[threadIdx.x] = first[threadIdx.x] + second[threadIdx.x];
}

__global__ void read_shared(int* out, int index) {
    SHARED_ARRAY(int, row, 8);
    if (threadIdx.x < 8) row[threadIdx.x] = 1;
    __syncthreads();
    out[threadIdx.x] = row[index];
}

__global__ void write_dynamic(int* out, int index) {
    int* const row = dyn_shared<int>();
    if (threadIdx.x == 0) row[index] = 1;
    out[threadIdx.x] = 1;
}

__global__ void barrier_of_some(int* out) {
    if (threadIdx.x < 10) __syncthreads();
    out[threadIdx.x] = 1;
    __syncthreads();
}

/// Lane 0 waits for the block, the others for lane 0.
__global__ void barrier_against_shuffle(int* out) {
    if (threadIdx.x == 0) __syncthreads();
    out[threadIdx.x] = __shfl_sync(0xffffffffu, 1, 0);
}

__global__ void two_barriers(int* out) {
    if (threadIdx.x % 2 == 0) {
        __syncthreads();
    } else {
        out[threadIdx.x] = 1;
        __syncthreads();
    }
    out[threadIdx.x] = 1;
}

__global__ void shuffle_with_the_gone(int* out) {
    if (threadIdx.x == 5) return;
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1, 1);
}

__global__ void shuffle_of_half(int* out) {
    int value = 1;
    if (threadIdx.x < 16) value = __shfl_sync(0xffffffffu, value, 0);
    out[threadIdx.x] = value;
}

__global__ void shuffle_from(int* out, unsigned mask, int lanes) {
    int value = 1;
    if (threadIdx.x < 16) value = __shfl_xor_sync(mask, value, lanes);
    out[threadIdx.x] = value;
}

__global__ void load_vector(const float* in, float4* out) {
    out[threadIdx.x] = *reinterpret_cast<const float4*>(in + 1);
}

__device__ int depth(int levels) {
    volatile int frame[256];
    frame[levels % 256] = levels;
    return levels == 0 ? 0 : depth(levels - 1) + frame[levels % 256];
}

__global__ void recursion(int* out, int levels) {
    out[threadIdx.x] = depth(levels);
}

__global__ void divide(int* out, int divisor) {
    out[threadIdx.x] = 7 / divisor;
}

__global__ void write_same(int* out) {
    if (threadIdx.x == 0) out[0] = static_cast<int>(blockIdx.x);
}

__global__ void count(int* counter) {
    *counter += 1;
}

}  // namespace faulty

namespace {

constexpr int size = 64;

std::vector<int> counted() {
    std::vector<int> values(size);
    for (int i = 0; i < size; ++i) values[static_cast<std::size_t>(i)] = i;
    return values;
}

/// Runs `kernel` with a fresh output array and further arguments.
template <class... Parameters, class... Arguments>
std::vector<int> output(void (*kernel)(int*, Parameters...), unsigned threads, std::size_t shared_bytes,
                        Arguments... arguments) {
    const Stream stream;
    const Array<int> out(size);
    ok(cudaMemsetAsync(out.data, 0, out.bytes(), stream.handle));
    ok(launch(kernel, 1, threads, shared_bytes, stream.handle, out.data, arguments...));
    return out.now(stream);
}

std::vector<int> output_of_read(int index) {
    const Stream stream;
    const Array<int> in(counted(), stream), out(size);
    ok(launch(faulty::read, 1, size, 0, stream.handle, in.data, out.data, index));
    return out.now(stream);
}

}  // namespace

bool missing_barrier() {
    const Stream stream;
    const std::vector<int> values = counted();
    const Array<int> in(values, stream), out(size);
    ok(launch(faulty::reverse_without_barrier, 1, size, 0, stream.handle, in.data, out.data));
    return out.now(stream) == std::vector<int>(values.rbegin(), values.rend());
}

bool missing_warp_barrier() {
    const Stream stream;
    const Array<int> in(counted(), stream), out(32);
    ok(launch(faulty::swap_with_shuffle_alone, 1, 32, 0, stream.handle, in.data, out.data));
    return out.now(stream)[0] == 1;
}

bool global_write_past_end() {
    return output(faulty::write, 32, 0, size)[0] == 0;
}

bool global_write_before_start() {
    return output(faulty::write, 32, 0, -1)[0] == 0;
}

bool global_read_past_end() {
    return output_of_read(size)[0] == 0;
}

bool global_read_far_away() {
    return output_of_read(1 << 28)[0] == 0;
}

bool global_read_by_poison() {
    const Stream stream;
    const Array<int> in(counted(), stream), out(size);
    const Array<unsigned> index(size);
    ok(launch(faulty::read_by, 1, size, 0, stream.handle, in.data, index.data, out.data));
    return out.now(stream)[0] == 0;
}

bool shared_write_past_end() {
    return output(faulty::write_shared, 32, 0, 8)[7] == 2;
}

bool shared_read_past_end() {
    return output(faulty::read_shared, 32, 0, 8)[7] == 1;
}

bool dynamic_shared_write_past_end() {
    return output(faulty::write_dynamic, 32, 8 * sizeof(int), 8)[0] == 1;
}

bool dynamic_shared_without_any() {
    return output(faulty::write_dynamic, 32, 0, 0)[0] == 1;
}

bool barrier_in_a_branch() {
    return output(faulty::barrier_of_some, 32, 0)[0] == 1;
}

bool barrier_against_a_shuffle() {
    return output(faulty::barrier_against_shuffle, 32, 0)[0] == 1;
}

bool barriers_at_two_places() {
    return output(faulty::two_barriers, 32, 0)[0] == 1;
}

bool warp_operation_after_exit() {
    return output(faulty::shuffle_with_the_gone, 32, 0)[0] == 1;
}

bool shuffle_in_half_a_warp() {
    return output(faulty::shuffle_of_half, 32, 0)[0] == 1;
}

bool shuffle_from_outside_the_mask() {
    return output(faulty::shuffle_from, 32, 0, 0x0000ffffu, 16)[0] == 1;
}

bool shuffle_without_its_own_lane() {
    return output(faulty::shuffle_from, 32, 0, 0x0000fff0u, 1)[0] == 1;
}

bool misaligned_vector() {
    const Stream stream;
    const Array<float> in(std::vector<float>(8, 1), stream), out(32 * 4);
    ok(launch(faulty::load_vector, 1, 32, 0, stream.handle, in.data, reinterpret_cast<float4*>(out.data)));
    return out.now(stream)[0] == 1;
}

bool null_pointer() {
    const Stream stream;
    const Array<int> out(size);
    ok(launch(faulty::read, 1, 32, 0, stream.handle, nullptr, out.data, 0));
    return out.now(stream)[0] == 0;
}

bool stack_overflow() {
    return output(faulty::recursion, 32, 0, 1 << 20)[0] == 0;
}

bool division_by_zero() {
    return output(faulty::divide, 32, 0, 0)[0] == 0;
}

bool blocks_race() {
    const Stream stream;
    const Array<int> out(1);
    ok(launch(faulty::write_same, 2, 32, 0, stream.handle, out.data));
    return out.now(stream)[0] >= 0;
}

bool counter_without_atomics() {
    return output(faulty::count, 32, 0)[0] == 32;
}

}  // namespace programs
