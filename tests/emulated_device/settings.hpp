// What the environment asks of the emulated device; read once, at the first call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace emulated_device {

/// When the work that the host queues is done.
enum class Defer {
    never,   ///< at once: a program that synchronises enough notices nothing
    needed,  ///< when a synchronisation needs it, and nothing that it does not need: missing event waits show
    mixed    ///< at a synchronisation, the streams' heads in seeded order
};

struct Settings {
    std::uint64_t seed = 1;       ///< EMULATED_DEVICE_SEED: orders of threads, blocks, streams, graph nodes
    Defer defer = Defer::needed;  ///< EMULATED_DEVICE_DEFER = never | needed | mixed
    int devices = 1;              ///< EMULATED_DEVICE_COUNT
    int first = 0;                ///< EMULATED_DEVICE_FIRST: how many of the machine are not seen before them
    int capability = 90;          ///< EMULATED_DEVICE_CAPABILITY: 10·major + minor, of each device
    int code = 80;            ///< EMULATED_DEVICE_CODE: the least capability that kernels are compiled for
    int multiprocessors = 4;  ///< EMULATED_DEVICE_MULTIPROCESSORS: few, so that small grids are larger
    std::string name;  ///< EMULATED_DEVICE_NAME: what each device calls itself; empty: "emulated device N"
    std::size_t memory = std::size_t{1} << 30;  ///< EMULATED_DEVICE_MEMORY: bytes of each device
    /// EMULATED_DEVICE_ALLOCATIONS: how many pieces of memory it grants (device and page-locked memory,
    /// graphs made ready, handles of libraries); whoever asks for one more finds none left.
    std::uint64_t allocations = std::numeric_limits<std::uint64_t>::max();
    /// EMULATED_DEVICE_CALLS: how many calls it answers; from then on it is lost, as after a kernel's illegal
    /// access.
    std::uint64_t calls = std::numeric_limits<std::uint64_t>::max();
};

const Settings& settings();

/// A sequence that the seed decides (SplitMix64); each user has its own stream of it.
class Random {
  public:
    explicit Random(std::uint64_t stream);
    std::uint64_t operator()();
    /// Uniform on 0 .. bound-1.
    std::uint64_t below(std::uint64_t bound) { return (*this)() % bound; }

  private:
    std::uint64_t state_;
};

}  // namespace emulated_device
