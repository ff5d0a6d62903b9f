// Emulated cub::DeviceSelect: what is selected, in its order; the rest of the output stays as it is.
#pragma once

#include <cub/util_type.cuh>
#include <devicewide.hpp>

namespace cub {

struct DeviceSelect {
    struct Select_;

    template <class In, class Flags, class Out, class Count>
    static cudaError_t Flagged(void* temporary, std::size_t& bytes, In in, Flags flags, Out out, Count count,
                               std::int64_t size, cudaStream_t stream = nullptr) {
        return select(
            temporary, bytes, in, flags, out, count, size, stream,
            [=](const auto&, std::int64_t i) { return static_cast<bool>(flags[i]); }, size);
    }

    template <class In, class Out, class Count, class Predicate>
    static cudaError_t If(void* temporary, std::size_t& bytes, In in, Out out, Count count, std::int64_t size,
                          Predicate predicate, cudaStream_t stream = nullptr) {
        return select(
            temporary, bytes, in, predicate, out, count, size, stream,
            [=](const auto& value, std::int64_t) { return static_cast<bool>(predicate(value)); }, 0);
    }

  private:
    /// `with` is checked like the other arguments: flags of `flagged` elements, or a predicate.
    template <class In, class With, class Out, class Count, class Keep>
    static cudaError_t select(void* temporary, std::size_t& bytes, In in, With with, Out out, Count count,
                              std::int64_t size, cudaStream_t stream, Keep keep, std::int64_t flagged) {
        using namespace emulated_device::devicewide;
        const auto work = [=] {
            std::int64_t kept = 0;
            for (std::int64_t i = 0; i < size; ++i) {
                const value_of<In> value = in[i];
                if (keep(value, i)) out[kept++] = value;
            }
            count[0] = static_cast<value_of<Count, std::int64_t>>(kept);
        };
        return call<Select_>(temporary, bytes, storage(size / 64), stream, work, reads(in, size),
                             reads(with, flagged), writes(out, 0), writes(count, 1));
    }
};

}  // namespace cub
