#include "kernels/vectors/vectors.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/cpu/team.hpp"
#include "kernels/random/philox.hpp"
#include "kernels/vectors/block_product.hpp"

namespace ntpgeo {

void CpuVectorOperations::fill_normal(Vector x, const Normals& normals, double scale) {
    const Philox random(normals.seed, normals.stream);
    with_real(x.real, [&]<class T>(T) {
        T* const data = x.as<T>();
        for_each_element(x.size, [=, first = normals.first](std::int64_t i) {
            data[i] = static_cast<T>(scale * random.normal(static_cast<std::uint64_t>(first + i)));
        });
    });
}

void CpuVectorOperations::fill_zero(Vector x) {
    std::memset(x.data, 0, static_cast<std::size_t>(x.size * bytes_of(x.real)));
}

void CpuVectorOperations::copy(Vector from, Vector to) {
    with_real(from.real, [&]<class From>(From) {
        with_real(to.real, [&]<class To>(To) {
            const From* const source = from.as<From>();
            To* const target = to.as<To>();
            for_each_element(from.size, [=](std::int64_t i) { target[i] = static_cast<To>(source[i]); });
        });
    });
}

double CpuVectorOperations::dot(Vector x, Vector y) {
    constexpr std::int64_t block = 8192;
    const std::int64_t blocks = (x.size + block - 1) / block;
    std::vector<double> partial(static_cast<std::size_t>(blocks));
    with_real(x.real, [&]<class T>(T) {
        const T* const a = x.as<T>();
        const T* const b = y.as<T>();
        for_each(blocks, 1, team_for(x.size), [=, &x, &partial](std::int64_t k) {
            const std::int64_t begin = k * block;
            partial[k] = block_product(a + begin, b + begin, std::min(block, x.size - begin));
        });
    });
    double total = 0;
    for (const double value : partial) total += value;
    return total;
}

void CpuVectorOperations::dot_into(Vector x, Vector y, double* out) {
    *out = dot(x, y);
}

void CpuVectorOperations::axpy(double a, Vector x, Vector y) {
    with_real(x.real, [&]<class T>(T) {
        const T* const from = x.as<T>();
        T* const to = y.as<T>();
        for_each_element(x.size, [=](std::int64_t i) { to[i] = static_cast<T>(to[i] + a * from[i]); });
    });
}

void CpuVectorOperations::scale(double a, Vector x) {
    with_real(x.real, [&]<class T>(T) {
        T* const data = x.as<T>();
        for_each_element(x.size, [=](std::int64_t i) { data[i] = static_cast<T>(a * data[i]); });
    });
}

}  // namespace ntpgeo
