#include "kernels/splitting/splitting.hpp"

#include <algorithm>

#include "kernels/cpu/rows.hpp"
#include "kernels/cpu/team.hpp"

namespace ntpgeo {
namespace {

// What a thread keeps in its cache while it walks over the history's rows.
constexpr std::int64_t block = 2048;

std::int64_t blocks_of(std::int64_t size) {
    return (size + block - 1) / block;
}

}  // namespace

double CpuSplittingOperations::splitting_step(double relaxation, const SplittingStep& step) {
    const std::int64_t size = step.y.size, blocks = blocks_of(size);
    std::vector<double> partial(static_cast<std::size_t>(blocks));
    const double* const x = step.x.as<double>();
    const double* const z = step.z.as<double>();
    double* const y = step.y.as<double>();
    double* const residual = step.residual.as<double>();
    double* const moved = step.moved.as<double>();
    float* const residual_change = step.residual_change.as<float>();
    float* const moved_change = step.moved_change.as<float>();
    for_each(blocks, 1, team_for(size), [=, &partial](std::int64_t k) {
        const std::int64_t begin = k * block, end = std::min(size, begin + block);
        double sum = 0;
        if (residual_change) {
            for (std::int64_t i = begin; i < end; ++i) {
                const double g = relaxation * (x[i] - z[i]);
                residual_change[i] = static_cast<float>(g - residual[i]);
                moved_change[i] = static_cast<float>(y[i] + g - moved[i]);
            }
        }
#pragma omp simd reduction(+ : sum)
        for (std::int64_t i = begin; i < end; ++i) {
            const double g = relaxation * (x[i] - z[i]);
            sum += g * g;
            residual[i] = g;
            y[i] += g;
            moved[i] = y[i];
        }
        partial[k] = sum;
    });
    double total = 0;
    for (const double value : partial) total += value;
    return total;
}

RowDots CpuSplittingOperations::row_dots(Matrix rows, std::int64_t row, Vector x) {
    const std::int64_t size = x.size, blocks = blocks_of(size), width = rows.rows;
    const float* const data = rows.as<float>();
    const double* const values = x.as<double>();
    const std::int64_t vectors = row == no_row ? 1 : 2;
    std::vector<double> partial(static_cast<std::size_t>(blocks * vectors * width));
    for_each(blocks, 1, team_for(size), [=, &partial](std::int64_t k) {
        const std::int64_t begin = k * block, some = std::min(size - begin, block);
        double* const sums = partial.data() + k * vectors * width;
        dot_rows(data + begin, size, width, values + begin, some, sums);
        if (row == no_row) return;
        double chosen[block];
        convert_row(data + row * size + begin, chosen, some);
        dot_rows(data + begin, size, width, chosen, some, sums + width);
    });
    RowDots dots{std::vector<double>(static_cast<std::size_t>(row == no_row ? 0 : width), 0.0),
                 std::vector<double>(static_cast<std::size_t>(width), 0.0)};
    for (std::int64_t k = 0; k < blocks; ++k) {
        const double* const sums = partial.data() + k * vectors * width;
        for (std::int64_t q = 0; q < width; ++q) {
            dots.with_vector[q] += sums[q];
            if (row != no_row) dots.with_row[q] += sums[width + q];
        }
    }
    return dots;
}

void CpuSplittingOperations::subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y) {
    const std::int64_t size = y.size, blocks = blocks_of(size);
    const double* const factors = coefficients.data();
    for_each(blocks, 1, team_for(size), [=](std::int64_t k) {
        const std::int64_t begin = k * block;
        subtract_scaled_rows(factors, rows.as<float>() + begin, size, rows.rows, y.as<double>() + begin,
                             std::min(size - begin, block));
    });
}

}  // namespace ntpgeo
