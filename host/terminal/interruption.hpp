// What ends long work before its time, or asks it for a checkpoint: signals, and a limit of time.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>

namespace ntpgeo {

/// Thrown when a signal or the time limit has stopped the work. The message says where the work can go on.
class Interrupted : public std::runtime_error {
  public:
    Interrupted(const std::string& message, int exit_status)
        : std::runtime_error(message), exit_status_(exit_status) {}
    [[nodiscard]] int exit_status() const { return exit_status_; }

  private:
    int exit_status_;
};

/// Why work is to stop: what the program ends with, and the beginning of a sentence that goes on "at step 7".
struct StopRequest {
    int exit_status;    ///< 128 + signal: 129 SIGHUP, 130 SIGINT, 143 SIGTERM; 124 when the time is over, as
                        ///< timeout(1)
    std::string words;  ///< "interrupted", or "stopped by --time-limit"
};

/// While it lives, SIGUSR1 only asks for a checkpoint and the limit of time counts; from take_stop_signals()
/// on the first SIGINT, SIGTERM or SIGHUP only asks for the end. A second SIGINT or SIGTERM ends the process
/// as usual, a second SIGHUP does nothing: a terminal that closes may send several. A signal that was ignored
/// when the program began (nohup, a shell's background) stays ignored. One guard at a time.
class InterruptGuard {
  public:
    /// The work is to stop `seconds` from now, where they are given.
    explicit InterruptGuard(std::optional<double> seconds = {});
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;

    /// Called once there is something that a stop has to save; before, signals end the process as usual.
    static void take_stop_signals();

    /// What has asked for the end; the signal, where both have.
    [[nodiscard]] static std::optional<StopRequest> stop_requested();

    /// Whether a checkpoint has been asked for since the last call.
    [[nodiscard]] static bool take_checkpoint_request();
};

}  // namespace ntpgeo
