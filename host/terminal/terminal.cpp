#include "host/terminal/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "host/terminal/numbers.hpp"

namespace ntpgeo {

void print_line(const std::string& what, const std::string& value) {
    fmt::print("{:<20}{}\n", what, value);
}

Progress::Progress(std::int64_t first, bool shown)
    : terminal_(::isatty(STDERR_FILENO) == 1),
      silent_(!shown),
      first_(first),
      start_(Clock::now()),
      last_(start_) {}

Progress::~Progress() {
    if (terminal_ && shown_) std::fputs("\r\033[K", stderr);
}

bool Progress::due() {
    const std::chrono::duration<double> since = Clock::now() - last_;
    if (silent_ || since.count() < (terminal_ ? 0.2 : 10.0)) return false;
    last_ = Clock::now();
    return true;
}

void Progress::show(std::int64_t step, std::int64_t total, const std::function<std::string()>& use) {
    if (!due()) return;
    const double elapsed = std::chrono::duration<double>(last_ - start_).count();
    const double rate = static_cast<double>(step - first_) / elapsed;
    const std::string left = rate > 0 ? duration_text(static_cast<double>(total - step) / rate) : "unknown";
    std::string line = fmt::format("step {} of {}, {:.3g} steps/s, {} left", step, total, rate, left);
    for (const std::string& more : {use(), note_})
        if (!more.empty()) line += ", " + more;
    print(line);
}

void Progress::show(const std::string& line) {
    if (due()) print(line);
}

void Progress::print(const std::string& line) {
    // A stderr that cannot be written is no reason to end a run.
    std::fputs((terminal_ ? "\r\033[K" + line : line + "\n").c_str(), stderr);
    std::fflush(stderr);
    shown_ = true;
}

}  // namespace ntpgeo
