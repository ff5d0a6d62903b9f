// A person at a terminal: lines of tables, and the progress of long work.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace ntpgeo {

/// Prints a line of a table on stdout: what it is, and its value.
void print_line(const std::string& what, const std::string& value);

/// Progress on stderr: one line that rewrites itself on a terminal, plain lines now and then when piped.
class Progress {
  public:
    /// `first` steps are done already. Nothing is shown where it is not `shown`.
    explicit Progress(std::int64_t first, bool shown = true);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Shows the step of `total` with rate and time left where the last showing is long enough ago (0.2 s, or
    /// 10 s when piped), and what `use` then says, where it says anything.
    void show(std::int64_t step, std::int64_t total, const std::function<std::string()>& use);
    /// Shows `line` under the same rule, for work that has no number of steps.
    void show(const std::string& line);
    /// What the line says besides: the newest figures.
    void note(const std::string& text) { note_ = text; }

  private:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] bool due();
    void print(const std::string& line);

    bool terminal_;
    bool silent_, shown_ = false;
    std::int64_t first_;
    Clock::time_point start_, last_;
    std::string note_;
};

}  // namespace ntpgeo
