// The parts of an update by what was measured of regions, and what share of a device's peak an update gets.
#include "host/run/step_profile.hpp"

#include <gtest/gtest.h>

#include "host/run/device_use.hpp"
#include "kernels/backend_cpu.hpp"

namespace ntpgeo {
namespace {

TEST(StepParts, ComeToTheStepAndCountNothingTwice) {
    std::vector<RegionTime> measured(region_count);
    const auto set = [&](Region region, std::int64_t calls, double seconds) {
        measured[static_cast<std::size_t>(region)] = {calls, seconds};
    };
    // Of two updates: a loss step holds its products and passes, an update its loss step and its move.
    set(Region::step, 2, 20);
    set(Region::loss, 2, 14);
    set(Region::group, 4, 13);
    set(Region::product, 12, 8);
    set(Region::stream, 4, 3);
    set(Region::update, 2, 4);
    const std::vector<StepPart> parts = parts_of_step(measured, 2, 10);
    ASSERT_EQ(parts.size(), 5U);
    double sum = 0;
    for (const StepPart& part : parts) sum += part.seconds;
    EXPECT_DOUBLE_EQ(sum, 10);
    EXPECT_DOUBLE_EQ(parts[0].seconds, 4);
    EXPECT_DOUBLE_EQ(parts[0].calls_per_step, 6);
    EXPECT_DOUBLE_EQ(parts[1].seconds, 1.5);
    EXPECT_DOUBLE_EQ(parts[2].seconds, 1.5);
    EXPECT_DOUBLE_EQ(parts[3].seconds, 2);
    EXPECT_DOUBLE_EQ(parts[4].seconds, 1);
    // Of a run with shards, its sums are a part of their own.
    set(Region::ranks, 6, 1);
    const std::vector<StepPart> shared = parts_of_step(measured, 2, 10);
    ASSERT_EQ(shared.size(), 6U);
    EXPECT_DOUBLE_EQ(shared[2].seconds, 1);
    EXPECT_EQ(shared[3].name, "sums and ranks");
    EXPECT_DOUBLE_EQ(shared[3].seconds, 0.5);
    EXPECT_DOUBLE_EQ(shared[5].seconds, 1);
}

/// The CPU as a GPU of 1 Tflop/s in bf16.
class KnownGpu final : public CpuBackend {
  public:
    [[nodiscard]] std::string device() const override { return "cuda"; }
    [[nodiscard]] double products_rate(Precision precision) const override {
        return precision == Precision::bf16 ? 1e12 : 0;
    }
    [[nodiscard]] DeviceMemory memory() const override {
        return {std::int64_t{8} << 30, std::int64_t{6} << 30};
    }
};

TEST(ShareOfPeak, IsOfTheProductsThatAreMade) {
    const KnownGpu gpu;
    const ModelShape shape{1000, 2000, 50};  // 6·V·m·d = 6e8
    Stage stage;
    stage.precision = Precision::bf16;
    EXPECT_DOUBLE_EQ(share_of_peak(gpu, shape, stage, 1e-3).value(), 0.6);
    stage.frozen = Frozen::words;
    EXPECT_DOUBLE_EQ(share_of_peak(gpu, shape, stage, 1e-3).value(), 0.4);
    EXPECT_EQ(words_of_use(gpu, shape, stage, 1e-3), "40 % of the peak in bf16, 2.0 GiB of 8.0 GiB in use");
    EXPECT_EQ(words_of_use(gpu, shape, stage, {}), "2.0 GiB of 8.0 GiB in use");
    stage.precision = Precision::fp64;
    EXPECT_FALSE(share_of_peak(gpu, shape, stage, 1e-3).has_value());
}

TEST(ShareOfPeak, IsNotKnownOfTheCpu) {
    const CpuBackend cpu;
    EXPECT_FALSE(share_of_peak(cpu, {10, 20, 3}, {}, 1).has_value());
    EXPECT_EQ(words_of_use(cpu, {10, 20, 3}, {}, 1), "");
}

}  // namespace
}  // namespace ntpgeo
