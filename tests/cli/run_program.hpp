// Runs a program as a person would and keeps what it said.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ntpgeo {

struct ProgramResult {
    int status = -1;  ///< exit status; 128 + signal where a signal ended it, as in a shell
    std::string out, err;
};

/// Runs `arguments` (the first is the program, found by PATH if it has no slash) with `input` as its standard
/// input, and waits for its end. The streams are files, so that no amount of output can block it.
inline ProgramResult run_program(const std::vector<std::string>& arguments, std::string_view input = {}) {
    std::array<std::FILE*, 3> streams{};
    for (std::FILE*& stream : streams) {
        stream = std::tmpfile();
        if (stream == nullptr) throw std::runtime_error("no temporary file for a program's streams");
    }
    if (!input.empty()) std::fwrite(input.data(), 1, input.size(), streams[0]);
    std::rewind(streams[0]);  // flushes, and lets the program read from the beginning

    std::vector<char*> pointers;
    pointers.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
    pointers.push_back(nullptr);

    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
        for (int i = 0; i < 3; ++i) ::dup2(::fileno(streams[static_cast<std::size_t>(i)]), i);
        ::execvp(pointers[0], pointers.data());
        ::_exit(127);
    }
    int state = 0;
    if (::waitpid(child, &state, 0) != child) throw std::runtime_error("waitpid failed");

    const auto contents = [](std::FILE* stream) {
        std::string text;
        std::rewind(stream);
        for (int c = std::fgetc(stream); c != EOF; c = std::fgetc(stream)) text += static_cast<char>(c);
        return text;
    };
    ProgramResult result{WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state),
                         contents(streams[1]), contents(streams[2])};
    for (std::FILE* stream : streams) std::fclose(stream);
    return result;
}

/// Runs ntpgeo itself.
inline ProgramResult run_ntpgeo(std::vector<std::string> arguments, std::string_view input = {}) {
    arguments.insert(arguments.begin(), NTPGEO_BINARY);
    return run_program(arguments, input);
}

}  // namespace ntpgeo
