// The cross-entropy of dense columns, and what proves a bound of its minimum: the polar candidate and the
// dual's entropy.
#include <cmath>
#include <limits>

#include "tests/operations/columns_fixture.hpp"

namespace ntpgeo {
namespace {

using Columns = ColumnsTest;

/// The excess and its gradient, and how far from them logits that round may lead.
struct LossReference {
    double excess = 0, excess_allowed = 0;
    double excess_rounding = 0;  // the reference's own
    std::vector<double> gradient, gradient_allowed;

    LossReference(const ColumnsCase& problem, const std::vector<double>& logits, bool with_scales) {
        using namespace columns_reference;
        for (std::int64_t c = 0; c < problem.rows(); ++c) {
            const Label label = label_of(problem.labels, c);
            const Number scale = with_scales ? problem.scales[c] : 1;
            const Row z = scaled(problem.row(logits, c), scale), q = softmax(z);
            // Differences of logits round, and so do logits that are scaled: that moves an excess by so much
            // times its slope, which is about its root.
            const Number size = 1 + largest(z),
                         own = std::max<Number>(columns_reference::excess(label, z), 0);
            excess += static_cast<double>(label.weight * own);
            excess_allowed += static_cast<double>(
                label.weight * (64 * unit * (own + size * std::sqrt(own)) + 64 * fine * size));
            excess_rounding += static_cast<double>(label.weight * 64 * fine * size);
            for (std::size_t v = 0; v < q.size(); ++v) {
                // A support of one word has nothing but its off-support words' sum to round.
                const Number slope = q[v] - label.p[v], on_support = label.support_size == 1 ? 0 : q[v];
                gradient.push_back(static_cast<double>(label.weight * slope / scale));
                gradient_allowed.push_back(static_cast<double>(
                    label.weight / scale * size * (32 * unit * (on_support + std::fabs(slope)) + 8 * fine)));
            }
        }
    }
    [[nodiscard]] double worst(const std::vector<double>& found) const {
        double worst = 0;
        for (std::size_t i = 0; i < found.size(); ++i)
            worst = std::max(worst, std::abs(found[i] - gradient[i]) / gradient_allowed[i]);
        return worst;
    }
};

Outcome cross_entropy_as_defined(const ColumnsOn& on, Logits kind, std::uint64_t seed) {
    const ColumnsCase& problem = on.problem;
    const bool with_scales = seed / 1000 % 2 == 0;
    const std::string words = problem.words + words_of(kind) + (with_scales ? ", scaled" : "");
    const double* const scales = with_scales ? on.scales.data() : nullptr;
    const std::vector<double> logits = logits_of(problem, kind, seed);
    const LossReference reference(problem, logits, with_scales);
    const Guarded x = on.upload(logits), gradient = on.poisoned();
    const auto run = [&](Matrix to) {
        const ColumnLoss loss = on.backend.column_cross_entropy(on.labels.view(), scales, on.matrix(x), to);
        EXPECT_NEAR(loss.excess, reference.excess, reference.excess_allowed) << words;
        // What a certificate takes for the error is no less than it is.
        EXPECT_LE(std::abs(loss.excess - reference.excess), loss.rounding + reference.excess_rounding)
            << words;
        EXPECT_LE(loss.rounding, reference.excess_allowed) << words;
        return loss.excess;
    };
    const double excess = run(on.matrix(gradient));
    std::vector<double> found = gradient.read();
    EXPECT_LT(reference.worst(found), 1) << words;
    EXPECT_EQ(run({}), excess) << words;
    EXPECT_TRUE(same_bits(x.read(), logits, words));
    EXPECT_EQ(run(on.matrix(x)), excess) << words;  // in the logits' place
    EXPECT_TRUE(same_bits(x.read(), found, words));
    found.push_back(excess);
    return {words, found};
}

TEST_F(Columns, ColumnCrossEntropy) {
    expect(
        [](const ColumnsOn& on, std::uint64_t& seed, Outcomes& outcomes) {
            for (const Logits kind : {Logits::any, Logits::near_labels, Logits::far_off})
                outcomes.push_back(cross_entropy_as_defined(on, kind, seed += 1000));
        },
        1e-9);
}

TEST_F(Columns, ColumnCrossEntropyAddsMoreRowsThanABlockDoes) {
    const ColumnsCase problem = columns_case(2, 5001, 0, seed());
    const std::vector<double> logits = logits_of(problem, Logits::any, seed());
    const LossReference reference(problem, logits, true);
    const ColumnsOn on{backend(), problem};
    const Guarded x = on.upload(logits);
    const auto loss = [&] {
        return on.backend.column_cross_entropy(on.labels.view(), on.scales.data(), on.matrix(x), {});
    };
    const double excess = loss().excess;
    EXPECT_NEAR(excess, reference.excess, reference.excess_allowed);
    EXPECT_EQ(loss().excess, excess);
}

Outcome polar_candidate_as_defined(const ColumnsOn& on, std::uint64_t seed) {
    using namespace columns_reference;
    const ColumnsCase& problem = on.problem;
    const double lambda = 0.03;
    std::vector<double> before = random_values(problem.size(), 1e-3, seed), expected = before;
    const std::vector<double> factor = random_values(problem.size(), 1, seed + 1);
    Number longest = INFINITY;
    for (std::int64_t c = 0; c < problem.rows(); ++c) {
        const Label label = label_of(problem.labels, c);
        const Row g = problem.row(before, c), n = problem.row(factor, c);
        Number off = 0, mean = 0;
        for (std::size_t v = 0; v < g.size(); ++v)
            label.on[v] ? mean += n[v] / label.support_size : off += g[v];
        for (std::size_t v = 0; v < g.size(); ++v) {
            if (!label.on[v]) continue;
            const Number d = -lambda * (n[v] - mean) - off / label.support_size;
            expected[c * problem.vocab() + static_cast<std::int64_t>(v)] = static_cast<double>(d);
            if (d < 0) longest = std::min(longest, label.p[v] * label.weight / -d);
        }
    }
    const Guarded polar = on.upload(factor), gradient = on.upload(before);
    const double t =
        on.backend.polar_candidate(on.labels.view(), lambda, on.matrix(polar), on.matrix(gradient));
    std::vector<double> found = gradient.read();
    EXPECT_TRUE(close_to(found, expected, 1e-13, problem.words));
    if (std::isfinite(static_cast<double>(longest)) && longest < 1e12) {  // beyond, it is the rounding's own
        EXPECT_NEAR(t / static_cast<double>(longest), 1, 1e-9) << problem.words;
        found.push_back(t);
    } else {
        EXPECT_GT(t, 1e9) << problem.words;
    }
    // A support of one word, and nothing off it: no row bounds t.
    if (problem.vocab() == 1) {
        EXPECT_EQ(t, std::numeric_limits<double>::infinity());
    }
    EXPECT_TRUE(same_bits(polar.read(), factor, problem.words));
    return {problem.words, found};
}

TEST_F(Columns, PolarCandidate) {
    expect(polar_candidate_as_defined, 1e-9);
}

Outcome dual_entropy_as_defined(const ColumnsOn& on, Logits kind, double t, std::uint64_t seed) {
    using namespace columns_reference;
    const ColumnsCase& problem = on.problem;
    const bool with_scales = seed / 1000 % 2 == 0;
    const std::string words =
        problem.words + words_of(kind) + ", t " + std::to_string(t) + (with_scales ? ", scaled" : "");
    const std::vector<double> logits = logits_of(problem, kind, seed);
    std::vector<double> gradient;
    Number expected = 0, allowed = 0, own_rounding = 0;
    for (std::int64_t c = 0; c < problem.rows(); ++c) {
        Label label = label_of(problem.labels, c);
        // The labels as the operation has them, whose sum is 1 to their rounding only: far off, q' at t = 1
        // is 0 to the last bit, and the ulps of a sum would take it below.
        for (std::int64_t s = problem.labels.indptr[c]; s < problem.labels.indptr[c + 1]; ++s)
            label.p[problem.labels.indices[s]] = problem.labels.probs[s];
        const Number scale = with_scales ? problem.scales[c] : 1;
        const Row q = softmax(problem.row(logits, c));
        Row moved = label.p;
        for (std::size_t v = 0; v < q.size(); ++v) {
            gradient.push_back(static_cast<double>(label.weight * (q[v] - label.p[v]) / scale));
            if (!label.on[v] && v % 5 == 0) gradient.back() = 0;  // as where q underflows
            moved[v] += t * scale / label.weight * gradient.back();
            // The terms know q' on the support to an ulp of p, which moves its entropy by that times the
            // slope of x log x.
            if (label.on[v])
                allowed += 4 * unit * label.weight * label.p[v] *
                           (1 - std::log(std::max(unit * label.p[v], moved[v])));
        }
        expected += label.weight * (entropy(moved) - entropy(label.p));
        own_rounding += 64 * fine * label.weight * (1 + entropy(moved));
    }
    const Guarded d = on.upload(gradient);
    const DualEntropy found =
        on.backend.dual_entropy(on.labels.view(), with_scales ? on.scales.data() : nullptr, on.matrix(d), t);
    // What a certificate takes for the error is no less than it is, but for D's own rounding.
    EXPECT_NEAR(found.excess, static_cast<double>(expected),
                found.rounding + static_cast<double>(allowed + own_rounding))
        << words;
    return {words, {found.excess, found.rounding}};
}

TEST_F(Columns, DualEntropy) {
    expect(
        [](const ColumnsOn& on, std::uint64_t& seed, Outcomes& outcomes) {
            for (const Logits kind : {Logits::any, Logits::near_labels, Logits::far_off})
                for (const double t : {1.0, 0.3, 1e-6})
                    outcomes.push_back(dual_entropy_as_defined(on, kind, t, seed += 1000));
        },
        1e-9);
}

// A row of D that takes q' below 0, on the support or off it, proves nothing, however large its formula is;
// the row beside it still does.
TEST_F(Columns, NoDualEntropyBelowZero) {
    constexpr std::int64_t vocab = 101;
    const Dataset data = make_dataset(vocab, {{0, 1}, {0, 1}}, {{0.3, 0.7}, {0.3, 0.7}});
    const Labels labels(backend(), data);
    std::vector<double> rows(2 * vocab, 0.1 / (vocab - 2));
    rows[vocab] = rows[vocab + 1] = -0.05;
    const auto proved = [&] {
        const Guarded d(backend(), Real::fp64, rows);
        return backend().dual_entropy(labels.view(), nullptr, d.matrix(2, vocab), 1);
    };
    std::fill_n(rows.begin(), vocab, 0.0);
    const DualEntropy alone = proved();
    EXPECT_GT(alone.excess, 0.1);
    for (const double moved : {-0.1, -1e-12}) {
        std::fill_n(rows.begin(), vocab, -(moved - 0.3) / 2 / (vocab - 1));
        rows[0] = (moved - 0.3) / 2;
        EXPECT_EQ(proved().excess, alone.excess);
        EXPECT_LE(proved().rounding, alone.rounding);
        std::swap(rows[0], rows[50]);
        EXPECT_EQ(proved().excess, alone.excess);
    }
}

}  // namespace
}  // namespace ntpgeo
