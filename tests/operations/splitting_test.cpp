// The vector operations of the exact solvers' iteration: against formulas written down here, and against the
// CPU, whose bits every backend has where nothing is summed.
#include <array>
#include <cmath>

#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

using Splitting = OperationTest;

constexpr std::int64_t sizes[] = {0,  1,    2,    31,    32,
                                  33, 1000, 4099, 300007};  // the last: more than a thread each

void append(std::vector<double>& all, const std::vector<double>& more) {
    all.insert(all.end(), more.begin(), more.end());
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
                const double square =
                    on.splitting_step(1.8, {towards.vector(), from.vector(), state.vector(), g.vector(),
                                            plus.vector(), has_step_before ? g_change.vector() : Vector{},
                                            has_step_before ? plus_change.vector() : Vector{}});
                std::vector<double> all;
                for (const Guarded* array : {&state, &g, &plus}) append(all, array->read());
                if (has_step_before)
                    for (const Guarded* array : {&g_change, &plus_change}) append(all, array->read());
                EXPECT_TRUE(same_bits(towards.read(), x, words));
                EXPECT_TRUE(same_bits(from.read(), z, words));
                return std::pair(square, all);
            };
            const auto [square, found] = run(backend());
            std::vector<double> states, steps, g_changes, changes;
            long double sum = 0;
            for (std::int64_t i = 0; i < size; ++i) {
                const double g = 1.8 * (x[i] - z[i]);
                sum += static_cast<long double>(g) * g;
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
            EXPECT_NEAR(square, static_cast<double>(sum), 1e-14 * static_cast<double>(sum)) << words;
            EXPECT_TRUE(same_bits(run(cpu()).second, found, words));
            EXPECT_TRUE(same_bits({run(backend()).first}, {square}, words));
        }
}

TEST_F(Splitting, RowDotsInOnePass) {
    for (const std::int64_t size : sizes)
        for (const std::int64_t width : {1, 2, 9, 10, 11, 23}) {  // up to the window, and beyond it
            if (size > 5000 && width != 2) continue;
            const std::vector<double> rows = random(width * size, Real::fp32), x = random(size);
            const std::int64_t row = width / 2;
            const std::string words = std::to_string(width) + " rows of " + std::to_string(size);
            const auto run = [&](Backend& on) {
                const Guarded history(on, Real::fp32, rows), vector(on, Real::fp64, x);
                RowDots dots = on.row_dots(history.matrix(width, size), row, vector.vector());
                EXPECT_EQ(dots.with_row.size(), static_cast<std::size_t>(width)) << words;
                append(dots.with_row, dots.with_vector);
                EXPECT_TRUE(same_bits(history.read(), rows, words));
                EXPECT_TRUE(same_bits(vector.read(), x, words));
                return dots.with_row;
            };
            const std::vector<double> found = run(backend());
            ASSERT_EQ(found.size(), static_cast<std::size_t>(2 * width)) << words;
            for (std::int64_t q = 0; q < width; ++q)
                for (const bool with_vector : {false, true}) {
                    long double sum = 0, magnitude = 0;
                    for (std::int64_t i = 0; i < size; ++i) {
                        const long double term = static_cast<long double>(rows[q * size + i]) *
                                                 (with_vector ? x[i] : rows[row * size + i]);
                        sum += term;
                        magnitude += std::fabs(term);
                    }
                    EXPECT_NEAR(found[with_vector ? width + q : q], static_cast<double>(sum),
                                1e-14 * static_cast<double>(magnitude))
                        << words << ", row " << q;
                }
            EXPECT_TRUE(close_to(found, run(cpu()), 1e-12, words));
            EXPECT_TRUE(same_bits(run(backend()), found, words));
            // Without a row to compare with, the others are as before.
            const Guarded history(backend(), Real::fp32, rows), vector(backend(), Real::fp64, x);
            const RowDots alone = backend().row_dots(history.matrix(width, size), no_row, vector.vector());
            EXPECT_TRUE(alone.with_row.empty()) << words;
            EXPECT_TRUE(same_bits(alone.with_vector, {found.begin() + width, found.end()}, words));
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
