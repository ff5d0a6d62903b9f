// The place where Thrust's CUDA system keeps its for_each. Everything else of Thrust is the vendor's: its own
// generic forms of transform, gather, scatter, fill, sequence, tabulate and the vectorised binary searches
// come down to this. Only par_nosync.on(stream) is taken, and what would allocate (sort, scan, reduce,
// unique) says "unimplemented".
#pragma once

#include <thrust/detail/raw_reference_cast.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/iterator_traits.h>
#include <thrust/system/cuda/execution_policy.h>
#include <devicewide.hpp>

namespace emulated_device::devicewide {

/// A kernel of a thread an element, in an order that the seed decides.
template <class In, class Size, class Operation>
void for_each_element(In first, Size size, Operation operation) {
    const std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (i < static_cast<std::int64_t>(size)) operation(thrust::raw_reference_cast(*(first + i)));
}

template <class In, class Out>
struct CopyElement {
    In from;
    Out to;
    void operator()(std::int64_t i) const { to[i] = from[i]; }
};

}  // namespace emulated_device::devicewide

THRUST_NAMESPACE_BEGIN
namespace cuda_cub {

template <class In, class Size, class Operation>
In for_each_n(execute_on_stream_nosync_base<execute_on_stream_nosync>& policy, In first, Size size,
              Operation operation) {
    using namespace emulated_device::devicewide;
    if (size == 0) return first;
    const auto blocks = static_cast<unsigned>((static_cast<std::int64_t>(size) + 255) / 256);
    const auto address = reinterpret_cast<const void*>(&for_each_element<In, Size, Operation>);
    const auto check = [=] {
        emulated_device::check_parameter(address, first);
        emulated_device::check_parameter(address, operation);
    };
    check();
    const auto body = [=] { for_each_element(first, size, operation); };
    if (emulated_device::launch_kernel(address, blocks, 256, 0, get_stream(policy), body, check) !=
        cudaSuccess)
        emulated_device::fault("Thrust would throw: a launch failed");
    return first + size;
}

template <class In, class Operation>
In for_each(execute_on_stream_nosync_base<execute_on_stream_nosync>& policy, In first, In last,
            Operation operation) {
    return cuda_cub::for_each_n(policy, first, last - first, operation);
}

/// Which the vendor's generic scatter calls.
template <class In, class Out>
Out copy(execute_on_stream_nosync_base<execute_on_stream_nosync>& policy, In first, In last, Out result) {
    const std::int64_t size = last - first;
    cuda_cub::for_each_n(policy, thrust::make_counting_iterator<std::int64_t>(0), size,
                         emulated_device::devicewide::CopyElement<In, Out>{first, result});
    return result + size;
}

}  // namespace cuda_cub
THRUST_NAMESPACE_END
