#include <algorithm>
#include <port.cuh>
#include <type_traits>

#include "kernels/device/device.cuh"
#include "kernels/vectors/elementwise.cuh"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {
namespace vectors_cuda {
namespace operations {

template <class Part, class Sum, int n>
struct AddPairwise {
    const Part* parts[n];
    Sum* sum;

    template <int width>
    __device__ void run(std::int64_t i) const {
        sum[i] = of<n>(parts, i);
    }

  private:
    template <int some>
    __device__ static Sum of(const Part* const* some_parts, std::int64_t i) {
        if constexpr (some == 1)
            return static_cast<Sum>(some_parts[0][i]);
        else
            return of<some / 2>(some_parts, i) + of<some / 2>(some_parts + some / 2, i);
    }
};

/// Calls work(std::integral_constant) of n, a power of two.
template <int some = 1, class Work>
void with_count(std::int64_t n, const Work& work) {
    if (n == some) return work(std::integral_constant<int, some>{});
    if constexpr (some < VectorOperations::most_parts) with_count<2 * some>(n, work);
}

}  // namespace operations
}  // namespace vectors_cuda

void CudaVectorOperations::add_pairwise(const std::vector<Vector>& parts, Vector sum) {
    using namespace vectors_cuda;
    with_real(parts.front().real, [&]<class Part>(Part) {
        with_real(sum.real, [&]<class Sum>(Sum) {
            if constexpr (sizeof(Part) <= sizeof(Sum))
                operations::with_count(std::ssize(parts), [&]<int n>(std::integral_constant<int, n>) {
                    operations::AddPairwise<Part, Sum, n> operation{{}, sum.as<Sum>()};
                    std::transform(parts.begin(), parts.end(), operation.parts,
                                   [](const Vector& part) { return part.as<Part>(); });
                    device::for_each_element<1>(device_, operation, sum.size, {});
                });
        });
    });
}

}  // namespace ntpgeo
