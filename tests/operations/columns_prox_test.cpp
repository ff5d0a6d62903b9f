// The proximal step of the cross-entropy and the gradient at it, by their optimality condition.
#include <cmath>

#include "tests/operations/columns_fixture.hpp"

namespace ntpgeo {
namespace {

using Columns = ColumnsTest;

/// The largest entry of the force π(softmax(x/s) − p)/s + ρ(x − y), measured by what the rounding of x alone
/// can leave of that entry. The objective is ρ-strongly convex: the force over ρ is at least the distance to
/// its only minimum.
double force_left(const ColumnsCase& problem, double rho, const std::vector<double>& x,
                  const std::vector<double>& y) {
    using namespace columns_reference;
    Number worst = 0;
    for (std::int64_t c = 0; c < problem.rows(); ++c) {
        const Label label = label_of(problem.labels, c);
        const Row point = problem.row(x, c), from = problem.row(y, c);
        const Number scale = problem.scales[c], weight = label.weight / scale;
        const Row logits = scaled(point, scale), q = softmax(logits);
        const Number size = 1 + largest(logits);
        for (std::size_t v = 0; v < q.size(); ++v) {
            const Number force = weight * (q[v] - label.p[v]) + rho * (point[v] - from[v]);
            const Number rounding =
                unit * (weight * q[v] * size + rho * (std::fabs(point[v]) + std::fabs(from[v]))) +
                fine * weight * (label.p[v] + q[v]) * size;
            worst = std::max(worst, std::fabs(force) / rounding);
        }
    }
    return static_cast<double>(worst);
}

Outcome prox_at_rest(const ColumnsOn& on, double rho, Logits start, std::uint64_t seed) {
    const ColumnsCase& problem = on.problem;
    const std::vector<double> from = random_values(problem.size(), 3, seed);
    const Guarded y = on.upload(from), x = on.upload(logits_of(problem, start, seed + 1)),
                  reflected = on.poisoned();
    const Array unfinished(on.backend, sizeof(std::int64_t));
    on.backend.prox_cross_entropy(on.labels.view(), on.scales.data(), rho, on.matrix(y), on.matrix(x),
                                  on.matrix(reflected), unfinished.as<std::int64_t>());
    const std::string words =
        problem.words + words_of(start) + ", rho 1e" + std::to_string(std::lround(std::log10(rho)));
    const std::vector<double> found = x.read();
    EXPECT_EQ(download_array<std::int64_t>(on.backend, unfinished.data(), 1)[0], 0) << words;
    // Of thousands of entries the largest: one run in six hundred of a thousand words comes to 16 or 17.
    EXPECT_LT(force_left(problem, rho, found, from), 32) << words;
    EXPECT_TRUE(same_bits(reflected.read(), reflection(found, from), words));
    EXPECT_TRUE(same_bits(y.read(), from, words));
    return {words, found};
}

void prox_at_rest_from_everywhere(const ColumnsOn& on, std::uint64_t& seed, Outcomes& outcomes) {
    for (const auto& [rho, start] : {std::pair(1.0, Logits::any), std::pair(1e-3, Logits::near_labels),
                                     std::pair(1e-9, Logits::any), std::pair(1e-9, Logits::far_off)})
        outcomes.push_back(prox_at_rest(on, rho, start, seed += 1000));
}

// Apart, because many words take the sanitizers minutes.
TEST_F(Columns, ProxCrossEntropyOverFewWords) {
    expect(prox_at_rest_from_everywhere, 1e-9, few_words);
}

TEST_F(Columns, ProxCrossEntropyOverManyWords) {
    expect(prox_at_rest_from_everywhere, 1e-9, many_words);
}

/// The gradient at a prox from both sides of its optimality condition, which agree: rows that sum to 0, no
/// entry off the support below 0, and on it ρ(Y − X) but for what the sum takes off.
Outcome prox_gradient_as_defined(const ColumnsOn& on, std::uint64_t seed) {
    using namespace columns_reference;
    const ColumnsCase& problem = on.problem;
    const double rho = 1e-6;
    const std::vector<double> from = random_values(problem.size(), 3, seed);
    const Guarded y = on.upload(from), x = on.upload(logits_of(problem, Logits::any, seed + 1)),
                  scratch = on.poisoned(), gradient = on.poisoned();
    const Array unfinished(on.backend, sizeof(std::int64_t));
    on.backend.prox_cross_entropy(on.labels.view(), on.scales.data(), rho, on.matrix(y), on.matrix(x),
                                  on.matrix(scratch), unfinished.as<std::int64_t>());
    on.backend.prox_gradient(on.labels.view(), on.scales.data(), rho, on.matrix(y), on.matrix(x),
                             on.matrix(gradient));
    const std::vector<double> found = gradient.read(), point = x.read();
    for (std::int64_t c = 0; c < problem.rows(); ++c) {
        const Label label = label_of(problem.labels, c);
        const Number scale = problem.scales[c];
        const Row q = softmax(scaled(problem.row(point, c), scale)), g = problem.row(found, c);
        Number sum = 0, size = 0;
        for (std::size_t v = 0; v < q.size(); ++v) {
            sum += g[v];
            size += std::fabs(g[v]);
            const Number slope = label.on[v]
                                     ? rho * (from[c * problem.vocab() + static_cast<std::int64_t>(v)] -
                                              point[c * problem.vocab() + static_cast<std::int64_t>(v)])
                                     : label.weight * q[v] / scale;
            EXPECT_NEAR(static_cast<double>(g[v]), static_cast<double>(slope),
                        static_cast<double>(1e-11 * std::fabs(slope) + 1e-14 * rho))
                << problem.words;
            if (!label.on[v]) {
                EXPECT_GE(g[v], 0) << problem.words;
            }
        }
        EXPECT_LE(std::fabs(sum), 4 * static_cast<Number>(problem.vocab()) * unit * size) << problem.words;
    }
    return {problem.words, found};
}

TEST_F(Columns, ProxGradient) {
    expect(prox_gradient_as_defined, 1e-9);
}

}  // namespace
}  // namespace ntpgeo
