// The vector operations on a GPU: against formulas written down here, and against the CPU, whose bits they
// have where nothing is summed and no library function differs.
#include <cmath>
#include <numbers>

#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

class CudaUpdate : public CudaTest {
  protected:
    /// Runs `operation(backend, vectors...)` on the given vectors, which start at different offsets from
    /// their boundaries where `skewed`; returns all of them afterwards, one after the other.
    template <class Operation>
    static std::vector<double> result(Backend& backend, const VectorCase& shape,
                                      const std::vector<std::vector<double>>& inputs, bool skewed,
                                      const Operation& operation) {
        std::vector<Guarded> arrays;
        std::vector<Vector> vectors;
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            const std::int64_t skew = skewed ? static_cast<std::int64_t>(k) : 0;
            arrays.emplace_back(backend, shape.real, inputs[k], shape.offset + skew);
            vectors.push_back(arrays.back().vector());
        }
        operation(backend, vectors);
        std::vector<double> all;
        for (const Guarded& array : arrays) {
            const std::vector<double> values = array.read();
            all.insert(all.end(), values.begin(), values.end());
        }
        return all;
    }

    /// Tries `operation` on `count` random vectors of every case. `formula(vectors, i)` overwrites element i.
    template <class Operation, class Formula>
    void expect(int count, const Operation& operation, const Formula& formula) {
        for (const VectorCase& shape : vector_cases())
            for (const bool skewed : {false, true}) {
                std::vector<std::vector<double>> inputs;
                for (int k = 0; k < count; ++k) inputs.push_back(random(shape.size, shape.real));
                // The last vector holds squares in every use of more than two.
                if (count > 2)
                    for (double& x : inputs.back()) x = std::abs(x);
                const auto words = shape.words() + (skewed ? ", skewed" : "");
                const std::vector<double> actual = result(gpu(), shape, inputs, skewed, operation);
                EXPECT_TRUE(same_bits(actual, result(cpu(), shape, inputs, skewed, operation), words));
                for (std::int64_t i = 0; i < shape.size; ++i) formula(inputs, i);
                std::vector<double> expected;
                for (const auto& input : inputs) expected.insert(expected.end(), input.begin(), input.end());
                EXPECT_TRUE(close_to(actual, expected, shape.tolerance(), words));
            }
    }
};

using Vectors = std::vector<Vector>;
using Numbers = std::vector<std::vector<double>>;

TEST_F(CudaUpdate, Axpy) {
    expect(
        2, [](Backend& backend, const Vectors& v) { backend.axpy(-0.7, v[0], v[1]); },
        [](Numbers& v, std::int64_t i) { v[1][i] -= 0.7 * v[0][i]; });
}

TEST_F(CudaUpdate, Scale) {
    expect(
        1, [](Backend& backend, const Vectors& v) { backend.scale(1.3, v[0]); },
        [](Numbers& v, std::int64_t i) { v[0][i] *= 1.3; });
}

TEST_F(CudaUpdate, FillZero) {
    expect(
        1, [](Backend& backend, const Vectors& v) { backend.fill_zero(v[0]); },
        [](Numbers& v, std::int64_t i) { v[0][i] = 0; });
}

TEST_F(CudaUpdate, Descend) {
    expect(
        2,
        [](Backend& backend, const Vectors& v) {
            backend.descend(0.7, v[0], {v[1], {}});
        },
        [](Numbers& v, std::int64_t i) { v[1][i] -= 0.7 * v[0][i]; });
}

TEST_F(CudaUpdate, HeavyBall) {
    expect(
        3,
        [](Backend& backend, const Vectors& v) {
            backend.heavy_ball(0.9, 0.3, v[0], v[1], {v[2], {}});
        },
        [](Numbers& v, std::int64_t i) {
            v[1][i] = 0.9 * v[1][i] + v[0][i];
            v[2][i] -= 0.3 * v[1][i];
        });
}

TEST_F(CudaUpdate, Adam) {
    const AdamStep step{0.03, 0.8, 0.95, 1e-10, 1 - 0.8 * 0.8, 1 - 0.95 * 0.95};
    expect(
        4,
        [&](Backend& backend, const Vectors& v) {
            backend.adam(step, v[1], v[2], v[3], {v[0], {}});
        },
        [](Numbers& v, std::int64_t i) {
            v[2][i] = 0.8 * v[2][i] + 0.2 * v[1][i];
            v[3][i] = 0.95 * v[3][i] + 0.05 * v[1][i] * v[1][i];
            v[0][i] -= 0.03 * (v[2][i] / 0.36) / (std::sqrt(v[3][i] / 0.0975) + 1e-10);
        });
}

TEST_F(CudaUpdate, AdamWithDecoupledDecay) {
    const AdamStep step{0.03, 0.8, 0.95, 1e-10, 1 - 0.8 * 0.8, 1 - 0.95 * 0.95, 0.02};
    expect(
        4,
        [&](Backend& backend, const Vectors& v) {
            backend.adam(step, v[1], v[2], v[3], {v[0], {}});
        },
        [](Numbers& v, std::int64_t i) {
            v[2][i] = 0.8 * v[2][i] + 0.2 * v[1][i];
            v[3][i] = 0.95 * v[3][i] + 0.05 * v[1][i] * v[1][i];
            v[0][i] = 0.98 * v[0][i] - 0.03 * (v[2][i] / 0.36) / (std::sqrt(v[3][i] / 0.0975) + 1e-10);
        });
}

