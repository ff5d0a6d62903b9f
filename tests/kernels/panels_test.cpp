// The loss step's products of strided operands and panels, on every instruction set that this machine has.
#include "kernels/cpu/panels.hpp"

#include <gtest/gtest.h>

#include <hwy/aligned_allocator.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "kernels/softmax/softmax_cpu.hpp"

namespace ntpgeo {
namespace {

/// Calls body(whether a product and a sum are one rounding) with each instruction set in turn, but that of
/// machines without vectors: there are none that the program is built for.
template <class Body>
void with_every_target(const Body& body) {
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        if (target == HWY_SCALAR || target == HWY_EMU128) continue;
        hwy::SetSupportedTargetsForTest(target);
        SCOPED_TRACE(hwy::TargetName(target));
        body(HWY_ARCH_X86 && target <= HWY_AVX2);
    }
    hwy::SetSupportedTargetsForTest(0);
}

template <class T>
std::vector<T> random_numbers(std::int64_t size, unsigned seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(-1, 1);
    std::vector<T> numbers(static_cast<std::size_t>(size));
    for (T& number : numbers) number = static_cast<T>(uniform(random));
    return numbers;
}

struct Shape {
    std::int64_t rows, columns, depth;
};
constexpr Shape shapes[] = {{1, 1, 1},    {6, 16, 8},    {14, 32, 5},   {13, 33, 100}, {5, 7, 256},
                            {15, 9, 257}, {43, 100, 37}, {2, 129, 600}, {29, 47, 0}};

// By one fused operation after the other within blocks of 256, and blocks in their order: what the header
// promises.
template <class T>
void expect_products(bool fused, bool transposed, bool adds) {
    for (const auto& [rows, columns, depth] : shapes) {
        SCOPED_TRACE(testing::Message() << rows << " x " << columns << " x " << depth);
        const std::int64_t row_stride = transposed ? 1 : depth + 3, depth_stride = transposed ? rows + 2 : 1;
        const std::vector<T> a = random_numbers<T>((rows + 2) * (depth + 3), 1),
                             b = random_numbers<T>(depth * columns, 2);
        const std::int64_t panel = depth * panel_width<T>;
        const auto panels =
            hwy::AllocateAligned<T>(static_cast<std::size_t>(depth * in_panels<T>(columns) + 1));
        pack_rows(b.data(), columns, depth, columns, nullptr, Panels<T>{panels.get(), panel});
        const std::int64_t stride = columns + 5;
        std::vector<T> c = random_numbers<T>(rows * stride, 3), expected = c;
        for (std::int64_t i = 0; i < rows; ++i)
            for (std::int64_t j = 0; j < columns; ++j) {
                T& sum = expected[i * stride + j];
                if (!adds) sum = 0;
                for (std::int64_t begin = 0; begin < depth; begin += 256) {
                    T block = 0;
                    for (std::int64_t k = begin; k < std::min(depth, begin + 256); ++k)
                        block = std::fma(a[i * row_stride + k * depth_stride], b[k * columns + j], block);
                    sum = begin == 0 && !adds ? block : sum + block;
                }
            }
        multiply_panels(rows, columns, depth, {a.data(), row_stride, depth_stride}, {panels.get(), panel},
                        adds, c.data(), stride);
        const double tolerance =
            fused ? 0 : static_cast<double>(depth + 1) * std::numeric_limits<T>::epsilon();
        for (std::size_t i = 0; i < c.size(); ++i) ASSERT_NEAR(c[i], expected[i], tolerance) << i;
    }
}

TEST(Panels, MultiplyToTheBitsOfASumInItsOrder) {
    with_every_target([](bool fused) {
        for (const bool transposed : {false, true})
            for (const bool adds : {false, true}) {
                expect_products<float>(fused, transposed, adds);
                expect_products<double>(fused, transposed, adds);
            }
    });
}

template <class X, class T>
void expect_packed() {
    constexpr std::int64_t width = panel_width<T>;
    for (const std::int64_t columns : {std::int64_t{1}, width - 1, width, 2 * width + 3}) {
        const std::int64_t depth = 5, stride = 3 * width + 7, panel = (depth + 2) * width;
        const std::vector<X> x = random_numbers<X>(stride * stride, 4);
        const std::vector<double> scales = random_numbers<double>(depth, 5);
        std::vector<T> rows(static_cast<std::size_t>(4 * panel), T{-7}), scaled = rows, transposed = rows;
        pack_rows(x.data(), stride, depth, columns, nullptr, Panels<T>{rows.data(), panel});
        pack_rows(x.data(), stride, depth, columns, scales.data(), Panels<T>{scaled.data(), panel});
        pack_columns(x.data(), stride, depth, columns, Panels<T>{transposed.data(), panel});
        for (std::int64_t k = 0; k < depth; ++k)
            for (std::int64_t j = 0; j < in_panels<T>(columns); ++j) {
                const std::int64_t at = j / width * panel + k * width + j % width;
                const bool inside = j < columns;
                EXPECT_EQ(rows[at], inside ? static_cast<T>(x[k * stride + j]) : T{0});
                EXPECT_EQ(scaled[at],
                          inside ? static_cast<T>(scales[k]) * static_cast<T>(x[k * stride + j]) : T{0});
                EXPECT_EQ(transposed[at], inside ? static_cast<T>(x[j * stride + k]) : T{0});
            }
        EXPECT_EQ(rows[depth * width], T{-7});  // between the panels
    }
}

TEST(Panels, HoldAMatrixOrItsTransposeInEitherPrecision) {
    expect_packed<float, float>();
    expect_packed<double, double>();
    expect_packed<double, float>();
}

// Against exp in more digits, sums in the order that the header of the passes promises.
template <class T>
void expect_exponentials(double tolerance) {
    for (const std::int64_t rows : {1, 3, 4, 126, 127}) {
        const std::int64_t columns = 2 * panel_width<T>, stride = columns + 4;
        std::vector<T> cells = random_numbers<T>(rows * stride, 6);
        std::vector<double> anchors = random_numbers<double>(columns, 7), sums(columns, 0.5);
        cells[1] = -std::numeric_limits<T>::infinity();
        cells[2] = std::numeric_limits<T>::quiet_NaN();
        const std::vector<T> z = cells;
        softmax::anchored_exp_columns(cells.data(), stride, rows, columns, anchors.data(), sums.data());
        for (std::int64_t b = 0; b < columns; ++b) {
            long double sum = 0.5;
            for (std::int64_t v = 0; v < rows; ++v) {
                const long double e = std::exp(static_cast<long double>(z[v * stride + b]) - anchors[b]);
                sum += e;
                if (b == 2 && v == 0) continue;
                ASSERT_NEAR(cells[v * stride + b], static_cast<double>(e), tolerance) << v << ' ' << b;
            }
            if (b == 2) {
                EXPECT_TRUE(std::isnan(sums[b]));
            } else {
                EXPECT_NEAR(sums[b], static_cast<double>(sum), tolerance * static_cast<double>(rows)) << b;
            }
        }
        EXPECT_EQ(cells[1], 0);
        EXPECT_EQ(cells[columns], z[columns]);  // beyond the columns
    }
}

TEST(Panels, ExponentiateColumnsAgainstAnchorsOfTheirOwn) {
    with_every_target([](bool) {
        expect_exponentials<float>(4e-6);
        expect_exponentials<double>(8e-15);
    });
}

}  // namespace
}  // namespace ntpgeo
