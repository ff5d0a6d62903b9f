// The optimizers' updates against formulas written down here, and against the CPU, whose bits every backend
// has.
#include <cmath>
#include <limits>

#include "tests/operations/elementwise_fixture.hpp"
#include "tests/update_numbers.hpp"

namespace ntpgeo {
namespace {

class Update : public ElementwiseTest {
  protected:
    void expect_adam(double decay) {
        const UpdateNumbers numbers{
            .rate = 0.03, .decay = decay, .correction1 = 1 - 0.8 * 0.8, .correction2 = 1 - 0.95 * 0.95};
        expect(
            4,
            [&](Backend& on, const Operands& v) {
                on.adam(NumbersOn(on, numbers).get(), {0.8, 0.95, 1e-10}, v[1], v[2], v[3], {v[0], {}});
            },
            [&](Numbers& v, std::int64_t i) {
                v[2][i] = 0.8 * v[2][i] + 0.2 * v[1][i];
                v[3][i] = 0.95 * v[3][i] + 0.05 * v[1][i] * v[1][i];
                v[0][i] = (1 - 0.03 * decay) * v[0][i] -
                          0.03 * (v[2][i] / 0.36) / (std::sqrt(v[3][i] / 0.0975) + 1e-10);
            });
    }
};

TEST_F(Update, Descend) {
    expect(
        2,
        [](Backend& on, const Operands& v) {
            on.descend(NumbersOn(on, {.rate = 0.7, .gradient_scale = 4}).get(), v[0], {v[1], {}});
        },
        [](Numbers& v, std::int64_t i) { v[1][i] -= 0.7 * 4 * v[0][i]; });
}

TEST_F(Update, HeavyBall) {
    expect(
        3,
        [](Backend& on, const Operands& v) {
            on.heavy_ball(NumbersOn(on, {.rate = 0.3}).get(), 0.9, v[0], v[1], {v[2], {}});
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
                on.sign_step(NumbersOn(on, {.rate = 0.3}).get(), beta, v[0], v[1], {v[2], {}});
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
    backend().sign_step(NumbersOn(backend(), {.rate = 0.25}).get(), 0.5, gradient.vector(), velocity.vector(),
                        {x.vector(), {}});
    EXPECT_EQ(x.read(), (std::vector<double>{1, 2, -3, 3.75, 5.25}));
}

TEST_F(Update, NothingMovesOnceItHasStopped) {
    const auto moves = [&](const auto& move) {
        const std::vector<double> before{1, -2, 3, 4, 5};
        const Guarded x(backend(), Real::fp64, before), g(backend(), Real::fp64, before),
            m(backend(), Real::fp64, before), v(backend(), Real::fp64, before);
        const NumbersOn numbers(backend(), {.rate = 1, .stopped = true});
        move(numbers.get(), g.vector(), m.vector(), v.vector(), Parameters{x.vector(), {}});
        return x.read() != before || m.read() != before || v.read() != before;
    };
    EXPECT_FALSE(
        moves([&](auto* n, Vector g, Vector, Vector, const Parameters& x) { backend().descend(n, g, x); }));
    EXPECT_FALSE(moves([&](auto* n, Vector g, Vector m, Vector, const Parameters& x) {
        backend().heavy_ball(n, 0.5, g, m, x);
    }));
    EXPECT_FALSE(moves([&](auto* n, Vector g, Vector m, Vector, const Parameters& x) {
        backend().sign_step(n, 0.5, g, m, x);
    }));
    EXPECT_FALSE(moves([&](auto* n, Vector g, Vector m, Vector v, const Parameters& x) {
        backend().adam(n, {}, g, m, v, x);
    }));
}

// Numbers of an update after so many, as formulas written down here have them.
TEST_F(Update, NumbersFollowTheSchedule) {
    const UpdateSchedule schedule{.rate = 0.5,
                                  .schedule = RateSchedule::cosine,
                                  .warmup = 10,
                                  .steps = 100,
                                  .lambda_start = 1e-2,
                                  .lambda_end = 1e-6,
                                  .beta1 = 0.9,
                                  .beta2 = 0.999};
    for (const bool decoupled : {false, true})
        for (const std::int64_t update : {0, 3, 10, 55, 99}) {
            UpdateSchedule tried = schedule;
            tried.decoupled_decay = decoupled;
            const NumbersOn numbers(backend(), {.update = update, .seen = update + 5});
            backend().begin_update(tried, numbers.get());
            const UpdateNumbers found = numbers.read();
            const auto t = static_cast<double>(update);
            const double rate =
                update < 10 ? 0.05 * (t + 1) : 0.25 * (1 + std::cos(std::acos(-1.0) * (t - 10) / 90));
            const double lambda = std::pow(10, -2 - 4 * t / 100);
            EXPECT_NEAR(found.rate, rate, 1e-15);
            EXPECT_NEAR(decoupled ? found.decay : found.ridge, lambda, 1e-14 * lambda);
            EXPECT_EQ(decoupled ? found.ridge : found.decay, 0);
            EXPECT_NEAR(found.correction1, 1 - std::pow(0.9, t + 6), 1e-15);
            EXPECT_NEAR(found.correction2, 1 - std::pow(0.999, t + 6), 1e-15);
            EXPECT_EQ(found.update, update);
        }
}

TEST_F(Update, TheFirstValueThatIsNotFiniteStops) {
    const double infinite = std::numeric_limits<double>::infinity();
    for (const double bad : {infinite, -infinite, std::nan("")})
        for (const bool in_norm : {false, true}) {
            const Guarded values(backend(), Real::fp64, {2, 2, in_norm ? 2 : bad, 2});
            const NumbersOn numbers(backend(), {.update = 7, .seen = 9});
            const Shared<UpdateStatus> status(backend());
            const auto judge = [&](std::int64_t k) {
                backend().judge_update(values.vector().as<double>() + k, numbers.get(), status.get());
                return numbers.read();
            };
            EXPECT_EQ(judge(0).update, 8);
            EXPECT_TRUE(status->unchanged);
            EXPECT_EQ(judge(1).seen, 11);
            EXPECT_TRUE(status->unchanged);
            EXPECT_EQ(status->stopped_at, -1);
            if (in_norm) {
                const Guarded gradient(backend(), Real::fp64, {1, bad});
                backend().divide_by_norm(gradient.vector(), numbers.get());
            }
            EXPECT_TRUE(judge(2).stopped);
            EXPECT_EQ(status->stopped_at, 9);
            EXPECT_EQ(judge(3).update, 9);
            EXPECT_EQ(status->stopped_at, 9);
        }
}

TEST_F(Update, AnotherValueIsNoRest) {
    const Guarded values(backend(), Real::fp64, {2, 3, 3});
    const NumbersOn numbers(backend(), {});
    const Shared<UpdateStatus> status(backend());
    for (const std::int64_t k : {0, 1, 2}) {
        backend().judge_update(values.vector().as<double>() + k, numbers.get(), status.get());
        static_cast<void>(numbers.read());  // waits
        EXPECT_EQ(status->unchanged, k != 1);
    }
}

// Also of gradients whose squares underflow, the smallest number among them.
TEST_F(Update, DividesTheRateByTheNorm) {
    for (const Real real : {Real::fp64, Real::fp32})
        for (const std::int64_t size : {1, 33, 5000})
            for (const double unit : {1.0, 1e-20, 1e-150, 1e-300, 4.9406564584124654e-324}) {
                if (real == Real::fp32 && unit < 1e-20) continue;
                std::vector<double> values = random(size, real);
                for (double& value : values) value = unit * std::round(4 + value);
                const Guarded gradient(backend(), real, values);
                values = gradient.read();
                const NumbersOn numbers(backend(), {.rate = 0.5});
                backend().divide_by_norm(gradient.vector(), numbers.get());
                const UpdateNumbers found = numbers.read();
                double square = 0;
                for (const double value : values) square += (value / unit) * (value / unit);
                // The length of the move.
                EXPECT_NEAR(found.rate * (found.gradient_scale * unit) * std::sqrt(square), 0.5, 1e-12)
                    << unit;
                EXPECT_EQ(gradient.read(), values);
            }
    const Guarded zeros(backend(), Real::fp64, std::vector<double>(40));
    const NumbersOn numbers(backend(), {.rate = 0.5});
    backend().divide_by_norm(zeros.vector(), numbers.get());
    EXPECT_EQ(numbers.read().rate, 0);
}

TEST_F(Update, Adam) {
    expect_adam(0);
}

TEST_F(Update, AdamWithDecoupledDecay) {
    expect_adam(0.7);
}

}  // namespace
}  // namespace ntpgeo
