// The operations of kernels/columns on any backend against their definitions. Each check goes through all
// cases, expects what it should, and returns what came out, for comparisons between backends and runs.
#pragma once

#include <utility>

#include "tests/columns_problems.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {

/// A case where a backend finds it.
struct ColumnsOn {
    Backend& backend;
    const ColumnsCase& problem;
    Labels labels{backend, problem.labels};
    Guarded scales{backend, Real::fp64, problem.scales};

    [[nodiscard]] Guarded upload(const std::vector<double>& values) const {
        return {backend, Real::fp64, values};
    }
    [[nodiscard]] Guarded poisoned() const { return Guarded::poisoned(backend, Real::fp64, problem.size()); }
    [[nodiscard]] Matrix matrix(const Guarded& array) const {
        return array.matrix(problem.rows(), problem.vocab());
    }
};

/// check(case on the backend, seed) for every case.
template <class Check>
Outcomes over_cases(Backend& backend, std::uint64_t seed, const Check& check) {
    Outcomes outcomes;
    for (const ColumnsCase& problem : columns_cases(seed))
        outcomes.push_back(check(ColumnsOn{backend, problem}, seed += 1000));
    return outcomes;
}

/// 2·point − from, to the last bit.
inline std::vector<double> reflection(const std::vector<double>& point, const std::vector<double>& from) {
    std::vector<double> result;
    for (std::size_t i = 0; i < point.size(); ++i) result.push_back(2 * point[i] - from[i]);
    return result;
}

inline Outcome project_margins_as_defined(const ColumnsOn& on, std::uint64_t seed) {
    const ColumnsCase& problem = on.problem;
    std::vector<double> from = random_values(problem.size(), 2, seed), expected;
    for (double& value : from) value += 1;  // or cancellation would eat the mean over a full support
    const Guarded y = on.upload(from), z = on.poisoned(), reflected = on.poisoned();
    on.backend.project_margins(on.labels.view(), on.scales.data(), on.matrix(y), on.matrix(z),
                               on.matrix(reflected));
    for (std::int64_t c = 0; c < problem.rows(); ++c)
        for (const auto x : columns_reference::project(columns_reference::label_of(problem.labels, c),
                                                       problem.scales[c], problem.row(from, c)))
            expected.push_back(static_cast<double>(x));
    const std::vector<double> found = z.read();
    EXPECT_TRUE(close_to(found, expected, 1e-14, problem.words));
    EXPECT_TRUE(same_bits(reflected.read(), reflection(found, from), problem.words));
    EXPECT_TRUE(same_bits(y.read(), from, problem.words));
    return {problem.words, found};
}
inline Outcomes check_project_margins(Backend& backend, std::uint64_t seed) {
    return over_cases(backend, seed, project_margins_as_defined);
}

inline Outcome margin_dual_as_defined(const ColumnsOn& on, std::uint64_t seed) {
    using namespace columns_reference;
    const ColumnsCase& problem = on.problem;
    const double rho = 0.37;
    const std::vector<double> point = random_values(problem.size(), 2, seed),
                              state = random_values(problem.size(), 2, seed + 1);
    const Guarded z = on.upload(point), y = on.upload(state), m = on.poisoned();
    const MarginDual proof = on.backend.margin_dual(on.labels.view(), on.scales.data(), rho, on.matrix(z),
                                                    on.matrix(y), on.matrix(m));
    std::vector<double> expected, terms, found = m.read();
    double bound = 0, imbalance = 0, rounding = 0, largest_off = 0;
    for (std::int64_t c = 0; c < problem.rows(); ++c) {
        const Label label = label_of(problem.labels, c);
        for (const Number x : dual(label, rho, problem.row(point, c), problem.row(state, c)))
            expected.push_back(static_cast<double>(x));
        // What an entry is the sum of: its own difference, and the support's share of all of them.
        const Row here = problem.row(point, c), there = problem.row(state, c);
        Number shared = 0, on_support = 0;
        for (std::size_t v = 0; v < here.size(); ++v) {
            shared += rho * (std::fabs(here[v]) + std::fabs(there[v]));
            on_support += label.on[v] ? 1 : 0;
        }
        for (std::size_t v = 0; v < here.size(); ++v)
            terms.push_back(static_cast<double>(rho * (std::fabs(here[v]) + std::fabs(there[v])) +
                                                (label.on[v] ? shared / on_support : 0)));
        const Row stored = problem.row(found, c);
        Number sum = 0, magnitude = 0, off = 0;
        for (std::size_t v = 0; v < stored.size(); ++v) {
            sum += stored[v];
            magnitude += std::fabs(stored[v]);
            if (label.on[v]) continue;
            off -= stored[v];
            largest_off = std::max(largest_off, static_cast<double>(stored[v]));
        }
        bound += problem.scales[c] * static_cast<double>(off);
        imbalance += static_cast<double>(std::fabs(sum));
        rounding += 0x1p-51 * static_cast<double>(problem.vocab() * magnitude);
    }
    EXPECT_TRUE(close_by_terms(found, expected, terms, 4e-15, problem.words));
    EXPECT_EQ(largest_off, 0) << problem.words;
    EXPECT_NEAR(proof.bound, bound, 1e-14 * bound) << problem.words;
    // What the bound is lowered by: no less than what is stored is off, and no more than rounding can be.
    EXPECT_GE(proof.imbalance, imbalance) << problem.words;
    EXPECT_LE(proof.imbalance, imbalance + rounding) << problem.words;
    found.push_back(proof.bound);
    return {problem.words, found};
}
inline Outcomes check_margin_dual(Backend& backend, std::uint64_t seed) {
    return over_cases(backend, seed, margin_dual_as_defined);
}

