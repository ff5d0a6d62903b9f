// Ctrl-C and SIGTERM as a question that long work asks between steps.
#pragma once

#include <stdexcept>
#include <string>

namespace ntpgeo {

/// Thrown when a signal has stopped the work; becomes exit status 128 + signal (130 after Ctrl-C, 143 after
/// SIGTERM). The message says where the work can go on.
class Interrupted : public std::runtime_error {
  public:
    Interrupted(const std::string& message, int signal) : std::runtime_error(message), signal_(signal) {}
    [[nodiscard]] int exit_status() const { return 128 + signal_; }

  private:
    int signal_;
};

/// While it lives, the first SIGINT or SIGTERM only leaves its number; a second one ends the process as
/// usual. One at a time.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
    /// The signal that has come, 0 where none has.
    [[nodiscard]] static int requested();
};

}  // namespace ntpgeo
