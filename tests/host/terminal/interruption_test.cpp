#include "host/terminal/interruption.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace ntpgeo {
namespace {

using Handler = void (*)(int);

Handler handler_of(int signal) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    return action.sa_handler;
}

/// Sets what the tests begin with, and restores it.
class Interruption : public testing::Test {
  protected:
    void SetUp() override {
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE}) std::signal(signal, SIG_DFL);
    }
    void TearDown() override { SetUp(); }
};

TEST_F(Interruption, EachStopSignalIsNotedAndHasItsStatus) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        SetUp();
        const InterruptGuard guard;
        EXPECT_EQ(handler_of(signal), SIG_DFL);  // until there is something to save
        InterruptGuard::take_stop_signals();
        EXPECT_FALSE(InterruptGuard::stop_requested());
        std::raise(signal);
        ASSERT_TRUE(InterruptGuard::stop_requested());
        EXPECT_EQ(InterruptGuard::stop_requested()->exit_status, 128 + signal);
        EXPECT_EQ(InterruptGuard::stop_requested()->words, "interrupted");
        EXPECT_FALSE(InterruptGuard::take_checkpoint_request());
        // A second Ctrl-C ends the process as usual; a second hang-up does not.
        EXPECT_EQ(handler_of(SIGINT), SIG_DFL);
        EXPECT_EQ(handler_of(SIGTERM), SIG_DFL);
        std::raise(SIGHUP);
        EXPECT_EQ(InterruptGuard::stop_requested()->exit_status, 128 + signal);
        EXPECT_EQ(handler_of(SIGPIPE), SIG_IGN);
    }
}

TEST_F(Interruption, Usr1AsksForOneCheckpointAndNoEnd) {
    const InterruptGuard guard;
    EXPECT_FALSE(InterruptGuard::take_checkpoint_request());
    std::raise(SIGUSR1);
    std::raise(SIGUSR1);
    EXPECT_TRUE(InterruptGuard::take_checkpoint_request());
    EXPECT_FALSE(InterruptGuard::take_checkpoint_request());
    EXPECT_FALSE(InterruptGuard::stop_requested());
}

TEST_F(Interruption, WhatIsIgnoredStaysIgnored) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) std::signal(signal, SIG_IGN);
    {
        const InterruptGuard guard;
        InterruptGuard::take_stop_signals();
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
            EXPECT_EQ(handler_of(signal), SIG_IGN) << signal;
            std::raise(signal);
        }
        EXPECT_FALSE(InterruptGuard::stop_requested());
        EXPECT_FALSE(InterruptGuard::take_checkpoint_request());
    }
    // Nor does another signal's handler touch it.
    std::signal(SIGTERM, SIG_DFL);
    const InterruptGuard guard;
    InterruptGuard::take_stop_signals();
    std::raise(SIGTERM);
    EXPECT_EQ(handler_of(SIGINT), SIG_IGN);
    EXPECT_EQ(handler_of(SIGHUP), SIG_IGN);
}

TEST_F(Interruption, TheGuardLeavesSignalsAsItFoundThem) {
    std::signal(SIGINT, SIG_IGN);
    {
        const InterruptGuard guard;
        InterruptGuard::take_stop_signals();
        EXPECT_NE(handler_of(SIGTERM), SIG_DFL);
    }
    EXPECT_EQ(handler_of(SIGINT), SIG_IGN);
    for (const int signal : {SIGTERM, SIGHUP, SIGUSR1}) EXPECT_EQ(handler_of(signal), SIG_DFL) << signal;
}

TEST_F(Interruption, TheTimeLimitAsksForTheEndAndASignalComesFirst) {
    const InterruptGuard guard(0.02);
    InterruptGuard::take_stop_signals();
    EXPECT_FALSE(InterruptGuard::stop_requested());
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    ASSERT_TRUE(InterruptGuard::stop_requested());
    EXPECT_EQ(InterruptGuard::stop_requested()->exit_status, 124);
    EXPECT_EQ(InterruptGuard::stop_requested()->words, "stopped by --time-limit");
    std::raise(SIGTERM);
    EXPECT_EQ(InterruptGuard::stop_requested()->exit_status, 143);
}

TEST_F(Interruption, ALimitBeyondTheClockIsNone) {
    const InterruptGuard guard(1e300);
    EXPECT_FALSE(InterruptGuard::stop_requested());
}

}  // namespace
}  // namespace ntpgeo
