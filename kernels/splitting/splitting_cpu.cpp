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

/// sums[q] = ⟨rows[q], x⟩ and, behind them, ⟨rows[q], rows[row]⟩ where `row` is not null; in one pass, over
/// `size` elements from `first` on.
std::vector<double> products_of(Matrix rows, const std::int64_t* row, Vector x, std::int64_t first,
                                std::int64_t size) {
    const std::int64_t blocks = blocks_of(size), width = rows.rows, pitch = rows.columns;
    const float* const data = rows.as<float>() + first;
    const double* const values = x.as<double>() + first;
    const float* const other = row ? data + *row * pitch : nullptr;
    const std::int64_t sums_size = (row ? 2 : 1) * width;
    std::vector<double> partial(static_cast<std::size_t>(blocks * sums_size));
    for_each(blocks, 1, team_for(size), [=, &partial](std::int64_t k) {
        const std::int64_t begin = k * block, some = std::min(size - begin, block);
        double* const sums = partial.data() + k * sums_size;
        dot_rows(data + begin, pitch, width, values + begin, some, sums);
        if (!other) return;
        double chosen[block];
        convert_row(other + begin, chosen, some);
        dot_rows(data + begin, pitch, width, chosen, some, sums + width);
    });
    std::vector<double> totals(static_cast<std::size_t>(sums_size), 0.0);
    for (std::int64_t k = 0; k < blocks; ++k)
        for (std::int64_t q = 0; q < sums_size; ++q) totals[q] += partial[k * sums_size + q];
    return totals;
}

}  // namespace

SplittingSums CpuSplittingOperations::splitting_step(double relaxation, const SplittingStep& step) {
    const std::int64_t size = step.y.size, blocks = blocks_of(size);
    std::vector<double> steps(static_cast<std::size_t>(blocks)), points(steps.size());
    const double* const x = step.x.as<double>();
    const double* const z = step.z.as<double>();
    double* const y = step.y.as<double>();
    double* const residual = step.residual.as<double>();
    double* const moved = step.moved.as<double>();
    float* const residual_change = step.residual_change.as<float>();
    float* const moved_change = step.moved_change.as<float>();
    for_each(blocks, 1, team_for(size), [=, &steps, &points](std::int64_t k) {
        const std::int64_t begin = k * block, end = std::min(size, begin + block);
        double sum = 0, point = 0;
        if (residual_change) {
            for (std::int64_t i = begin; i < end; ++i) {
                const double g = relaxation * (x[i] - z[i]);
                residual_change[i] = static_cast<float>(g - residual[i]);
                moved_change[i] = static_cast<float>(y[i] + g - moved[i]);
            }
        }
#pragma omp simd reduction(+ : sum, point)
        for (std::int64_t i = begin; i < end; ++i) {
            const double g = relaxation * (x[i] - z[i]);
            sum += g * g;
            point += z[i] * z[i];
            residual[i] = g;
            y[i] += g;
            moved[i] = y[i];
        }
        steps[k] = sum;
        points[k] = point;
    });
    SplittingSums sums;
    for (const double value : steps) sums.step += value;
    for (const double value : points) sums.point += value;
    if (step.history.data) {
        const std::vector<double> products = products_of(step.history, &step.row, step.residual, 0, size);
        const auto middle = products.begin() + step.history.rows;
        sums.with_vector.assign(products.begin(), middle);
        sums.with_row.assign(middle, products.end());
    }
    return sums;
}

Shares CpuSplittingOperations::orthogonalise(const std::vector<Matrix>& blocks, Vector w) {
    Shares shares{row_products(blocks, w, 0, w.size)};
    auto next = shares.of_rows.begin();
    for (const Matrix& rows : blocks) {
        subtract_rows({next, next + rows.rows}, rows, w);
        next += rows.rows;
    }
    shares.rest = dot(w, w);
    return shares;
}

std::vector<double> CpuSplittingOperations::row_products(const std::vector<Matrix>& blocks, Vector w,
                                                         std::int64_t first, std::int64_t count) {
    std::vector<double> products;
    for (const Matrix& rows : blocks) {
        const std::vector<double> some = products_of(rows, nullptr, w, first, count);
        products.insert(products.end(), some.begin(), some.end());
    }
    return products;
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
