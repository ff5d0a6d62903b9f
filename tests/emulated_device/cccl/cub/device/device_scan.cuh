// Emulated cub::DeviceScan. The vendor promises no order of additions, not even from run to run:
// floating-point scans do not compile here.
#pragma once

#include <cub/util_type.cuh>
#include <cuda/std/functional>
#include <devicewide.hpp>

namespace cub {

struct DeviceScan {
    struct Scan_ {
        static constexpr bool in_place = true;
    };

    /// In the type of `initial` and the input: 32-bit counts overflow in 32 bits, whatever `out` holds.
    template <class In, class Out, class Operator, class Initial, std::integral Size>
    static cudaError_t ExclusiveScan(void* temporary, std::size_t& bytes, In in, Out out, Operator combine,
                                     Initial initial, Size size, cudaStream_t stream = nullptr) {
        using namespace emulated_device::devicewide;
        using Total = accumulator<Operator, Initial, value_of<In>>;
        return scan<Total>(temporary, bytes, in, out, size, stream, [=](const std::vector<Total>& all) {
            Total total = static_cast<Total>(initial);
            for (std::int64_t i = 0; i < static_cast<std::int64_t>(size); ++i) {
                out[i] = total;
                total = combine(total, all[i]);
            }
        });
    }

    template <class In, class Out, class Operator, std::integral Size>
    static cudaError_t InclusiveScan(void* temporary, std::size_t& bytes, In in, Out out, Operator combine,
                                     Size size, cudaStream_t stream = nullptr) {
        using namespace emulated_device::devicewide;
        using Total = accumulator<Operator, value_of<In>, value_of<In>>;
        return scan<Total>(temporary, bytes, in, out, size, stream, [=](const std::vector<Total>& all) {
            Total total{};
            for (std::int64_t i = 0; i < static_cast<std::int64_t>(size); ++i)
                out[i] = total = i == 0 ? all[i] : combine(total, all[i]);
        });
    }

    template <class In, class Out, std::integral Size>
    static cudaError_t ExclusiveSum(void* temporary, std::size_t& bytes, In in, Out out, Size size,
                                    cudaStream_t stream = nullptr) {
        using Value = emulated_device::devicewide::value_of<In>;
        return ExclusiveScan(temporary, bytes, in, out, ::cuda::std::plus<>{}, Value{}, size, stream);
    }
    template <class In, class Out, std::integral Size>
    static cudaError_t InclusiveSum(void* temporary, std::size_t& bytes, In in, Out out, Size size,
                                    cudaStream_t stream = nullptr) {
        return InclusiveScan(temporary, bytes, in, out, ::cuda::std::plus<>{}, size, stream);
    }

  private:
    template <class Total, class In, class Out, class Size, class Write>
    static cudaError_t scan(void* temporary, std::size_t& bytes, In in, Out out, Size size,
                            cudaStream_t stream, Write write) {
        using namespace emulated_device::devicewide;
        static_assert(!std::is_floating_point_v<Total>, "results would differ from run to run");
        return call<Scan_>(
            temporary, bytes, storage(static_cast<std::int64_t>(size) / 64), stream,
            [=] { write(values<Total>(in, static_cast<std::int64_t>(size))); }, reads(in, size),
            writes(out, size));
    }
};

}  // namespace cub
