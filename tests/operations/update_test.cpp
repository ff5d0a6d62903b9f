// The optimizers' updates against formulas written down here, and against the CPU, whose bits every backend
// has.
#include <cmath>

#include "tests/operations/elementwise_fixture.hpp"

namespace ntpgeo {
namespace {

class Update : public ElementwiseTest {
  protected:
    void expect_adam(double decay) {
        const AdamStep step{0.03, 0.8, 0.95, 1e-10, 1 - 0.8 * 0.8, 1 - 0.95 * 0.95, decay};
        expect(
            4,
            [&](Backend& on, const Operands& v) {
                on.adam(step, v[1], v[2], v[3], {v[0], {}});
            },
            [&](Numbers& v, std::int64_t i) {
                v[2][i] = 0.8 * v[2][i] + 0.2 * v[1][i];
                v[3][i] = 0.95 * v[3][i] + 0.05 * v[1][i] * v[1][i];
                v[0][i] =
                    (1 - decay) * v[0][i] - 0.03 * (v[2][i] / 0.36) / (std::sqrt(v[3][i] / 0.0975) + 1e-10);
            });
    }
};

TEST_F(Update, Descend) {
    expect(
        2,
        [](Backend& on, const Operands& v) {
            on.descend(0.7, v[0], {v[1], {}});
        },
        [](Numbers& v, std::int64_t i) { v[1][i] -= 0.7 * v[0][i]; });
}

TEST_F(Update, HeavyBall) {
    expect(
        3,
        [](Backend& on, const Operands& v) {
            on.heavy_ball(0.9, 0.3, v[0], v[1], {v[2], {}});
        },
        [](Numbers& v, std::int64_t i) {
            v[1][i] = 0.9 * v[1][i] + v[0][i];
            v[2][i] -= 0.3 * v[1][i];
        });
}

double sign_of(double value) {
    return static_cast<double>((value > 0) - (value < 0));
}

TEST_F(Update, SignStep) {
    for (const double beta : {0.0, 0.9})
        expect(
            3,
            [&](Backend& on, const Operands& v) {
                on.sign_step(beta, 0.3, v[0], v[1], {v[2], {}});
            },
            [&](Numbers& v, std::int64_t i) {
                v[1][i] = beta * v[1][i] + v[0][i];
                v[2][i] -= 0.3 * sign_of(v[1][i]);
            });
}

TEST_F(Update, TheSignOfZeroIsZero) {
    const std::vector<double> zeros{0.0, -0.0, 0.0, 1e-300, -1e-300}, start{1, 2, -3, 4, 5};
    const Guarded gradient(backend(), Real::fp64, zeros), velocity(backend(), Real::fp64, zeros),
        x(backend(), Real::fp64, start);
    backend().sign_step(0.5, 0.25, gradient.vector(), velocity.vector(), {x.vector(), {}});
    EXPECT_EQ(x.read(), (std::vector<double>{1, 2, -3, 3.75, 5.25}));
}

TEST_F(Update, Adam) {
    expect_adam(0);
}

TEST_F(Update, AdamWithDecoupledDecay) {
    expect_adam(0.02);
}

}  // namespace
}  // namespace ntpgeo
