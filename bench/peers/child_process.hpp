// A program that is asked questions over a pipe and answers each with one line.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace ntpgeo::bench {

/// Runs as long as the object lives. OpenBLAS settings made for this process are kept from the child
/// (OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE); it gets as many threads as this one has.
class ChildProcess {
  public:
    /// `arguments`: the program (looked up in PATH) and its own. Throws Failure where it cannot be started.
    explicit ChildProcess(const std::vector<std::string>& arguments);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    void write_line(const std::string& line);
    void write_bytes(const void* data, std::int64_t bytes);
    /// The next line without its end; empty once the child has ended. Sends what was written first.
    std::string read_line();

  private:
    pid_t process_ = -1;
    std::FILE* input_ = nullptr;   // the child's standard input
    std::FILE* output_ = nullptr;  // and output
};

}  // namespace ntpgeo::bench
