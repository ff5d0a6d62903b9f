// The CPU's operations on dense columns against their definitions.
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
    check_project_margins(cpu(), 1);
}
TEST_F(Columns, MarginDual) {
    check_margin_dual(cpu(), 2);
}
TEST_F(Columns, ProxCrossEntropy) {
    check_prox_cross_entropy(cpu(), 3);
}
TEST_F(Columns, ColumnCrossEntropy) {
    check_column_cross_entropy(cpu(), 4);
}
TEST_F(Columns, ProxGradient) {
    check_prox_gradient(cpu(), 6);
}
TEST_F(Columns, PolarCandidate) {
    check_polar_candidate(cpu(), 7);
}
TEST_F(Columns, DualEntropy) {
    check_dual_entropy(cpu(), 5);
}

}  // namespace
}  // namespace ntpgeo
