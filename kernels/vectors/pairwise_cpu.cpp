#include <algorithm>
#include <type_traits>

#include "kernels/cpu/team.hpp"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t block = 2048;  // elements whose sums of all levels stay in a core's nearest cache

/// out [count] = the sum of parts 0 .. n−1 from element `begin` on.
template <class Part, class Sum>
void add_block(const Part* const* parts, std::int64_t n, std::int64_t begin, std::int64_t count, Sum* out) {
    if (n == 1) {
        std::transform(parts[0] + begin, parts[0] + begin + count, out,
                       [](Part x) { return static_cast<Sum>(x); });
        return;
    }
    add_block(parts, n / 2, begin, count, out);
    Sum right[block];
    add_block(parts + n / 2, n / 2, begin, count, right);
    for (std::int64_t i = 0; i < count; ++i) out[i] += right[i];
}

}  // namespace

void CpuVectorOperations::add_pairwise(const std::vector<Vector>& parts, Vector sum) {
    with_real(parts.front().real, [&]<class Part>(Part) {
        with_real(sum.real, [&]<class Sum>(Sum) {
            const Part* of_parts[most_parts] = {};
            std::transform(parts.begin(), parts.end(), of_parts,
                           [](const Vector& part) { return part.as<Part>(); });
            Sum* const out = sum.as<Sum>();
            constexpr std::int64_t blocks_at_once = 4;
            for_each((sum.size + block - 1) / block, blocks_at_once, team_for(sum.size),
                     [=, &of_parts, n = std::ssize(parts), size = sum.size](std::int64_t k) {
                         const std::int64_t begin = k * block;
                         add_block(of_parts, n, begin, std::min(block, size - begin), out + begin);
                     });
        });
    });
}

}  // namespace ntpgeo
