// The vector operations of the exact solvers' iteration: against formulas written down here, and against the
// CPU, whose bits every backend has where nothing is summed.
#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

using Splitting = OperationTest;

constexpr std::int64_t sizes[] = {0,  1,    2,    31,    32,
                                  33, 1000, 4099, 300007};  // the last: more than a thread each

void append(std::vector<double>& all, const std::vector<double>& more) {
    all.insert(all.end(), more.begin(), more.end());
}

/// ⟨a, b⟩ and Σ|a_i b_i|, in more digits than a double has.
std::pair<double, double> product(const double* a, const double* b, std::int64_t size) {
    long double sum = 0, magnitude = 0;
    for (std::int64_t i = 0; i < size; ++i) {
        const long double term = static_cast<long double>(a[i]) * b[i];
        sum += term;
        magnitude += std::fabs(term);
    }
    return {static_cast<double>(sum), static_cast<double>(magnitude)};
}

void expect_product(double found, const double* a, const double* b, std::int64_t size,
                    const std::string& words) {
    const auto [expected, magnitude] = product(a, b, size);
    EXPECT_NEAR(found, expected, 1e-14 * magnitude) << words;
}

std::vector<double> all_of(const SplittingSums& sums) {
    std::vector<double> all{sums.step, sums.point};
    append(all, sums.with_row);
    append(all, sums.with_vector);
    return all;
}

TEST_F(Splitting, Step) {
    for (const std::int64_t size : sizes)
        for (const bool has_step_before : {false, true}) {
            const std::string words =
                std::to_string(size) + (has_step_before ? " numbers" : " numbers, the first step");
            const std::vector<double> x = random(size), z = random(size), y = random(size),
                                      residual = random(size), moved = random(size);
            const auto run = [&](Backend& on) {
                // Where there was no step before, what the two vectors of that step hold is anything.
                const auto before = [&](const std::vector<double>& values) {
                    return has_step_before ? Guarded(on, Real::fp64, values)
                                           : Guarded::poisoned(on, Real::fp64, size);
                };
                const Guarded towards(on, Real::fp64, x), from(on, Real::fp64, z), state(on, Real::fp64, y),
                    g = before(residual), plus = before(moved),
                    g_change = Guarded::poisoned(on, Real::fp32, size, 1),
                    plus_change = Guarded::poisoned(on, Real::fp32, size, 1);
                const SplittingSums sums =
                    on.splitting_step(1.8, {towards.vector(), from.vector(), state.vector(), g.vector(),
                                            plus.vector(), has_step_before ? g_change.vector() : Vector{},
                                            has_step_before ? plus_change.vector() : Vector{}});
                EXPECT_TRUE(sums.with_row.empty() && sums.with_vector.empty()) << words;
                std::vector<double> all;
                for (const Guarded* array : {&state, &g, &plus}) append(all, array->read());
                if (has_step_before)
                    for (const Guarded* array : {&g_change, &plus_change}) append(all, array->read());
                EXPECT_TRUE(same_bits(towards.read(), x, words));
                EXPECT_TRUE(same_bits(from.read(), z, words));
                return std::pair(all_of(sums), all);
            };
            const auto [sums, found] = run(backend());
            std::vector<double> states, steps, g_changes, changes;
            for (std::int64_t i = 0; i < size; ++i) {
                const double g = 1.8 * (x[i] - z[i]);
                states.push_back(y[i] + g);
                steps.push_back(g);
                g_changes.push_back(static_cast<float>(g - residual[i]));
                changes.push_back(static_cast<float>(y[i] + g - moved[i]));
            }
            std::vector<double> expected = states;
            append(expected, steps);
            append(expected, states);
            if (has_step_before) {
                append(expected, g_changes);
                append(expected, changes);
            }
            EXPECT_TRUE(close_to(found, expected, 1e-15, words));
            expect_product(sums[0], steps.data(), steps.data(), size, words);
            expect_product(sums[1], z.data(), z.data(), size, words + ", the point");
            EXPECT_TRUE(same_bits(run(cpu()).second, found, words));
            EXPECT_TRUE(same_bits(run(backend()).first, sums, words));
        }
}

