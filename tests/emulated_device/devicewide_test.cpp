// CUB's device-wide calls and Thrust on the emulated device: right uses are right, under every seed and in
// every mode; each wrong one is caught.
#include <gtest/gtest.h>

#include <string>

#include "expectations.hpp"
#include "programs.hpp"

namespace {

using namespace programs;

#define CORRECT(name)                   \
    TEST(CorrectDevicewide, name) {     \
        expect_correct(programs::name); \
    }
CORRECT(device_reductions)
CORRECT(device_sorts)
CORRECT(device_selections)
CORRECT(device_merges)
CORRECT(device_calls_in_a_graph)
CORRECT(device_storage_too_small)

TEST(FaultyDevicewide, Storage) {
    expect_fault(storage_said_larger_than_it_is,
                 "cub::DeviceReduce::Reduce_?: .* where the allocation has 1024 more");
    expect_fault(storage_on_the_host, "cub::DeviceReduce::Reduce_?: \\w+ is a host pointer");
    expect_wrong(storage_holds_live_data);
    expect_wrong(storage_grows_in_a_capture);
}

TEST(FaultyDevicewide, WrongSide) {
    expect_fault(host_pointer_to_a_call, "cub::DeviceReduce::Reduce_?: \\w+ is a host pointer");
    expect_fault(host_pointer_in_an_iterator, "cub::DeviceReduce::Reduce_?.*: \\w+ is a host pointer");
}

TEST(FaultyDevicewide, WrongExtent) {
    expect_fault(too_many_items,
                 "cub::DeviceReduce::Reduce_?: 8008 bytes from \\w+, where the allocation has 8000 more");
    expect_wrong(functor_reads_past_the_end);
    expect_fault(selects_more_than_fits, address_sanitizer
                                             ? "the sanitizer's report above; kernel .*cub::DeviceSelect"
                                             : "kernel .*cub::DeviceSelect.* wrote past the end");
    expect_fault(sorts_onto_itself,
                 "cub::DeviceRadixSort::Sort_?: what it writes overlaps what it reads or writes");
}

TEST(FaultyDevicewide, CountsOnWhatIsNotPromised) {
    expect_wrong_for_some_seed(takes_the_wrong_buffer);
    expect_wrong_for_some_seed(does_not_commute);
    expect_wrong_for_some_seed(counts_on_alignment);
    expect_wrong(sorts_by_too_few_bits);
    expect_wrong(counts_in_32_bits);
    expect_wrong(missing_memset_to_ones);
    expect_fault(merges_what_is_not_sorted, "cub::DeviceMerge: the first input is not sorted");
}

TEST(FaultyDevicewide, Order) {
    expect_wrong(reads_a_sum_early);
    expect_wrong(forgets_an_event);
    expect_fault(frees_too_early, "cudaFree while work is pending");
}

}  // namespace
