// Ctrl-C and SIGTERM as a question that long work asks between steps.
#pragma once

#include <stdexcept>

namespace ntpgeo {

/// Thrown when the user has stopped the work; becomes exit status 130. The message says where the work can go
/// on.
class Interrupted : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// While it lives, the first SIGINT or SIGTERM only raises a flag; a second one ends the process as usual.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
    [[nodiscard]] static bool requested();
};

}  // namespace ntpgeo
