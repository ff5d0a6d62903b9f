// How the emulated device says that a program is wrong: one line on stderr and exit status 42.
#pragma once

#include <source_location>
#include <string>

namespace emulated_device {

using Site = std::source_location;

/// Ends the process; the line names the running kernel, block and thread, if there is one.
[[noreturn]] void fault(const std::string& what);
[[noreturn]] void fault(const std::string& what, const Site& site);

constexpr int fault_exit_status = 42;

/// "file:line"
std::string place(const Site& site);
std::string hexadecimal(const void* pointer);

/// A signal in a kernel, or the host's touch of device memory, becomes a fault; so does a sanitizer's report
/// in a kernel. Called once, before the first allocation or launch.
void watch_signals();

/// Gives the calling thread a stack of its own for signals: a fibre that overflows its stack has none left.
void use_signal_stack();

}  // namespace emulated_device
