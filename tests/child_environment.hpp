// A process with another environment. Death tests in the "threadsafe" style start the executable anew, with
// the environment as it is then.
#pragma once

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

namespace ntpgeo {

/// Ends a child process with `status` after one line for its parent.
[[noreturn]] inline void finish(int status, const std::string& words) {
    std::cerr << words << std::endl;
    std::_Exit(status);
}

/// A variable of the environment for as long as this lives.
class Variable {
  public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* const before = std::getenv(name)) before_ = before;
        setenv(name, value, 1);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }

  private:
    const char* name_;
    std::optional<std::string> before_;
};

}  // namespace ntpgeo
