// Emulated cub::DeviceReduce. Run-to-run deterministic, as the vendor's; the seed stands for the device.
#pragma once

#include <cub/util_type.cuh>
#include <cuda/std/functional>
#include <devicewide.hpp>

namespace cub {

struct DeviceReduce {
    struct Reduce_;
    struct ReduceByKey_;

    template <class In, class Out, class Operator, class Initial, std::integral Size>
    static cudaError_t Reduce(void* temporary, std::size_t& bytes, In in, Out out, Size size,
                              Operator combine, Initial initial, cudaStream_t stream = nullptr) {
        using namespace emulated_device::devicewide;
        using Sum = accumulator<Operator, Initial, value_of<In>>;
        return call<Reduce_>(
            temporary, bytes, storage(4096), stream,
            [=] { out[0] = reduced<Sum>(in, 0, size, combine, static_cast<Sum>(initial)); }, reads(in, size),
            writes(out, 1));
    }

    template <class In, class Out, std::integral Size>
    static cudaError_t Sum(void* temporary, std::size_t& bytes, In in, Out out, Size size,
                           cudaStream_t stream = nullptr) {
        using Value = emulated_device::devicewide::value_of<Out, emulated_device::devicewide::value_of<In>>;
        return Reduce(temporary, bytes, in, out, size, ::cuda::std::plus<>{}, Value{}, stream);
    }

    /// Its look-back adds in an order that differs from run to run: no floating-point sums.
    template <class Keys, class Unique, class Values, class Totals, class Runs, class Operator,
              std::integral Size>
    static cudaError_t ReduceByKey(void* temporary, std::size_t& bytes, Keys keys, Unique unique,
                                   Values values_in, Totals totals, Runs runs_out, Operator combine,
                                   Size size, cudaStream_t stream = nullptr) {
        using namespace emulated_device::devicewide;
        using Total = accumulator<Operator, value_of<Values>, value_of<Values>>;
        static_assert(!std::is_floating_point_v<Total>, "results would differ from run to run");
        const auto work = [=] {
            std::int64_t runs = 0;
            for (std::int64_t i = 0, begin = 0; i < size; ++i) {
                if (i + 1 < size && value_of<Keys>(keys[i + 1]) == value_of<Keys>(keys[i])) continue;
                Total total = values_in[begin];
                for (std::int64_t k = begin + 1; k <= i; ++k)
                    total = combine(total, static_cast<Total>(values_in[k]));
                unique[runs] = keys[begin];
                totals[runs] = total;
                ++runs;
                begin = i + 1;
            }
            runs_out[0] = static_cast<value_of<Runs, std::int64_t>>(runs);
        };
        return call<ReduceByKey_>(temporary, bytes, storage(size / 32), stream, work, reads(keys, size),
                                  reads(values_in, size), writes(unique, size != 0),
                                  writes(totals, size != 0), writes(runs_out, 1));
    }
};

}  // namespace cub