/// The largest entry of the force π(softmax(x/s) − p)/s + ρ(x − y), measured by what the rounding of x alone
/// can leave of that entry. The objective is ρ-strongly convex: the force over ρ is at least the distance to
/// its only minimum.
inline double force_left(const ColumnsCase& problem, double rho, const std::vector<double>& x,
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

inline Outcome prox_at_rest(const ColumnsOn& on, double rho, Logits start, std::uint64_t seed) {
    const ColumnsCase& problem = on.problem;
    const std::vector<double> from = random_values(problem.size(), 3, seed);
    const Guarded y = on.upload(from), x = on.upload(logits_of(problem, start, seed + 1)),
                  reflected = on.poisoned();
    const std::int64_t unfinished = on.backend.prox_cross_entropy(
        on.labels.view(), on.scales.data(), rho, on.matrix(y), on.matrix(x), on.matrix(reflected));
    const std::string words =
        problem.words + words_of(start) + ", rho 1e" + std::to_string(std::lround(std::log10(rho)));
    const std::vector<double> found = x.read();
    EXPECT_EQ(unfinished, 0) << words;
    EXPECT_LT(force_left(problem, rho, found, from), 16) << words;
    EXPECT_TRUE(same_bits(reflected.read(), reflection(found, from), words));
    EXPECT_TRUE(same_bits(y.read(), from, words));
    return {words, found};
}
inline Outcomes check_prox_cross_entropy(Backend& backend, std::uint64_t seed,
                                         const Vocabularies& vocabularies = all_vocabularies) {
    Outcomes outcomes;
    for (const ColumnsCase& problem : columns_cases(seed, vocabularies)) {
        const ColumnsOn on{backend, problem};
        for (const auto& [rho, start] : {std::pair(1.0, Logits::any), std::pair(1e-3, Logits::near_labels),
                                         std::pair(1e-9, Logits::any), std::pair(1e-9, Logits::far_off)})
            outcomes.push_back(prox_at_rest(on, rho, start, seed += 1000));
    }
    return outcomes;
}

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

inline Outcome cross_entropy_as_defined(const ColumnsOn& on, Logits kind, std::uint64_t seed) {
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
inline Outcomes check_column_cross_entropy(Backend& backend, std::uint64_t seed) {
    Outcomes outcomes;
    for (const ColumnsCase& problem : columns_cases(seed)) {
        const ColumnsOn on{backend, problem};
        for (const Logits kind : {Logits::any, Logits::near_labels, Logits::far_off})
            outcomes.push_back(cross_entropy_as_defined(on, kind, seed += 1000));
    }
    return outcomes;
}

/// The gradient at a prox from both sides of its optimality condition, which agree: rows that sum to 0, no
/// entry off the support below 0, and on it ρ(Y − X) but for what the sum takes off.
inline Outcome prox_gradient_as_defined(const ColumnsOn& on, std::uint64_t seed) {
    using namespace columns_reference;
    const ColumnsCase& problem = on.problem;
    const double rho = 1e-6;
    const std::vector<double> from = random_values(problem.size(), 3, seed);
    const Guarded y = on.upload(from), x = on.upload(logits_of(problem, Logits::any, seed + 1)),
                  scratch = on.poisoned(), gradient = on.poisoned();
    on.backend.prox_cross_entropy(on.labels.view(), on.scales.data(), rho, on.matrix(y), on.matrix(x),
                                  on.matrix(scratch));
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
inline Outcomes check_prox_gradient(Backend& backend, std::uint64_t seed) {
    return over_cases(backend, seed, prox_gradient_as_defined);
}

inline Outcome polar_candidate_as_defined(const ColumnsOn& on, std::uint64_t seed) {
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
    EXPECT_TRUE(same_bits(polar.read(), factor, problem.words));
    return {problem.words, found};
}
inline Outcomes check_polar_candidate(Backend& backend, std::uint64_t seed) {
    return over_cases(backend, seed, polar_candidate_as_defined);
}

inline Outcome dual_entropy_as_defined(const ColumnsOn& on, Logits kind, double t, std::uint64_t seed) {
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

/// A row of D that takes q' below 0, on the support or off it, proves nothing, however large its formula is;
/// the row beside it still does.
inline void expect_no_dual_entropy_below_zero(Backend& backend) {
    constexpr std::int64_t vocab = 101;
    const Dataset data = make_dataset(vocab, {{0, 1}, {0, 1}}, {{0.3, 0.7}, {0.3, 0.7}});
    const Labels labels(backend, data);
    std::vector<double> rows(2 * vocab, 0.1 / (vocab - 2));
    rows[vocab] = rows[vocab + 1] = -0.05;
    const auto proved = [&] {
        const Guarded d(backend, Real::fp64, rows);
        return backend.dual_entropy(labels.view(), nullptr, d.matrix(2, vocab), 1);
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

inline Outcomes check_dual_entropy(Backend& backend, std::uint64_t seed) {
    Outcomes outcomes;
    for (const ColumnsCase& problem : columns_cases(seed)) {
        const ColumnsOn on{backend, problem};
        for (const Logits kind : {Logits::any, Logits::near_labels, Logits::far_off})
            for (const double t : {1.0, 0.3, 1e-6})
                outcomes.push_back(dual_entropy_as_defined(on, kind, t, seed += 1000));
    }
    return outcomes;
}

}  // namespace ntpgeo
