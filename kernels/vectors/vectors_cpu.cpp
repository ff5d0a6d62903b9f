#include "kernels/vectors/vectors.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/cpu/team.hpp"
#include "kernels/random/philox.hpp"

namespace ntpgeo {

void CpuVectorOperations::fill_normal(Vector x, std::uint64_t seed, std::uint64_t stream, double scale) {
    const Philox random(seed, stream);
    with_real(x.real, [&]<class T>(T) {
        T* const data = x.as<T>();
        for_each_element(x.size, [=](std::int64_t i) {
            data[i] = static_cast<T>(scale * random.normal(static_cast<std::uint64_t>(i)));
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
            // Eight independent sums, so that the order is fixed and the loop still vectorises.
            double sums[8] = {};
            const std::int64_t end = std::min(x.size, (k + 1) * block);
            std::int64_t i = k * block;
            for (; i + 8 <= end; i += 8)
                for (int lane = 0; lane < 8; ++lane)
                    sums[lane] += static_cast<double>(a[i + lane]) * b[i + lane];
            for (; i < end; ++i) sums[0] += static_cast<double>(a[i]) * b[i];
            partial[k] =
                ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
        });
    });
    double total = 0;
    for (const double value : partial) total += value;
    return total;
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
