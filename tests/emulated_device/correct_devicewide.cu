// CUB's device-wide calls and Thrust's iterators, transforms and searches, used as design 4.5 has them.
#include <thrust/binary_search.h>
#include <thrust/gather.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/iterator/zip_iterator.h>
#include <thrust/scatter.h>
#include <thrust/transform.h>
#include <cub/device/device_merge.cuh>
#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <cub/device/device_run_length_encode.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>
#include <port.cuh>

#include <algorithm>
#include <map>
#include <numeric>

#include "devicewide_fixture.cuh"
#include "programs.hpp"

namespace programs {
using namespace devicewide;

namespace devicewide {

struct Self {
    __host__ __device__ unsigned operator()(unsigned i) const { return i; }
};
struct Smaller {
    __host__ __device__ double operator()(double a, double b) const { return b < a ? b : a; }
};

}  // namespace devicewide

bool device_reductions() {
    Fixture f;
    const double dot = std::inner_product(f.host_x.begin(), f.host_x.end(), f.host_y.begin(), 0.0);
    bool right = close(f.total(f.products()), dot) && f.total(f.products()) == f.total(f.products());
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceReduce::Reduce(storage, bytes, f.x.data, f.sum.data, n, Smaller{}, 2.0,
                                         f.stream.handle);
    }));
    right = right && f.sum.now(f.stream)[0] == *std::min_element(f.host_x.begin(), f.host_x.end());

    std::sort(f.host.begin(), f.host.end());
    std::map<unsigned, std::int64_t> weights;
    for (const unsigned key : f.host) weights[key] += key;
    const Array<unsigned> sorted(f.host, f.stream);
    const Array<std::int64_t> totals(n);
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceReduce::ReduceByKey(storage, bytes, sorted.data, f.more.data, sorted.data,
                                              totals.data, f.count.data, cuda::std::plus<>{}, n,
                                              f.stream.handle);
    }));
    const std::vector<unsigned> keys = f.more.now(f.stream);
    const std::vector<std::int64_t> sums = totals.now(f.stream);
    right = right && f.count.now(f.stream)[0] == static_cast<std::int64_t>(weights.size());
    for (std::size_t i = 0; const auto& [key, weight] : weights) {
        right = right && keys[i] == key && sums[i] == weight;
        ++i;
    }
    return right;
}

bool device_sorts() {
    Fixture f;
    const Array<unsigned> places(n), sorted_places(n);
    thrust::transform(f.policy(), thrust::make_counting_iterator(0U),
                      thrust::make_counting_iterator(unsigned{n}), places.data, Self{});
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceRadixSort::SortPairsDescending(storage, bytes, f.keys.data, f.more.data,
                                                         places.data, sorted_places.data, n, 2, 9,
                                                         f.stream.handle);
    }));
    std::vector<unsigned> expected(n);
    std::iota(expected.begin(), expected.end(), 0U);
    const auto digit = [&](unsigned i) { return f.host[i] >> 2 & 127; };
    std::stable_sort(expected.begin(), expected.end(),
                     [&](unsigned a, unsigned b) { return digit(a) > digit(b); });
    bool right = sorted_places.now(f.stream) == expected;

    cub::DoubleBuffer<double> numbers(f.x.data, f.y.data);
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceRadixSort::SortKeys(storage, bytes, numbers, n, 0, 64, f.stream.handle);
    }));
    std::sort(f.host_x.begin(), f.host_x.end());
    right = right && (numbers.Current() == f.x.data ? f.x : f.y).now(f.stream) == f.host_x;

    thrust::gather(f.policy(), sorted_places.data, sorted_places.data + n, f.keys.data, f.more.data);
    const std::vector<unsigned> gathered = f.more.now(f.stream);
    for (std::int64_t i = 0; i < n; ++i) right = right && gathered[i] == f.host[expected[i]];
    thrust::scatter(f.policy(), f.more.data, f.more.data + n, sorted_places.data, places.data);
    right = right && places.now(f.stream) == f.host;
    thrust::lower_bound(f.policy(), numbers.Current(), numbers.Current() + n, numbers.Current(),
                        numbers.Current() + n, f.more.data);
    const std::vector<unsigned> found = f.more.now(f.stream);
    for (std::int64_t i = 0; i < n; ++i)
        right = right && found[i] == std::lower_bound(f.host_x.begin(), f.host_x.end(), f.host_x[i]) -
                                         f.host_x.begin();
    return right;
}