TEST_F(CudaUpdate, CopyConvertsBetweenPrecisions) {
    for (const VectorCase& shape : vector_cases())
        for (const Real to : {Real::fp64, Real::fp32})
            for (const std::int64_t offset : {0, 1, 2, 3}) {
                const std::vector<double> values = random(shape.size, shape.real);
                const Guarded from(gpu(), shape.real, values, shape.offset);
                const Guarded target = Guarded::poisoned(gpu(), to, shape.size, offset);
                gpu().copy(from.vector(), target.vector());
                std::vector<double> expected = values;
                if (to == Real::fp32)
                    for (double& x : expected) x = static_cast<float>(x);
                const std::string words = shape.words() + " to offset " + std::to_string(offset);
                EXPECT_TRUE(same_bits(target.read(), expected, words));
                EXPECT_TRUE(same_bits(from.read(), values, words));
            }
}

/// Philox4x32-10 and Box–Muller as the papers have them, apart from random/philox.hpp.
double reference_normal(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
    std::uint64_t c0 = index & 0xffffffff, c1 = index >> 32, c2 = stream & 0xffffffff, c3 = stream >> 32;
    std::uint64_t k0 = seed & 0xffffffff, k1 = seed >> 32;
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t p0 = c0 * 0xD2511F53ULL, p1 = c2 * 0xCD9E8D57ULL;
        c0 = (p1 >> 32) ^ c1 ^ k0;
        c2 = (p0 >> 32) ^ c3 ^ k1;
        c1 = p1 & 0xffffffff;
        c3 = p0 & 0xffffffff;
        k0 = (k0 + 0x9E3779B9) & 0xffffffff;
        k1 = (k1 + 0xBB67AE85) & 0xffffffff;
    }
    const auto unit = [](std::uint64_t high, std::uint64_t low) {
        return (static_cast<long double>(high << 20 | low >> 12) + 0.5L) / 0x1p52L;
    };
    return static_cast<double>(std::sqrt(-2 * std::log(unit(c1, c0))) *
                               std::cos(2 * std::numbers::pi_v<long double> * unit(c3, c2)));
}

TEST_F(CudaUpdate, FillNormalDrawsWhatTheCpuDraws) {
    for (const VectorCase& shape : vector_cases()) {
        const Guarded x = Guarded::poisoned(gpu(), shape.real, shape.size, shape.offset);
        const Guarded twin = Guarded::poisoned(cpu(), shape.real, shape.size, shape.offset);
        gpu().fill_normal(x.vector(), seed(), 7, 0.5);
        cpu().fill_normal(twin.vector(), seed(), 7, 0.5);
        std::vector<double> expected;
        for (std::int64_t i = 0; i < shape.size; ++i)
            expected.push_back(0.5 * reference_normal(seed(), 7, static_cast<std::uint64_t>(i)));
        EXPECT_TRUE(close_to(x.read(), expected, shape.tolerance(), shape.words()));
        EXPECT_TRUE(close_to(x.read(), twin.read(), shape.tolerance(), shape.words()));
    }
}

TEST_F(CudaUpdate, DotIsExactEnoughAndAlwaysTheSame) {
    auto cases = vector_cases();
    cases.push_back({Real::fp64, 600001, 0});  // more packs than threads
    cases.push_back({Real::fp32, 1200003, 1});
    for (const VectorCase& shape : cases) {
        const std::vector<double> a = random(shape.size, shape.real), b = random(shape.size, shape.real);
        long double sum = 0, size = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            sum += static_cast<long double>(a[i]) * b[i];
            size += std::abs(static_cast<long double>(a[i]) * b[i]);
        }
        const Guarded x(gpu(), shape.real, a, shape.offset), y(gpu(), shape.real, b, shape.offset);
        const double dot = gpu().dot(x.vector(), y.vector());
        // The products of fp32 numbers are exact in double, so both precisions keep double's digits.
        EXPECT_NEAR(dot, static_cast<double>(sum), 1e-14 * static_cast<double>(size)) << shape.words();
        EXPECT_TRUE(same_bits({gpu().dot(x.vector(), y.vector())}, {dot}, shape.words()));
        const Guarded skewed(gpu(), shape.real, b, shape.offset + 1);
        EXPECT_TRUE(same_bits({gpu().dot(x.vector(), skewed.vector())}, {dot}, shape.words() + ", skewed"));
        EXPECT_TRUE(same_bits(x.read(), a, shape.words()));
    }
}

TEST_F(CudaUpdate, DotPassesOnWhatIsNotFinite) {
    std::vector<double> a(1000, 1.0);
    a[777] = std::numeric_limits<double>::quiet_NaN();
    const Guarded x(gpu(), Real::fp64, a), y(gpu(), Real::fp64, std::vector<double>(1000, 1.0));
    EXPECT_TRUE(std::isnan(gpu().dot(x.vector(), y.vector())));
}

}  // namespace
}  // namespace ntpgeo
