// The margins of NTP-SVM: the projection onto them and its dual candidates, against their definitions.
#include "tests/operations/columns_fixture.hpp"

namespace ntpgeo {
namespace {

using Columns = ColumnsTest;

Outcome project_margins_as_defined(const ColumnsOn& on, std::uint64_t seed) {
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

TEST_F(Columns, ProjectMargins) {
    expect(project_margins_as_defined, 1e-13);
}

Outcome margin_dual_as_defined(const ColumnsOn& on, std::uint64_t seed) {
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

TEST_F(Columns, MarginDual) {
    expect(margin_dual_as_defined, 1e-12);
}

}  // namespace
}  // namespace ntpgeo
