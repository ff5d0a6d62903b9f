#include "fault.hpp"

#include <dlfcn.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <vector>

#include "arena.hpp"
#include "executor.hpp"
#include "sanitizers.hpp"
#include "traffic.hpp"

namespace emulated_device {
namespace {

struct sigaction previous_segv, previous_ill, previous_fpe, previous_bus;

const char* what_happened(int signal, const siginfo_t& info) {
    if (signal == SIGILL) return "misaligned access, or another one that the compiler's checks trap";
    if (signal == SIGFPE) return "integer division by zero";
    if (signal == SIGSEGV && info.si_code == SI_KERNEL) return "misaligned vector access";
    return nullptr;
}

/// Of an access that was refused. Where the processor does not say, every first access counts as a write.
bool is_write(const void* context) {
#ifdef __x86_64__
    constexpr greg_t write_access = 2;
    return (static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_ERR] & write_access) != 0;
#else
    static_cast<void>(context);
    return true;
#endif
}

void hand_on(const struct sigaction& previous, int signal, siginfo_t* info, void* context) {
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
        previous.sa_sigaction(signal, info, context);
    } else {
        sigaction(signal, &previous, nullptr);  // the instruction runs again and meets the default
    }
}

void on_signal(int signal, siginfo_t* info, void* context) {
    const bool in_kernel = Executor::running();
    if (signal == SIGSEGV && in_kernel && TrafficMeter::note_access(info->si_addr, is_write(context))) return;
    if (const char* what = what_happened(signal, *info); what != nullptr && in_kernel) fault(what);
    if (signal == SIGSEGV || signal == SIGBUS) {
        if (Arena::instance().contains(info->si_addr) && !in_kernel)
            fault("host code touches device memory at " + hexadecimal(info->si_addr));
        if (in_kernel)
            fault("access to " + hexadecimal(info->si_addr) +
                  (Arena::instance().contains(info->si_addr) ? ", device memory outside every live allocation"
                                                             : ", which is not device memory"));
    }
    hand_on(signal == SIGSEGV  ? previous_segv
            : signal == SIGILL ? previous_ill
            : signal == SIGFPE ? previous_fpe
                               : previous_bus,
            signal, info, context);
}

void on_sanitizer_report() {
    if (Executor::running()) fault("the sanitizer's report above");
}

}  // namespace

void fault(const std::string& what) {
    const std::string line = "emulated device: " + what + Executor::where() + "\n";
    [[maybe_unused]] const auto written = write(STDERR_FILENO, line.data(), line.size());
    syscall(SYS_exit_group, fault_exit_status);  // at once, past what a sanitizer does at an exit
    __builtin_unreachable();
}

void fault(const std::string& what, const Site& site) {
    fault(what + " at " + place(site));
}

std::string place(const Site& site) {
    return std::string(site.file_name()) + ":" + std::to_string(site.line());
}

std::string hexadecimal(const void* pointer) {
    char text[24];
    std::snprintf(text, sizeof text, "%p", pointer);
    return text;
}

void watch_signals() {
    // The C library's own function: the thread sanitizer's would treat the handler as code that may not
    // allocate.
    void* const library = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    const auto install = reinterpret_cast<decltype(&sigaction)>(dlsym(library, "sigaction"));
    struct sigaction action {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    install(SIGSEGV, &action, &previous_segv);
    install(SIGILL, &action, &previous_ill);
    install(SIGFPE, &action, &previous_fpe);
    install(SIGBUS, &action, &previous_bus);
    sanitizer::on_report(on_sanitizer_report);
}

void use_signal_stack() {
    thread_local std::vector<char> memory;
    stack_t present{};
    if (!memory.empty() || (sigaltstack(nullptr, &present) == 0 && (present.ss_flags & SS_DISABLE) == 0))
        return;
    memory.resize(std::size_t{64} << 10);
    stack_t stack{};
    stack.ss_sp = memory.data();
    stack.ss_size = memory.size();
    sigaltstack(&stack, nullptr);
}

}  // namespace emulated_device
