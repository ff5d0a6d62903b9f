// The fixture of the operations' tests. A case is written once and runs on every backend that is built: an
// executable links the cases with on_cpu.cpp or on_cuda.cpp, which says what is tried there.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "tests/compare.hpp"
#include "tests/guarded.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {

/// The backend that this executable tries, or in words why it has none.
struct TestedBackend {
    std::unique_ptr<Backend> backend;
    std::string why_none;
};
TestedBackend make_tested_backend();
/// The same as a caller has it who brings the stream: the default stream, where there is one.
TestedBackend make_tested_backend_of_a_caller();

/// Bytes of the tested backend's memory that are in use; nothing where nobody keeps the books.
std::optional<std::int64_t> bytes_in_use(const Backend& backend);
/// How far `taken`, a difference of the above, may be from the `asked` bytes of so many arrays.
double allocation_slack(std::int64_t taken, std::int64_t asked, int arrays);

/// The sizes to try: all, or `raced` under the thread sanitizer, which takes tens of times as long and looks
/// at which threads meet and not at how many numbers they have.
inline std::vector<std::int64_t> tried([[maybe_unused]] std::vector<std::int64_t> all,
                                       [[maybe_unused]] std::vector<std::int64_t> raced) {
#ifdef __SANITIZE_THREAD__
    return raced;
#else
    return all;
#endif
}

/// Inputs are fresh in every run; NTPGEO_TEST_SEED repeats one.
inline std::uint64_t fresh_seed() {
    if (const char* const given = std::getenv("NTPGEO_TEST_SEED")) return std::strtoull(given, nullptr, 10);
    return std::random_device{}();
}

class OperationTest : public testing::Test {
  protected:
    void SetUp() override { set_up(make_tested_backend()); }
    void set_up(TestedBackend tested) {
        if (!tested.backend) GTEST_SKIP() << tested.why_none;
        backend_ = std::move(tested.backend);
        cpu_ = make_cpu_backend();
        RecordProperty("NTPGEO_TEST_SEED", std::to_string(seed_));
    }
    void TearDown() override {
        if (HasFailure()) GTEST_LOG_(ERROR) << "repeat with NTPGEO_TEST_SEED=" << seed_;
    }

    /// Normal numbers as `real` stores them.
    std::vector<double> random(std::int64_t size, Real real = Real::fp64) {
        return rounded(real, random_values(size, 1, seed_ + ++drawn_));
    }
    /// What is tried.
    [[nodiscard]] Backend& backend() const { return *backend_; }
    /// The CPU to hold it against; where that is what is tried, another instance: the comparison is with a
    /// repetition.
    [[nodiscard]] Backend& cpu() const { return *cpu_; }
    [[nodiscard]] bool on_cpu() const { return backend_->device() == "cpu"; }
    [[nodiscard]] std::uint64_t seed() const { return seed_; }

  private:
    std::uint64_t seed_ = fresh_seed(), drawn_ = 0;
    std::unique_ptr<Backend> backend_, cpu_;
};

}  // namespace ntpgeo
