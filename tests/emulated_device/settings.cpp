#include "settings.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>

#include "fault.hpp"

namespace emulated_device {
namespace {

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return otherwise;
    char* end = nullptr;
    errno = 0;
    const std::uint64_t value = std::strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0)
        fault(std::string(variable) + "=" + text + " is not a whole number");
    return value;
}

int small_number_in(const char* variable, int otherwise) {
    return static_cast<int>(number_in(variable, static_cast<std::uint64_t>(otherwise)));
}

Defer defer_in(const char* variable, Defer otherwise) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return otherwise;
    const std::string word = text;
    if (word == "never") return Defer::never;
    if (word == "needed") return Defer::needed;
    if (word == "mixed") return Defer::mixed;
    fault(std::string(variable) + "=" + word + " is none of never, needed, mixed");
}

}  // namespace

const Settings& settings() {
    static const Settings settings = [] {
        Settings read;
        read.seed = number_in("EMULATED_DEVICE_SEED", read.seed);
        read.defer = defer_in("EMULATED_DEVICE_DEFER", read.defer);
        read.devices = small_number_in("EMULATED_DEVICE_COUNT", read.devices);
        read.first = small_number_in("EMULATED_DEVICE_FIRST", read.first);
        read.capability = small_number_in("EMULATED_DEVICE_CAPABILITY", read.capability);
        read.code = small_number_in("EMULATED_DEVICE_CODE", read.code);
        read.multiprocessors = small_number_in("EMULATED_DEVICE_MULTIPROCESSORS", read.multiprocessors);
        if (const char* const name = std::getenv("EMULATED_DEVICE_NAME")) read.name = name;
        read.memory = number_in("EMULATED_DEVICE_MEMORY", read.memory);
        read.allocations = number_in("EMULATED_DEVICE_ALLOCATIONS", read.allocations);
        read.calls = number_in("EMULATED_DEVICE_CALLS", read.calls);
        return read;
    }();
    return settings;
}

Random::Random(std::uint64_t stream) : state_(settings().seed * 0x9e3779b97f4a7c15u + stream) {}

std::uint64_t Random::operator()() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t mixed = (state_ ^ (state_ >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

}  // namespace emulated_device
