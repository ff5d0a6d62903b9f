#include "host/terminal/interruption.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>

namespace ntpgeo {
namespace {

using Clock = std::chrono::steady_clock;

// All that a handler touches, and whichever thread it runs on: atomics without a lock, and sigaction(2), both
// of which are safe there.
std::atomic<int> stop_signal{0};
std::atomic<bool> checkpoint_wanted{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

/// A signal, and how it was handled before the guard; `taken` where the guard handles it now.
struct Handled {
    int signal;
    std::atomic<bool> taken{false};
    struct sigaction before {};
};
std::array<Handled, 4> handled{{{SIGINT}, {SIGTERM}, {SIGHUP}, {SIGUSR1}}};

std::optional<Clock::time_point> deadline;

void set(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
}

void on_stop(int signal) {
    int none = 0;
    stop_signal.compare_exchange_strong(none, signal);
    for (const Handled& one : handled)
        if (one.taken && (one.signal == SIGINT || one.signal == SIGTERM)) set(one.signal, SIG_DFL);
    // Who read our output may be gone by the same signal. That must not keep the checkpoint from being
    // written.
    set(SIGPIPE, SIG_IGN);
}

void on_checkpoint(int) {
    checkpoint_wanted = true;
}

/// Takes a signal unless it is ignored.
void take(int signal, void (*handler)(int)) {
    for (Handled& one : handled) {
        if (one.signal != signal || one.taken) continue;
        ::sigaction(signal, nullptr, &one.before);
        if ((one.before.sa_flags & SA_SIGINFO) == 0 && one.before.sa_handler == SIG_IGN) continue;
        one.taken = true;
        set(signal, handler);
    }
}

}  // namespace

InterruptGuard::InterruptGuard(std::optional<double> seconds) {
    stop_signal = 0;
    checkpoint_wanted = false;
    deadline.reset();
    // Beyond a century the clock's own numbers would overflow.
    if (seconds && *seconds < 3e9)
        deadline = Clock::now() +
                   std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*seconds));
    take(SIGUSR1, on_checkpoint);
}

InterruptGuard::~InterruptGuard() {
    const bool stopped = stop_signal != 0;
    for (Handled& one : handled) {
        if (!one.taken) continue;
        one.taken = false;
        // The last words are still to be said when a stopped run's guard is gone.
        if (stopped && one.signal == SIGHUP)
            set(SIGHUP, SIG_IGN);
        else
            ::sigaction(one.signal, &one.before, nullptr);
    }
    deadline.reset();
}

void InterruptGuard::take_stop_signals() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) take(signal, on_stop);
}

std::optional<StopRequest> InterruptGuard::stop_requested() {
    if (const int signal = stop_signal; signal != 0) return StopRequest{128 + signal, "interrupted"};
    if (deadline && Clock::now() >= *deadline) return StopRequest{124, "stopped by --time-limit"};
    return std::nullopt;
}

bool InterruptGuard::take_checkpoint_request() {
    return checkpoint_wanted.exchange(false);
}

}  // namespace ntpgeo
