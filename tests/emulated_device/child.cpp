#include "child.hpp"

#include <regex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

Outcome run_in_child(bool (*program)(), const Environment& environment) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("no child process");
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
        _exit(program() ? 0 : 1);
    }
    close(ends[1]);
    Outcome outcome{-1, ""};
    char part[4096];
    for (ssize_t count; (count = read(ends[0], part, sizeof part)) > 0;)
        outcome.error.append(part, static_cast<std::size_t>(count));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status)) outcome.exit_status = WEXITSTATUS(status);
    return outcome;
}

bool matches(const std::string& text, const std::string& pattern) {
    regex_t expression;
    if (regcomp(&expression, pattern.c_str(), REG_EXTENDED | REG_NOSUB | REG_NEWLINE) != 0)
        throw std::runtime_error("not a regular expression: " + pattern);
    const bool found = regexec(&expression, text.c_str(), 0, nullptr, 0) == 0;
    regfree(&expression);
    return found;
}
