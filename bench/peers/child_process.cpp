#include "bench/peers/child_process.hpp"

#include <fcntl.h>
#include <omp.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "kernels/base/status.hpp"

namespace ntpgeo::bench {
namespace {

bool sets(const std::string& entry, const std::string& variable) {
    return entry.rfind(variable + "=", 0) == 0;
}

std::vector<std::string> child_environment() {
    const std::string threads = std::to_string(omp_get_max_threads());
    std::vector<std::string> result{"OPENBLAS_NUM_THREADS=" + threads, "OMP_NUM_THREADS=" + threads};
    for (char** entry = environ; *entry; ++entry) {
        bool kept = true;
        for (const char* variable :
             {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"})
            kept = kept && !sets(*entry, variable);
        if (kept) result.emplace_back(*entry);
    }
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (std::string& string : strings) result.push_back(string.data());
    result.push_back(nullptr);
    return result;
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& arguments) {
    // A child that has ended shows by its missing answer, not by a signal.
    std::signal(SIGPIPE, SIG_IGN);
    int to_child[2], from_child[2];
    if (pipe2(to_child, O_CLOEXEC) != 0) throw Failure(std::string("no pipe: ") + std::strerror(errno));
    if (pipe2(from_child, O_CLOEXEC) != 0) {
        const int error = errno;
        close(to_child[0]);
        close(to_child[1]);
        throw Failure(std::string("no pipe: ") + std::strerror(error));
    }
    std::vector<std::string> strings = arguments, environment = child_environment();
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, to_child[0], STDIN_FILENO);
        if (error == 0) error = posix_spawn_file_actions_adddup2(&actions, from_child[1], STDOUT_FILENO);
        if (error == 0)
            error = posix_spawnp(&process_, strings[0].c_str(), &actions, nullptr, pointers(strings).data(),
                                 pointers(environment).data());
        posix_spawn_file_actions_destroy(&actions);
    }
    close(to_child[0]);
    close(from_child[1]);
    input_ = fdopen(to_child[1], "w");
    output_ = fdopen(from_child[0], "r");
    if (error == 0) return;
    std::fclose(input_);
    std::fclose(output_);
    throw Failure(arguments[0] + " cannot be started: " + std::strerror(error));
}

ChildProcess::~ChildProcess() {
    std::fclose(input_);  // the child sees the end of its input, and ends
    std::fclose(output_);
    waitpid(process_, nullptr, 0);
}

void ChildProcess::write_line(const std::string& line) {
    write_bytes((line + "\n").data(), static_cast<std::int64_t>(line.size()) + 1);
}

void ChildProcess::write_bytes(const void* data, std::int64_t bytes) {
    // Not checked: read_line finds out whether the child is still there.
    std::fwrite(data, 1, static_cast<std::size_t>(bytes), input_);
}

std::string ChildProcess::read_line() {
    std::fflush(input_);
    std::string line;
    for (int c = std::fgetc(output_); c != EOF && c != '\n'; c = std::fgetc(output_))
        line.push_back(static_cast<char>(c));
    return line;
}

}  // namespace ntpgeo::bench
