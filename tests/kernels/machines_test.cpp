// What GPUs can do by their makers: how a run finds its own.
#include "kernels/device/machines.hpp"

#include <gtest/gtest.h>

namespace ntpgeo::device {
namespace {

TEST(Machines, AreFoundByTheNameThatTheRuntimeReportsAndByNoOther) {
    for (const Machine& machine : machines) {
        const Machine* const found = find_machine(machine.reported);
        ASSERT_NE(found, nullptr) << machine.reported;
        EXPECT_EQ(found->name, machine.name);
    }
    // Relatives with other figures.
    for (const char* name : {"NVIDIA GH200 480GB", "NVIDIA H100 PCIe", "NVIDIA H100 NVL", "H100", ""})
        EXPECT_EQ(find_machine(name), nullptr) << name;
}

TEST(Machines, MultiplyFasterInLessPrecision) {
    for (const Machine& machine : machines) {
        EXPECT_GT(products_rate(machine, Precision::bf16), products_rate(machine, Precision::tf32));
        EXPECT_GT(products_rate(machine, Precision::tf32), products_rate(machine, Precision::fp32));
        EXPECT_GE(products_rate(machine, Precision::fp32), products_rate(machine, Precision::fp64));
        EXPECT_DOUBLE_EQ(3 * products_rate(machine, Precision::bf16x3), machine.bf16);
    }
}

}  // namespace
}  // namespace ntpgeo::device
