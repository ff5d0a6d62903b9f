// Operations on dense columns on a GPU: against their definitions, against the CPU, and against themselves.
#include "tests/columns_checks.hpp"
#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

class CudaColumns : public CudaTest {
  protected:
    /// `check` on the GPU twice and on the CPU, which agrees to `tolerance`.
    template <class Check>
    void expect(const Check& check, double tolerance) {
        const Outcomes outcomes = check(gpu(), seed());
        expect_alike(check(gpu(), seed()), outcomes,
                     [](const auto& actual, const auto& expected, const std::string& configuration) {
                         return same_bits(actual, expected, configuration);
                     });
        expect_alike(outcomes, check(cpu(), seed()),
                     [&](const auto& actual, const auto& expected, const std::string& configuration) {
                         return close_to(actual, expected, tolerance, configuration);
                     });
    }
};

TEST_F(CudaColumns, ProjectMargins) {
    expect(check_project_margins, 1e-13);
}
TEST_F(CudaColumns, MarginDual) {
    expect(check_margin_dual, 1e-12);
}
// Apart, because many words take the sanitizers minutes.
TEST_F(CudaColumns, ProxCrossEntropyOverFewWords) {
    expect([](Backend& backend,
              std::uint64_t seed) { return check_prox_cross_entropy(backend, seed, few_words); },
           1e-9);
}
TEST_F(CudaColumns, ProxCrossEntropyOverManyWords) {
    expect([](Backend& backend,
              std::uint64_t seed) { return check_prox_cross_entropy(backend, seed, many_words); },
           1e-9);
}
TEST_F(CudaColumns, ColumnCrossEntropy) {
    expect(check_column_cross_entropy, 1e-9);
}
TEST_F(CudaColumns, ProxGradient) {
    expect(check_prox_gradient, 1e-9);
}
TEST_F(CudaColumns, PolarCandidate) {
    expect(check_polar_candidate, 1e-9);
}
TEST_F(CudaColumns, DualEntropy) {
    expect(check_dual_entropy, 1e-9);
    expect_no_dual_entropy_below_zero(gpu());
}

}  // namespace
}  // namespace ntpgeo
