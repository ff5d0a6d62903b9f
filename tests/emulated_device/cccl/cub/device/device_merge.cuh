// Emulated cub::DeviceMerge: of equal keys, those of the first input come first.
#pragma once

#include <cub/util_type.cuh>
#include <cuda/std/functional>
#include <devicewide.hpp>

namespace cub {

struct DeviceMerge {
    struct Merge_;

    template <class Keys1, class Values1, class Keys2, class Values2, class Keys, class Values,
              class Less = ::cuda::std::less<>>
    static cudaError_t MergePairs(void* temporary, std::size_t& bytes, Keys1 keys1, Values1 values1,
                                  std::int64_t size1, Keys2 keys2, Values2 values2, std::int64_t size2,
                                  Keys keys_out, Values values_out, Less less = {},
                                  cudaStream_t stream = nullptr) {
        using namespace emulated_device::devicewide;
        const auto work = [=] {
            for (std::int64_t i = 0, k = 0; i + k < size1 + size2;) {
                const std::int64_t to = i + k;
                if (i > 0 && i < size1 && less(keys1[i], keys1[i - 1]))
                    emulated_device::fault("cub::DeviceMerge: the first input is not sorted");
                if (k > 0 && k < size2 && less(keys2[k], keys2[k - 1]))
                    emulated_device::fault("cub::DeviceMerge: the second input is not sorted");
                if (k == size2 || (i < size1 && !less(keys2[k], keys1[i]))) {
                    keys_out[to] = keys1[i];
                    values_out[to] = values1[i++];
                } else {
                    keys_out[to] = keys2[k];
                    values_out[to] = values2[k++];
                }
            }
        };
        return call<Merge_>(temporary, bytes, storage((size1 + size2) / 256), stream, work,
                            reads(keys1, size1), reads(values1, size1), reads(keys2, size2),
                            reads(values2, size2), writes(keys_out, size1 + size2),
                            writes(values_out, size1 + size2));
    }
};

}  // namespace cub
