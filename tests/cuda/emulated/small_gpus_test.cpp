// GPUs that are too small for what is asked, as only the emulated device can be told to be.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"
#include "tests/child_environment.hpp"

namespace ntpgeo {
namespace {

constexpr int refused = 7, taken = 8;

[[noreturn]] void count_a_text(std::int64_t size, std::int64_t vocab) {
    const auto gpu = make_cuda_backend(0);
    const std::int64_t free = gpu->memory().free;
    const std::vector<std::int32_t> ids(static_cast<std::size_t>(size), 0);
    const std::vector<std::int64_t> document_ends{size};
    const TokensInMemory tokens(ids);
    const TextIds text{tokens, document_ends, vocab};
    const WindowOptions options{.context_length = 4};
    try {
        const WindowCounts counts = gpu->count_windows(text, options);
        if (counts.contexts != 1 || counts.most != size - 4) finish(0, "counted wrongly");
    } catch (const InputError& error) {
        const bool nothing_was_taken = gpu->memory().free == free;
        finish(nothing_was_taken && gpu->why_not_counted(text, options) != "" ? refused : taken,
               error.what());
    }
    finish(taken, "");
}

TEST(CountingDeathTest, RefusesATextThatDoesNotFitBeforeAnythingIsTaken) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const Variable memory("EMULATED_DEVICE_MEMORY", "80000000");
    EXPECT_EXIT(count_a_text(2000, 1 << 20), testing::ExitedWithCode(taken), "");
    EXPECT_EXIT(count_a_text(1000000, 1 << 20), testing::ExitedWithCode(refused),
                "^counting 1000000 tokens takes 82137344 bytes or more, and .* free; the CPU counts it\n$");
    // Without ranks a text need not lie on the GPU whole.
    EXPECT_EXIT(count_a_text(1000000, 2), testing::ExitedWithCode(taken), "");
    const Variable less_memory("EMULATED_DEVICE_MEMORY", "40000000");
    EXPECT_EXIT(count_a_text(1000000, 2), testing::ExitedWithCode(refused), "takes 46137344 bytes or more");
}

}  // namespace
}  // namespace ntpgeo
