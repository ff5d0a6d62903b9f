// The programs that the emulator's own tests run, each in a process of its own. Each returns whether its
// results are right; a correct program's are, under every seed and in every mode.
#pragma once

namespace programs {

// correct_programs.cu
bool sums_of_blocks();
bool warp_operations();
bool barrier_votes();
bool early_exits();
bool last_block_sums();
bool three_dimensions();
bool dynamic_shared_memory();
bool integer_atomics();
bool vector_accesses();
bool intrinsics();
bool launches_refused();

// correct_hosts.cu
bool streams_and_events();
bool pinned_memory();
bool uploads_from_the_stack();
bool pitched_copies();
bool captured_graph();
bool default_stream();
bool freeing_while_unwinding();
bool counted_kernels();
bool traffic_of_kernels();

// faulty_kernels.cu
bool missing_barrier();
bool missing_warp_barrier();
bool global_write_past_end();
bool global_write_before_start();
bool global_read_past_end();
bool global_read_far_away();
bool global_read_by_poison();
bool shared_write_past_end();
bool shared_read_past_end();
bool dynamic_shared_write_past_end();
bool dynamic_shared_without_any();
bool barrier_in_a_branch();
bool barrier_against_a_shuffle();
bool barriers_at_two_places();
bool warp_operation_after_exit();
bool shuffle_in_half_a_warp();
bool shuffle_from_outside_the_mask();
bool shuffle_without_its_own_lane();
bool misaligned_vector();
bool null_pointer();
bool stack_overflow();
bool division_by_zero();
bool blocks_race();
bool counter_without_atomics();

// faulty_hosts.cu
bool missing_memset();
bool host_reads_early();
bool host_reads_graph_early();
bool host_writes_pinned_early();
bool missing_event_wait();
bool missing_event_wait_in_graph();
bool host_touches_device_memory();
bool host_pointer_to_kernel();
bool host_pointer_in_structure();
bool host_pointer_to_blas();
bool device_scalar_to_blas();
bool product_too_wide();
bool copy_too_long();
bool copy_in_wrong_direction();
bool free_while_pending();
bool free_twice();
bool launch_after_free();
bool stored_pointer_after_free();
bool graph_after_free();
bool destroyed_stream();

// correct_devicewide.cu
bool device_reductions();
bool device_sorts();
bool device_selections();
bool device_merges();
bool device_calls_in_a_graph();
bool device_storage_too_small();

// faulty_devicewide.cu
bool storage_said_larger_than_it_is();
bool storage_on_the_host();
bool storage_holds_live_data();
bool storage_grows_in_a_capture();
bool host_pointer_to_a_call();
bool host_pointer_in_an_iterator();
bool too_many_items();
bool functor_reads_past_the_end();
bool selects_more_than_fits();
bool sorts_onto_itself();
bool takes_the_wrong_buffer();
bool sorts_by_too_few_bits();
bool does_not_commute();
bool counts_in_32_bits();
bool counts_on_alignment();
bool reads_a_sum_early();
bool forgets_an_event();
bool frees_too_early();
bool merges_what_is_not_sorted();
bool missing_memset_to_ones();

}  // namespace programs
