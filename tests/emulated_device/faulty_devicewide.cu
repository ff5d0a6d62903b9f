// Device-wide calls that are wrong: each compiles, with nvcc too, and each is caught.
#include <thrust/transform.h>
#include <cub/device/device_merge.cuh>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>
#include <port.cuh>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "devicewide_fixture.cuh"
#include "programs.hpp"

namespace programs {
using namespace devicewide;

namespace devicewide {

struct LastOne {  // does not commute
    __host__ __device__ unsigned operator()(unsigned, unsigned b) const { return b; }
};

cudaError_t sum_with(Fixture& f, void* storage, std::size_t bytes) {
    return cub::DeviceReduce::Sum(storage, bytes, f.x.data, f.sum.data, n, f.stream.handle);
}

}  // namespace devicewide

bool storage_said_larger_than_it_is() {
    Fixture f;
    const Array<char> storage(1024);
    ok(sum_with(f, storage.data, 1 << 20));
    f.stream.finish();
    return true;
}

bool storage_on_the_host() {
    Fixture f;
    std::vector<char> storage(1 << 20);
    ok(sum_with(f, storage.data(), storage.size()));
    f.stream.finish();
    return true;
}

bool storage_holds_live_data() {
    Fixture f;
    const Array<double> storage(1 << 14);
    thrust::transform(f.policy(), f.x.data, f.x.data + n, storage.data, Square{});
    ok(sum_with(f, storage.data, storage.bytes()));
    return storage.now(f.stream)[0] == 0;
}

bool host_pointer_to_a_call() {
    Fixture f;
    return f.total(f.host_x.data()) != 0;
}

bool host_pointer_in_an_iterator() {
    Fixture f;
    return f.total(thrust::make_transform_iterator(thrust::make_counting_iterator<std::int64_t>(0),
                                                   Product{f.x.data, f.host_y.data()})) != 0;
}

bool too_many_items() {
    Fixture f;
    ok(f.add(f.x.data, n + 1));
    f.stream.finish();
    return true;
}

bool functor_reads_past_the_end() {
    Fixture f;
    return std::isfinite(f.total(f.products() + 1));
}

bool selects_more_than_fits() {
    Fixture f;
    const Array<unsigned> few(10);
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceSelect::If(storage, bytes, f.keys.data, few.data, f.count.data, n, IsOdd{},
                                     f.stream.handle);
    }));
    f.stream.finish();
    return true;
}

bool sorts_onto_itself() {
    Fixture f;
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceRadixSort::SortKeys(storage, bytes, f.keys.data, f.keys.data, n, 0, 32,
                                              f.stream.handle);
    }));
    return true;
}

bool takes_the_wrong_buffer() {
    Fixture f;
    cub::DoubleBuffer<unsigned> keys(f.keys.data, f.more.data);
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceRadixSort::SortKeys(storage, bytes, keys, n, 0, 32, f.stream.handle);
    }));
    std::sort(f.host.begin(), f.host.end());
    return f.more.now(f.stream) == f.host;
}

bool sorts_by_too_few_bits() {
    Fixture f;
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceRadixSort::SortKeys(storage, bytes, f.keys.data, f.more.data, n, 0, 11,
                                              f.stream.handle);
    }));
    std::sort(f.host.begin(), f.host.end());
    return f.more.now(f.stream) == f.host;
}

bool does_not_commute() {
    Fixture f;
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceReduce::Reduce(storage, bytes, f.keys.data, f.more.data, n, LastOne{}, 0U,
                                         f.stream.handle);
    }));
    return f.more.now(f.stream)[0] == f.host.back();
}

bool counts_in_32_bits() {
    Fixture f;
    const Array<unsigned> large(std::vector<unsigned>(4, 0x80000000U), f.stream);
    const Array<std::int64_t> sums(4);
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceScan::ExclusiveSum(storage, bytes, large.data, sums.data, 4, f.stream.handle);
    }));
    return sums.now(f.stream)[3] == 3LL * 0x80000000U;
}

bool reads_a_sum_early() {
    Fixture f;
    f.total(f.x.data);
    ok(f.add(f.y.data));
    double sum = 0;
    ok(cudaMemcpyAsync(&sum, f.sum.data, sizeof sum, cudaMemcpyDeviceToHost, f.stream.handle));
    const bool right = close(sum, std::accumulate(f.host_y.begin(), f.host_y.end(), 0.0));
    f.stream.finish();
    return right;
}

/// x from element 1 on, once where 16-byte loads reach it and once where they do not.
bool counts_on_alignment() {
    Fixture f;
    const Array<double> moved(n);
    ok(cudaMemcpyAsync(moved.data, f.x.data + 1, (n - 1) * sizeof(double), cudaMemcpyDeviceToDevice,
                       f.stream.handle));
    ok(f.add(moved.data, n - 1));
    const double sum = f.sum.now(f.stream)[0];
    ok(f.add(f.x.data + 1, n - 1));
    return f.sum.now(f.stream)[0] == sum;
}

bool forgets_an_event() {
    Fixture f;
    const Stream other;
    f.total(f.x.data);
    thrust::transform(thrust::cuda::par_nosync.on(other.handle), f.y.data, f.y.data + n, f.y.data, Square{});
    for (double& value : f.host_y) value *= value;
    const bool right = close(f.total(f.y.data), std::accumulate(f.host_y.begin(), f.host_y.end(), 0.0));
    other.finish();
    return right;
}

bool frees_too_early() {
    Fixture f;
    const Array<double> result(1);
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceReduce::Sum(storage, bytes, f.x.data, result.data, n, f.stream.handle);
    }));
    return true;
}

bool storage_grows_in_a_capture() {
    Fixture f;
    f.stream.finish();
    ok(cudaStreamBeginCapture(f.stream.handle, cudaStreamCaptureModeThreadLocal));
    const bool grown = f.add(f.x.data) == cudaSuccess;
    cudaGraph_t graph = nullptr;
    static_cast<void>(cudaStreamEndCapture(f.stream.handle, &graph));
    if (graph != nullptr) ok(cudaGraphDestroy(graph));
    return grown;
}

bool merges_what_is_not_sorted() {
    Fixture f;
    const Array<unsigned> keys(2 * n), values(2 * n);
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceMerge::MergePairs(storage, bytes, f.keys.data, f.keys.data, n, f.keys.data,
                                            f.keys.data, n, keys.data, values.data, cuda::std::less<>{},
                                            f.stream.handle);
    }));
    f.stream.finish();
    return true;
}

bool missing_memset_to_ones() {
    const Stream stream;
    const Array<unsigned> values(4);
    return values.now(stream) == std::vector<unsigned>(4, 0xffffffffU);
}

}  // namespace programs
