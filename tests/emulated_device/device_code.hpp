// What the code of an emulated kernel calls: the executor's barriers, warp exchanges and shared memory. Only
// the port layer (port/) includes this.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <type_traits>

#include "fault.hpp"

namespace emulated_device {

/// A barrier of the whole block; returns the sum of `predicate` over its threads.
int block_barrier(int predicate, const char* operation, const Site& site);

/// The values that the lanes of `mask` brought to one warp operation. Valid until the caller's next one.
struct WarpValues {
    std::uint32_t mask = 0;  ///< the lanes that took part
    std::uint64_t of_lane[32] = {};
};
const WarpValues& warp_exchange(std::uint32_t mask, std::uint64_t value, const char* operation,
                                const Site& site);

/// A warp barrier that also orders memory, which shuffles and votes do not.
void warp_barrier(std::uint32_t mask, const Site& site);

/// Orders memory between blocks, for the thread sanitizer's eyes.
void memory_fence();

/// The calling thread's lane, 0 .. 31.
int lane();

/// The block's copy of one static shared array (`tag` names it), or of its dynamic shared memory.
void* static_shared(const void* tag, std::size_t bytes, std::size_t alignment);
void* dynamic_shared();

/// One static shared array for each `Tag`, a type that no other array has.
template <class Element, std::size_t count, class Tag>
Element (&shared_array(Tag))[count] {
    static const char tag = 0;
    return *static_cast<Element(*)[count]>(static_shared(&tag, sizeof(Element[count]), alignof(Element)));
}

/// One parameter of a launch, as bytes: pointers in it must lead to live device memory.
struct Parameter {
    const void* bytes;
    std::size_t size;
    enum class Kind { pointer, structure, plain } kind;
};

/// Checks the configuration and parameters and queues `thread_body`, which one thread of the grid runs.
/// `parameters_alive` checks the parameters once more before the grid runs.
cudaError_t launch_kernel(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes,
                          cudaStream_t stream, std::function<void()> thread_body,
                          std::function<void()> parameters_alive);
void check_parameter(const void* kernel, const Parameter& parameter);

/// The same of a value; padding between members could look like anything.
template <class T>
void check_parameter(const void* kernel, T value) {
    if constexpr (std::is_class_v<T>) __builtin_clear_padding(&value);
    const auto kind = std::is_pointer_v<T> ? Parameter::Kind::pointer
                      : std::is_class_v<T> ? Parameter::Kind::structure
                                           : Parameter::Kind::plain;
    check_parameter(kernel, Parameter{&value, sizeof value, kind});
}

}  // namespace emulated_device
