// Correct programs pass, under every seed and in every mode; each faulty one is caught.
#include "programs.hpp"

#include <gtest/gtest.h>

#include <string>

#include "expectations.hpp"

namespace {

#define CORRECT(name)                   \
    TEST(CorrectProgram, name) {        \
        expect_correct(programs::name); \
    }
CORRECT(sums_of_blocks)
CORRECT(warp_operations)
CORRECT(barrier_votes)
CORRECT(early_exits)
CORRECT(last_block_sums)
CORRECT(three_dimensions)
CORRECT(dynamic_shared_memory)
CORRECT(integer_atomics)
CORRECT(vector_accesses)
CORRECT(intrinsics)
CORRECT(streams_and_events)
CORRECT(pinned_memory)
CORRECT(uploads_from_the_stack)
CORRECT(pitched_copies)
CORRECT(captured_graph)
CORRECT(default_stream)
CORRECT(freeing_while_unwinding)

const std::string outside = address_sanitizer ? "the sanitizer's report above; kernel programs::faulty"
                                              : "kernel programs::faulty::\\w+ wrote";

TEST(FaultyKernel, MissingBarrier) {
    if (thread_sanitizer) {
        expect_fault(programs::missing_barrier, "the sanitizer's report above; kernel");
    } else {
        expect_wrong(programs::missing_barrier);
    }
}

TEST(FaultyKernel, GlobalAccessOutside) {
    expect_fault(programs::global_write_past_end, outside);
    expect_fault(programs::global_write_before_start, outside);
    expect_wrong(programs::global_read_past_end);
    expect_fault(programs::global_read_far_away,
                 "; kernel programs::faulty::read, block \\(0,0,0\\), thread");
    expect_fault(programs::global_read_by_poison, "; kernel programs::faulty::read_by");
    expect_fault(programs::null_pointer, "; kernel programs::faulty::read");
}

TEST(FaultyKernel, SharedAccessOutside) {
    expect_fault(programs::shared_write_past_end, outside);
    expect_wrong(programs::shared_read_past_end);
    expect_fault(programs::dynamic_shared_write_past_end, outside);
    expect_fault(programs::dynamic_shared_without_any,
                 "asked for none; kernel programs::faulty::write_dynamic");
}

TEST(FaultyKernel, DivergentBarrier) {
    expect_fault(programs::barrier_in_a_branch, "divergent barrier: .*barrier_of_some");
    expect_fault(
        programs::barrier_against_a_shuffle,
        "divergent barrier in kernel programs::faulty::barrier_against_shuffle.*32 threads wait for ever");
    expect_fault(programs::barriers_at_two_places, "divergent barrier: .*two_barriers");
}

TEST(FaultyKernel, WarpOperations) {
    expect_fault(programs::warp_operation_after_exit, "__shfl_xor_sync|a lane that has exited");
    expect_fault(programs::shuffle_in_half_a_warp, "__shfl_sync");
    expect_fault(programs::shuffle_from_outside_the_mask, "reads lane [0-9]+, which is not in its mask");
    expect_fault(programs::shuffle_without_its_own_lane, "the lane is not in its own mask");
}

TEST(FaultyKernel, Traps) {
    expect_fault(programs::misaligned_vector, "kernel programs::faulty::load_vector");
    expect_fault(programs::stack_overflow, "kernel programs::faulty::recursion");
    expect_fault(programs::division_by_zero, "kernel programs::faulty::divide");
}

#ifdef __SANITIZE_THREAD__
TEST(FaultyKernel, Races) {
    const std::string report = "the sanitizer's report above; kernel programs::faulty::";
    expect_fault(programs::missing_warp_barrier, report + "swap_with_shuffle_alone");
    expect_fault(programs::blocks_race, report + "write_same");
    expect_fault(programs::counter_without_atomics, report + "count");
}
#endif

TEST(FaultyHost, ReadsWhatIsNotThereYet) {
    expect_wrong(programs::missing_memset);
    for (const char* defer : {"needed", "mixed"}) {
        expect_wrong(programs::host_reads_early, defer);
        expect_wrong(programs::host_reads_graph_early, defer);
        expect_wrong(programs::host_writes_pinned_early, defer);
    }
}

TEST(FaultyHost, MissingEventWait) {
    expect_wrong(programs::missing_event_wait, "needed");
    expect_wrong_for_some_seed(programs::missing_event_wait, "mixed");
    expect_wrong_for_some_seed(programs::missing_event_wait_in_graph);
}

TEST(FaultyHost, WrongSide) {
    expect_fault(programs::host_touches_device_memory, "host code touches device memory");
    expect_fault(programs::host_pointer_to_kernel,
                 "kernel programs::faulty::add_one: \\w+ is a host pointer");
    expect_fault(programs::host_pointer_in_structure,
                 "kernel programs::faulty::add_one_by_structure: \\w+ is a host pointer");
    expect_fault(programs::host_pointer_to_blas, "cublasDgemm: \\w+ is a host pointer");
    expect_fault(programs::device_scalar_to_blas, "cublasDgemm: the scalar at \\w+ is not in host memory");
    expect_fault(programs::copy_in_wrong_direction, "cudaMemcpyAsync: the destination \\w+ is device memory");
}

TEST(FaultyHost, WrongExtent) {
    expect_fault(programs::product_too_wide, "cublasDgemm: [0-9]+ bytes from \\w+, where the allocation has");
    expect_fault(programs::copy_too_long,
                 "cudaMemcpyAsync: 257 bytes from \\w+, where the allocation has 256 more");
}

TEST(FaultyHost, Lifetime) {
    expect_fault(programs::free_while_pending, "cudaFree while work is pending");
    expect_fault(programs::free_twice, "no live device allocation");
    expect_fault(programs::launch_after_free,
                 "kernel programs::faulty::add_one: \\w+ is not in live device memory");
    expect_fault(programs::stored_pointer_after_free, "kernel programs::faulty::write_by_stored_pointer");
    expect_fault(programs::graph_after_free, "cudaMemsetAsync: \\w+ is not in live device memory");
    expect_fault(programs::destroyed_stream, "is no stream");
}

bool nothing() {
    return true;
}

TEST(Settings, RefuseWhatTheyDoNotKnow) {
    const auto program = programs::pitched_copies;
    EXPECT_EQ(run_in_child(program, {{"EMULATED_DEVICE_DEFER", "often"}}).exit_status, 42);
    EXPECT_EQ(run_in_child(program, {{"EMULATED_DEVICE_SEED", "-1"}}).exit_status, 42);
    EXPECT_EQ(run_in_child(program, {{"EMULATED_DEVICE_MEMORY", "1G"}}).exit_status, 42);
    EXPECT_EQ(run_in_child(nothing, {{"EMULATED_DEVICE_SEED", "-1"}}).exit_status, 0);
}

}  // namespace