bool device_selections() {
    Fixture f;
    const auto numbered = thrust::make_zip_iterator(f.keys.data, thrust::make_counting_iterator(0U));
    const Array<unsigned> places(n), lengths(n);
    const auto odd = thrust::make_transform_iterator(f.keys.data, IsOdd{});
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceSelect::Flagged(storage, bytes, numbered, odd,
                                          thrust::make_zip_iterator(f.more.data, places.data), f.count.data,
                                          n, f.stream.handle);
    }));
    const std::int64_t kept = f.count.now(f.stream)[0];
    const std::vector<unsigned> values = f.more.now(f.stream), at = places.now(f.stream);
    bool right = kept == std::count_if(f.host.begin(), f.host.end(), IsOdd{});
    for (std::int64_t i = 0; i < kept; ++i)
        right = right && f.host[at[i]] == values[i] && (i == 0 || at[i - 1] < at[i]);

    std::sort(f.host.begin(), f.host.end());
    const Array<unsigned> sorted(f.host, f.stream);
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceRunLengthEncode::Encode(storage, bytes, sorted.data, f.more.data, lengths.data,
                                                  f.count.data, static_cast<int>(n), f.stream.handle);
    }));
    const std::int64_t runs = f.count.now(f.stream)[0];
    ok(f.temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceScan::InclusiveSum(storage, bytes, lengths.data, lengths.data, runs,
                                             f.stream.handle);
    }));
    f.host.erase(std::unique(f.host.begin(), f.host.end()), f.host.end());
    const std::vector<unsigned> unique = f.more.now(f.stream);
    return right && lengths.now(f.stream)[runs - 1] == n &&
           std::equal(f.host.begin(), f.host.end(), unique.begin(), unique.begin() + runs);
}

bool device_merges() {
    const Stream stream;
    Temporary temporary(stream);
    const std::vector<unsigned> even{0, 2, 2, 4, 8}, more{1, 2, 9};
    const Array<unsigned> a(even, stream), b(more, stream), from_a({1, 2, 3, 4, 5}, stream),
        from_b({6, 7, 8}, stream);
    const Array<unsigned> keys(8), values(8);
    ok(temporary.run([&](void* storage, std::size_t& bytes) {
        return cub::DeviceMerge::MergePairs(storage, bytes, a.data, from_a.data, 5, b.data, from_b.data, 3,
                                            keys.data, values.data, cuda::std::less<>{}, stream.handle);
    }));
    return keys.now(stream) == std::vector<unsigned>{0, 1, 2, 2, 2, 4, 8, 9} &&
           values.now(stream) == std::vector<unsigned>{1, 6, 2, 3, 7, 4, 5, 8};
}

bool device_calls_in_a_graph() {
    Fixture f;
    f.total(f.x.data);  // the storage grows before
    ok(cudaStreamBeginCapture(f.stream.handle, cudaStreamCaptureModeThreadLocal));
    ok(f.add(f.x.data));
    thrust::transform(f.policy(), f.x.data, f.x.data + n, f.x.data, Square{});
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    ok(cudaStreamEndCapture(f.stream.handle, &graph));
    ok(cudaGraphInstantiate(&executable, graph, 0));
    bool right = true;
    for (int launch = 0; launch < 3; ++launch) {
        ok(cudaGraphLaunch(executable, f.stream.handle));
        right =
            right && close(f.sum.now(f.stream)[0], std::accumulate(f.host_x.begin(), f.host_x.end(), 0.0));
        for (double& value : f.host_x) value *= value;
    }
    ok(cudaGraphExecDestroy(executable));
    ok(cudaGraphDestroy(graph));
    return right;
}

bool device_storage_too_small() {
    Fixture f;
    std::size_t bytes = 0;
    ok(cub::DeviceReduce::Sum(nullptr, bytes, f.x.data, f.sum.data, n, f.stream.handle));
    const Array<char> storage(static_cast<std::int64_t>(bytes));
    --bytes;
    f.stream.finish();
    return cub::DeviceReduce::Sum(storage.data, bytes, f.x.data, f.sum.data, n, f.stream.handle) ==
           cudaErrorInvalidValue;
}

}  // namespace programs
