// What the tests of CUDA operations share. They are ordinary C++ over the backend boundary and are built
// twice: against the emulated device and for hardware.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "tests/compare.hpp"
#include "tests/guarded.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {

/// Inputs are fresh in every run; NTPGEO_TEST_SEED repeats one.
inline std::uint64_t fresh_seed() {
    if (const char* const given = std::getenv("NTPGEO_TEST_SEED")) return std::strtoull(given, nullptr, 10);
    return std::random_device{}();
}

class CudaTest : public testing::Test {
  protected:
    void SetUp() override {
        const CudaAvailability cuda = cuda_availability();
        if (cuda.devices == 0) GTEST_SKIP() << "no GPU to test on: " << cuda.why_none;
        gpu_ = make_cuda_backend(0);
        cpu_ = make_cpu_backend();
        RecordProperty("NTPGEO_TEST_SEED", std::to_string(seed_));
    }
    void TearDown() override {
        if (HasFailure()) GTEST_LOG_(ERROR) << "repeat with NTPGEO_TEST_SEED=" << seed_;
    }

    /// Normal numbers as `real` stores them.
    std::vector<double> random(std::int64_t size, Real real = Real::fp64) {
        std::vector<double> values = random_values(size, 1, seed_ + ++drawn_);
        if (real == Real::fp32)
            for (double& x : values) x = static_cast<float>(x);
        return values;
    }
    [[nodiscard]] Backend& gpu() const { return *gpu_; }
    [[nodiscard]] Backend& cpu() const { return *cpu_; }
    [[nodiscard]] std::uint64_t seed() const { return seed_; }

  private:
    std::uint64_t seed_ = fresh_seed(), drawn_ = 0;
    std::unique_ptr<Backend> gpu_, cpu_;
};

/// The vectors that elementwise operations are tried on: sizes around a warp and a block, empty ones, and
/// starts off the boundary of an access.
struct VectorCase {
    Real real;
    std::int64_t size, offset;
    [[nodiscard]] double tolerance() const { return real == Real::fp64 ? 1e-12 : 1e-5; }
    [[nodiscard]] std::string words() const {
        return std::string(real == Real::fp64 ? "fp64" : "fp32") + ", " + std::to_string(size) +
               " elements, offset " + std::to_string(offset);
    }
};
inline std::vector<VectorCase> vector_cases() {
    std::vector<VectorCase> cases;
    for (const Real real : {Real::fp64, Real::fp32})
        for (const std::int64_t size : {0, 1, 2, 3, 31, 32, 33, 1000, 4099})
            for (const std::int64_t offset : {0, 1}) cases.push_back({real, size, offset});
    return cases;
}

}  // namespace ntpgeo