// The row of this step is written by the step itself, and its products are of what it has written.
TEST_F(Splitting, StepsSumTheirHistorysProducts) {
    for (const std::int64_t size : sizes)
        for (const std::int64_t width : {1, 2, 9, 10, 11, 23}) {  // up to the window, and beyond it
            if (size > 5000 && width != 2) continue;
            const std::vector<double> x = random(size), z = random(size), y = random(size),
                                      residual = random(size), moved = random(size),
                                      rows = random(width * size, Real::fp32);
            const std::int64_t row = width / 2;
            const std::string words = std::to_string(width) + " rows of " + std::to_string(size);
            const auto run = [&](Backend& on) {
                const Guarded towards(on, Real::fp64, x), from(on, Real::fp64, z), state(on, Real::fp64, y),
                    g(on, Real::fp64, residual), plus(on, Real::fp64, moved), history(on, Real::fp32, rows),
                    change = Guarded::poisoned(on, Real::fp32, size);
                const SplittingSums sums =
                    on.splitting_step(1.8, {towards.vector(), from.vector(), state.vector(), g.vector(),
                                            plus.vector(), history.matrix(1, size, row * size).flat(),
                                            change.vector(), history.matrix(width, size), row});
                EXPECT_EQ(sums.with_row.size(), static_cast<std::size_t>(width)) << words;
                EXPECT_EQ(sums.with_vector.size(), static_cast<std::size_t>(width)) << words;
                return std::tuple(all_of(sums), history.read(), g.read());
            };
            const auto [found, history, g] = run(backend());
            ASSERT_EQ(found.size(), static_cast<std::size_t>(2 + 2 * width)) << words;
            std::vector<double> expected = rows;
            for (std::int64_t i = 0; i < size; ++i)
                expected[row * size + i] = static_cast<float>(1.8 * (x[i] - z[i]) - residual[i]);
            EXPECT_TRUE(same_bits(history, expected, words));
            for (std::int64_t q = 0; q < width; ++q) {
                const double* const own = history.data() + q * size;
                expect_product(found[2 + q], own, history.data() + row * size, size,
                               words + ", with the row");
                expect_product(found[2 + width + q], own, g.data(), size, words + ", with the vector");
            }
            EXPECT_TRUE(close_to(found, std::get<0>(run(cpu())), 1e-12, words));
            EXPECT_TRUE(same_bits(std::get<0>(run(backend())), found, words));
        }
}

// Blocks of rows in memory of their own, the last of them shorter.
TEST_F(Splitting, OrthogonaliseTakesOutWhatRowsShare) {
    for (const std::int64_t size : sizes)
        for (const std::int64_t width : {0, 1, 9, 10, 11, 23}) {
            if (size > 5000 && width != 11) continue;
            const std::vector<double> rows = random(width * size, Real::fp32), w = random(size);
            const std::string words = std::to_string(width) + " rows of " + std::to_string(size);
            const auto run = [&](Backend& on) {
                std::vector<Guarded> memory;
                std::vector<Matrix> blocks;
                for (std::int64_t first = 0; first < width; first += SplittingOperations::most_rows) {
                    const std::int64_t some = std::min(SplittingOperations::most_rows, width - first);
                    memory.emplace_back(on, Real::fp32,
                                        std::vector<double>(rows.begin() + first * size,
                                                            rows.begin() + (first + some) * size));
                    blocks.push_back(memory.back().matrix(some, size));
                }
                const Guarded vector(on, Real::fp64, w);
                Shares shares = on.orthogonalise(blocks, vector.vector());
                shares.of_rows.push_back(shares.rest);
                return std::pair(shares.of_rows, vector.read());
            };
            const auto [shares, found] = run(backend());
            ASSERT_EQ(shares.size(), static_cast<std::size_t>(width + 1)) << words;
            std::vector<double> expected = w;
            for (std::int64_t q = 0; q < width; ++q) {
                expect_product(shares[q], rows.data() + q * size, w.data(), size, words);
                for (std::int64_t i = 0; i < size; ++i) expected[i] -= shares[q] * rows[q * size + i];
            }
            EXPECT_TRUE(close_to(found, expected, 1e-12, words));
            expect_product(shares.back(), found.data(), found.data(), size, words + ", the rest");
            const auto [cpu_shares, cpu_found] = run(cpu());
            EXPECT_TRUE(close_to(shares, cpu_shares, 1e-12, words));
            EXPECT_TRUE(close_to(found, cpu_found, 1e-12, words));
            EXPECT_TRUE(same_bits(run(backend()).first, shares, words));
        }
}

