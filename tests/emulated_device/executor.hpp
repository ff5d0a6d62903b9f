// Runs a kernel's grid: blocks one after another, the threads of a block on fibres that switch where they
// wait. Orders are random, by the seed. A barrier that not every thread reaches, or a warp operation that not
// every lane of its mask reaches, is a fault.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>

#include "device_code.hpp"
#include "fibres.hpp"
#include "limits.hpp"
#include "ready_threads.hpp"
#include "settings.hpp"
#include "shared_store.hpp"
#include "warp_groups.hpp"

namespace emulated_device {

struct Launch {
    const void* kernel;
    dim3 grid, block;
    std::size_t shared_bytes;
    std::function<void()> thread_body;
};

/// "namespace::kernel<int>", without the parameters.
const std::string& kernel_name(const void* kernel);

class Executor {
  public:
    static Executor& instance();

    void run(const Launch& launch);

    /// Whether the code of a kernel runs at this moment, and where: "; kernel k, block (0,0,0), thread
    /// (1,0,0)".
    [[nodiscard]] static bool running() { return in_kernel_ != nullptr; }
    static std::string where();

    // What the code of a kernel calls (device_code.hpp).
    int barrier(int predicate, const char* operation, const Site& site);
    const WarpValues& exchange(std::uint32_t mask, std::uint64_t value, bool orders_memory,
                               const char* operation, const Site& site);
    [[nodiscard]] unsigned lane() const { return current_ % warp_size; }
    SharedStore& shared() { return shared_; }

  private:
    struct Thread {
        uint3 index;
        Fibre* fibre;
        bool at_barrier, finished;
        const char* operation;
        Site site;
    };
    /// Addresses that stand for what orders memory, to the thread sanitizer. Blocks close in time have
    /// different ones: a block's barriers must not order it against other blocks.
    struct Order {
        std::uint64_t barrier[2], warp[max_block_threads / warp_size][2];
    };

    Executor() : fibres_(serve_threads) {}
    static void serve_threads() { instance().serve(); }
    void serve();
    void run_block(uint3 block);
    void become(unsigned thread);
    void wait(const char* operation, const Site& site);
    void complete_barrier();
    void end_thread();
    [[noreturn]] void fault_of_stuck_block() const;

    static Executor* in_kernel_;  ///< set while a thread of a kernel runs
    const Launch* launch_ = nullptr;
    unsigned threads_in_block_ = 0, live_ = 0, current_ = 0, next_ = 0;
    bool has_next_ = false;
    std::array<Thread, max_block_threads> threads_;
    std::array<std::uint32_t, max_block_threads / warp_size> exited_lanes_{};
    unsigned arrived_ = 0;
    int barrier_sum_ = 0, barrier_result_ = 0, barrier_phase_ = 0;
    Site barrier_site_;
    WarpGroups warps_;
    ReadyThreads ready_;
    SharedStore shared_;
    Fibres fibres_;
    Random random_{1};
    std::array<Order, 256> orders_{};
    Order* order_ = nullptr;
    std::size_t blocks_run_ = 0;
    std::uint64_t block_start_ = 0, grid_end_ = 0;  // the same between the host and a grid
};

}  // namespace emulated_device
