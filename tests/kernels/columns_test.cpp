// The CPU's operations on dense columns against their definitions: what is expected of each case stands in
// the checks.
#include "tests/columns_checks.hpp"

namespace ntpgeo {
namespace {

class Columns : public testing::Test {
  protected:
    [[nodiscard]] Backend& cpu() const { return *cpu_; }

  private:
    std::unique_ptr<Backend> cpu_ = make_cpu_backend();
};

TEST_F(Columns, ProjectMargins) {
    EXPECT_FALSE(check_project_margins(cpu(), 1).empty());
}
TEST_F(Columns, MarginDual) {
    EXPECT_FALSE(check_margin_dual(cpu(), 2).empty());
}
TEST_F(Columns, ProxCrossEntropy) {
    EXPECT_FALSE(check_prox_cross_entropy(cpu(), 3).empty());
}
TEST_F(Columns, ColumnCrossEntropy) {
    EXPECT_FALSE(check_column_cross_entropy(cpu(), 4).empty());
}
TEST_F(Columns, ProxGradient) {
    EXPECT_FALSE(check_prox_gradient(cpu(), 6).empty());
}
TEST_F(Columns, PolarCandidate) {
    EXPECT_FALSE(check_polar_candidate(cpu(), 7).empty());
}
TEST_F(Columns, DualEntropy) {
    EXPECT_FALSE(check_dual_entropy(cpu(), 5).empty());
    expect_no_dual_entropy_below_zero(cpu());
}

}  // namespace
}  // namespace ntpgeo
