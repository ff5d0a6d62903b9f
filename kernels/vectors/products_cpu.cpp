#include <algorithm>
#include <vector>

#include "kernels/cpu/team.hpp"
#include "kernels/vectors/block_product.hpp"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t block = 2048;  // elements; the left vectors' stay in the cache while the rows pass by

std::int64_t blocks_of(std::int64_t size) {
    return (size + block - 1) / block;
}

}  // namespace

std::vector<double> CpuVectorOperations::products(const std::vector<Vector>& left, Matrix right) {
    const auto count = static_cast<std::int64_t>(left.size());
    const std::int64_t size = right.columns, pairs = count * right.rows, blocks = blocks_of(size);
    std::vector<double> partial(static_cast<std::size_t>(blocks * pairs));
    with_real(right.real, [&]<class T>(T) {
        for_each(blocks, 1, team_for(size * right.rows), [&](std::int64_t at) {
            const std::int64_t begin = at * block, length = std::min(block, size - begin);
            for (std::int64_t k = 0; k < right.rows; ++k)
                for (std::int64_t i = 0; i < count; ++i)
                    partial[at * pairs + i * right.rows + k] =
                        block_product(left[i].as<T>() + begin, right.as<T>() + k * size + begin, length);
        });
    });
    std::vector<double> sums(static_cast<std::size_t>(pairs));
    for (std::int64_t at = 0; at < blocks; ++at)
        for (std::int64_t pair = 0; pair < pairs; ++pair) sums[pair] += partial[at * pairs + pair];
    return sums;
}

void CpuVectorOperations::combine_rows(const std::vector<double>& coefficients, Matrix rows, Vector out) {
    with_real(out.real, [&]<class T>(T) {
        for_each(blocks_of(out.size), 1, team_for(out.size * rows.rows), [&](std::int64_t at) {
            const std::int64_t begin = at * block, length = std::min(block, out.size - begin);
            double sums[block] = {};
            for (std::int64_t k = 0; k < rows.rows; ++k) {
                const T* const row = rows.as<T>() + k * out.size + begin;
                const double coefficient = coefficients[k];
                for (std::int64_t i = 0; i < length; ++i) sums[i] += coefficient * row[i];
            }
            std::copy_n(sums, length, out.as<T>() + begin);
        });
    });
}

}  // namespace ntpgeo
