// A person at a terminal: lines of tables, the progress of long work, and the signals that stop it.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace ntpgeo {

/// Prints a line of a table on stdout: what it is, and its value.
void print_line(const std::string& what, const std::string& value);

/// Progress on stderr: one line that rewrites itself on a terminal, plain lines now and then when piped.
class Progress {
  public:
    /// `first` steps are done already.
    explicit Progress(std::int64_t first);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Shows the step of `total` with rate and time left where the last showing is long enough ago (0.2 s, or
    /// 10 s when piped).
    void show(std::int64_t step, std::int64_t total);
    /// Shows `line` under the same rule, for work that has no number of steps.
    void show(const std::string& line);
    /// What the line says besides: the newest figures.
    void note(const std::string& text) { note_ = text; }

  private:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] bool due();
    void print(const std::string& line);

    bool terminal_;
    bool shown_ = false;
    std::int64_t first_;
    Clock::time_point start_, last_;
    std::string note_;
};

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