// Of a part, the bits are those of the part alone.
TEST_F(Splitting, RowProductsOfAPart) {
    for (const std::int64_t size : {std::int64_t{40}, std::int64_t{9000}})
        for (const std::int64_t width : {0, 1, 11}) {
            const std::vector<double> rows = random(width * size, Real::fp32), w = random(size);
            const std::int64_t first = size / 3, count = size / 2;
            const std::string words = std::to_string(width) + " rows of " + std::to_string(size);
            const auto run = [&](Backend& on, std::int64_t pitch, std::int64_t from) {
                std::vector<double> stored,
                    vector(w.begin() + first - from, w.begin() + first - from + pitch);
                for (std::int64_t q = 0; q < width; ++q)
                    stored.insert(stored.end(), rows.begin() + q * size + first - from,
                                  rows.begin() + q * size + first - from + pitch);
                std::vector<Guarded> memory;
                std::vector<Matrix> blocks;
                for (std::int64_t q = 0; q < width; q += SplittingOperations::most_rows) {
                    const std::int64_t some = std::min(SplittingOperations::most_rows, width - q);
                    memory.emplace_back(
                        on, Real::fp32,
                        std::vector<double>(stored.begin() + q * pitch, stored.begin() + (q + some) * pitch));
                    blocks.push_back(memory.back().matrix(some, pitch));
                }
                return on.row_products(blocks, Guarded(on, Real::fp64, vector).vector(), from, count);
            };
            const std::vector<double> found = run(backend(), size, first);
            ASSERT_EQ(found.size(), static_cast<std::size_t>(width)) << words;
            for (std::int64_t q = 0; q < width; ++q)
                expect_product(found[q], rows.data() + q * size + first, w.data() + first, count, words);
            EXPECT_TRUE(same_bits(run(backend(), count, 0), found, words));
        }
}

TEST_F(Splitting, SubtractRows) {
    for (const std::int64_t size : sizes)
        for (const std::int64_t width : {1, 2, 10, 11, 23}) {
            const std::vector<double> rows = random(width * size, Real::fp32), y = random(size),
                                      coefficients = random(width);
            const std::string words = std::to_string(width) + " rows of " + std::to_string(size);
            const auto run = [&](Backend& on) {
                const Guarded history(on, Real::fp32, rows), state(on, Real::fp64, y);
                on.subtract_rows(coefficients, history.matrix(width, size), state.vector());
                EXPECT_TRUE(same_bits(history.read(), rows, words));
                return state.read();
            };
            std::vector<double> expected = y;
            for (std::int64_t i = 0; i < size; ++i)
                for (std::int64_t q = 0; q < width; ++q) expected[i] -= coefficients[q] * rows[q * size + i];
            const std::vector<double> found = run(backend());
            EXPECT_TRUE(close_to(found, expected, 1e-14, words));
            EXPECT_TRUE(same_bits(found, run(cpu()), words));
        }
}

}  // namespace
}  // namespace ntpgeo
