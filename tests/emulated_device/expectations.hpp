// How a program of the emulator's own tests must come out, under every seed. Each runs in a process of its
// own.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "child.hpp"

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool address_sanitizer = true;
#else
inline constexpr bool address_sanitizer = false;
#endif
#ifdef __SANITIZE_THREAD__
inline constexpr bool thread_sanitizer = true;
#else
inline constexpr bool thread_sanitizer = false;
#endif

inline constexpr int seeds = thread_sanitizer ? 2 : 6;

inline Environment with(int seed, const std::string& defer) {
    return {{"EMULATED_DEVICE_SEED", std::to_string(seed)}, {"EMULATED_DEVICE_DEFER", defer}};
}

using Program = bool (*)();

inline void expect_correct(Program program) {
    for (const char* defer : {"never", "needed", "mixed"}) {
        for (int seed = 1; seed <= seeds; ++seed) {
            const Outcome outcome = run_in_child(program, with(seed, defer));
            EXPECT_EQ(outcome.exit_status, 0) << "seed " << seed << ", " << defer << ": " << outcome.error;
        }
    }
}

/// Every seed ends in a fault whose line matches.
inline void expect_fault(Program program, const std::string& pattern, const char* defer = "needed") {
    for (int seed = 1; seed <= seeds; ++seed) {
        const Outcome outcome = run_in_child(program, with(seed, defer));
        EXPECT_EQ(outcome.exit_status, 42) << "seed " << seed << ": " << outcome.error;
        EXPECT_TRUE(matches(outcome.error, "emulated device: .*(" + pattern + ")"))
            << "seed " << seed << ": " << outcome.error;
    }
}

/// Every seed gives wrong results (or a fault, where a sanitizer is on).
inline void expect_wrong(Program program, const char* defer = "needed") {
    for (int seed = 1; seed <= seeds; ++seed) {
        const Outcome outcome = run_in_child(program, with(seed, defer));
        EXPECT_TRUE(outcome.exit_status == 1 || outcome.exit_status == 42)
            << "seed " << seed << ": status " << outcome.exit_status << ": " << outcome.error;
    }
}

/// What depends on the order: at least one seed shows it.
inline void expect_wrong_for_some_seed(Program program, const char* defer = "needed") {
    int caught = 0;
    for (int seed = 1; seed <= seeds; ++seed) {
        const int status = run_in_child(program, with(seed, defer)).exit_status;
        EXPECT_TRUE(status == 0 || status == 1 || status == 42) << "seed " << seed << ": status " << status;
        caught += status == 0 ? 0 : 1;
    }
    EXPECT_GT(caught, 0);
}
