// Runs a program in a child process: the emulated device reads its environment once, and a fault ends the
// process.
#pragma once

#include <string>
#include <utility>
#include <vector>

using Environment = std::vector<std::pair<std::string, std::string>>;

struct Outcome {
    int exit_status;    ///< 0: right results, 1: wrong ones, 42: a fault, -1: a signal
    std::string error;  ///< what it wrote to stderr
};

Outcome run_in_child(bool (*program)(), const Environment& environment);

/// Whether the text holds a match of an extended regular expression (std::regex warns under the sanitizers).
bool matches(const std::string& text, const std::string& pattern);
