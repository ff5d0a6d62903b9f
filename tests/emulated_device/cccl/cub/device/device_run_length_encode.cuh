// Emulated cub::DeviceRunLengthEncode.
#pragma once

#include <cub/util_type.cuh>
#include <devicewide.hpp>

namespace cub {

struct DeviceRunLengthEncode {
    struct Encode_;

    /// The vendor's count is an int up to CUDA 13.0, to which a wider one narrows in silence: here it does
    /// not compile.
    template <class In, class Unique, class Lengths, class Runs, std::integral Size>
    requires(sizeof(Size) <= sizeof(int)) static cudaError_t
        Encode(void* temporary, std::size_t& bytes, In in, Unique unique, Lengths lengths, Runs runs_out,
               Size size, cudaStream_t stream = nullptr) {
        using namespace emulated_device::devicewide;
        const auto work = [=] {
            std::int64_t runs = 0;
            for (std::int64_t i = 0, begin = 0; i < size; ++i) {
                if (i + 1 < size && value_of<In>(in[i + 1]) == value_of<In>(in[i])) continue;
                unique[runs] = in[begin];
                lengths[runs] = static_cast<value_of<Lengths, int>>(i + 1 - begin);
                ++runs;
                begin = i + 1;
            }
            runs_out[0] = static_cast<value_of<Runs, int>>(runs);
        };
        return call<Encode_>(temporary, bytes, storage(size / 32), stream, work, reads(in, size),
                             writes(unique, size != 0), writes(lengths, size != 0), writes(runs_out, 1));
    }
};

}  // namespace cub
