// Runs a program as a person would and keeps what it said.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ntpgeo {

struct ProgramResult {
    int status = -1;  ///< exit status; 128 + signal where a signal ended it, as in a shell
    std::string out, err;
    std::int64_t most_memory = 0;  ///< bytes of it that were in memory at once
};

/// A program at work beside the test. It does not outlive this object.
class RunningProgram {
  public:
    /// Starts `arguments` (the first is the program, found by PATH if it has no slash) with `input` as its
    /// standard input. The streams are files, so that no amount of output can block it.
    explicit RunningProgram(const std::vector<std::string>& arguments, std::string_view input = {}) {
        for (std::FILE*& stream : streams_) {
            stream = std::tmpfile();
            if (stream == nullptr) throw std::runtime_error("no temporary file for a program's streams");
        }
        if (!input.empty()) std::fwrite(input.data(), 1, input.size(), streams_[0]);
        std::rewind(streams_[0]);  // flushes, and lets the program read from the beginning

        std::vector<char*> pointers;
        pointers.reserve(arguments.size() + 1);
        for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
        pointers.push_back(nullptr);

        child_ = ::fork();
        if (child_ < 0) throw std::runtime_error("fork failed");
        if (child_ == 0) {
            // Tests that run in a shell's background or under nohup would hand on what is ignored there.
            for (const int signal : {SIGINT, SIGHUP}) std::signal(signal, SIG_DFL);
            for (int i = 0; i < 3; ++i) ::dup2(::fileno(streams_[static_cast<std::size_t>(i)]), i);
            ::execvp(pointers[0], pointers.data());
            ::_exit(127);
        }
    }
    RunningProgram(const RunningProgram&) = delete;
    RunningProgram& operator=(const RunningProgram&) = delete;
    ~RunningProgram() {
        if (!ended()) {
            send(SIGKILL);
            ::waitpid(child_, &state_, 0);
        }
        for (std::FILE* stream : streams_) std::fclose(stream);
    }

    /// Sends a signal; nothing happens where the program has ended.
    void send(int signal) {
        if (!ended()) ::kill(child_, signal);
    }

    /// Whether it has set a handler for `signal`, or ignores it, as the kernel says. How long a program's
    /// libraries take to load on a busy machine, or its work on a quick one, is nothing that a test could
    /// wait for by the clock.
    [[nodiscard]] bool handles(int signal) const { return signal_is_in("SigCgt:", signal); }
    [[nodiscard]] bool ignores(int signal) const { return signal_is_in("SigIgn:", signal); }

    [[nodiscard]] bool ended() {
        if (!reaped_) reaped_ = ::wait4(child_, &state_, WNOHANG, &used_) == child_;
        return reaped_;
    }

    /// Looks at `condition` a thousand times a second until it holds: true. False where the program ends or
    /// `seconds` pass before.
    template <class Condition>
    bool wait_until(Condition condition, double seconds = 60) {
        const auto start = std::chrono::steady_clock::now();
        while (!condition()) {
            if (ended() || std::chrono::steady_clock::now() - start > std::chrono::duration<double>(seconds))
                return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return true;
    }

    /// Waits for its end.
    ProgramResult wait() {
        if (!ended()) reaped_ = ::wait4(child_, &state_, 0, &used_) == child_;
        if (!reaped_) throw std::runtime_error("waitpid failed");
        const auto contents = [](std::FILE* stream) {
            std::string text;
            std::rewind(stream);
            for (int c = std::fgetc(stream); c != EOF; c = std::fgetc(stream)) text += static_cast<char>(c);
            return text;
        };
        return {WIFSIGNALED(state_) ? 128 + WTERMSIG(state_) : WEXITSTATUS(state_), contents(streams_[1]),
                contents(streams_[2]), used_.ru_maxrss * 1024};
    }

  private:
    /// A line of proc(5)'s status, a mask in hexadecimal.
    [[nodiscard]] bool signal_is_in(const std::string& mask, int signal) const {
        std::ifstream status("/proc/" + std::to_string(child_) + "/status");
        for (std::string line; std::getline(status, line);)
            if (line.starts_with(mask))
                return (std::stoull(line.substr(mask.size()), nullptr, 16) >> (signal - 1) & 1U) != 0;
        return false;
    }

    std::array<std::FILE*, 3> streams_{};
    pid_t child_ = -1;
    int state_ = 0;
    rusage used_{};
    bool reaped_ = false;
};

/// Runs `arguments` to the end.
inline ProgramResult run_program(const std::vector<std::string>& arguments, std::string_view input = {}) {
    return RunningProgram(arguments, input).wait();
}

/// Runs ntpgeo itself.
inline ProgramResult run_ntpgeo(std::vector<std::string> arguments, std::string_view input = {}) {
    arguments.insert(arguments.begin(), NTPGEO_BINARY);
    return run_program(arguments, input);
}

}  // namespace ntpgeo
