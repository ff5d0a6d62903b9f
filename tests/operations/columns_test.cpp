// Operations on dense columns against their definitions, against the CPU, and against themselves: what is
// expected of each case stands in the checks.
#include "tests/columns_checks.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

class Columns : public OperationTest {
  protected:
    /// `check` twice on the backend, and on the CPU, which agrees to `tolerance`.
    template <class Check>
    void expect(const Check& check, double tolerance) {
        const Outcomes outcomes = check(backend(), seed());
        ASSERT_FALSE(outcomes.empty());
        expect_alike(check(backend(), seed()), outcomes,
                     [](const auto& actual, const auto& expected, const std::string& configuration) {
                         return same_bits(actual, expected, configuration);
                     });
        expect_alike(outcomes, check(cpu(), seed()),
                     [&](const auto& actual, const auto& expected, const std::string& configuration) {
                         return close_to(actual, expected, tolerance, configuration);
                     });
    }
};

TEST_F(Columns, ProjectMargins) {
    expect(check_project_margins, 1e-13);
}
TEST_F(Columns, MarginDual) {
    expect(check_margin_dual, 1e-12);
}
// Apart, because many words take the sanitizers minutes.
TEST_F(Columns, ProxCrossEntropyOverFewWords) {
    expect([](Backend& on, std::uint64_t seed) { return check_prox_cross_entropy(on, seed, few_words); },
           1e-9);
}
TEST_F(Columns, ProxCrossEntropyOverManyWords) {
    expect([](Backend& on, std::uint64_t seed) { return check_prox_cross_entropy(on, seed, many_words); },
           1e-9);
}
TEST_F(Columns, ColumnCrossEntropy) {
    expect(check_column_cross_entropy, 1e-9);
}
TEST_F(Columns, ProxGradient) {
    expect(check_prox_gradient, 1e-9);
}
TEST_F(Columns, PolarCandidate) {
    expect(check_polar_candidate, 1e-9);
}
TEST_F(Columns, DualEntropy) {
    expect(check_dual_entropy, 1e-9);
    expect_no_dual_entropy_below_zero(backend());
}

}  // namespace
}  // namespace ntpgeo
