#include "executor.hpp"

#include <cxxabi.h>
#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>

#include "sanitizers.hpp"

namespace emulated_device {

uint3 thread_index, block_index;
dim3 block_size, grid_size;

namespace {

bool same_place(const Site& a, const Site& b) {
    return a.line() == b.line() && a.column() == b.column() &&
           (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

std::string triple(uint3 index) {
    return "(" + std::to_string(index.x) + "," + std::to_string(index.y) + "," + std::to_string(index.z) +
           ")";
}

uint3 index_in(dim3 extent, std::uint64_t linear) {
    return {static_cast<unsigned>(linear % extent.x), static_cast<unsigned>(linear / extent.x % extent.y),
            static_cast<unsigned>(linear / extent.x / extent.y)};
}

}  // namespace

const std::string& kernel_name(const void* kernel) {
    static auto* const names = new std::map<const void*, std::string>;
    const auto known = names->find(kernel);
    if (known != names->end()) return known->second;
    Dl_info symbol{};
    if (dladdr(kernel, &symbol) == 0 || symbol.dli_sname == nullptr)
        return (*names)[kernel] = "at " + hexadecimal(kernel);
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> readable(
        abi::__cxa_demangle(symbol.dli_sname, nullptr, nullptr, &status), std::free);
    std::string name = status == 0 ? readable.get() : symbol.dli_sname;
    name = name.substr(0, name.find('('));
    return (*names)[kernel] = name.starts_with("void ") ? name.substr(5) : name;
}

Executor& Executor::instance() {
    static auto* const executor = new Executor;  // never destroyed: its fibres hold stacks to the end
    return *executor;
}

Executor* Executor::in_kernel_ = nullptr;

std::string Executor::where() {
    if (!running()) return "";
    return "; kernel " + kernel_name(in_kernel_->launch_->kernel) + ", block " + triple(block_index) +
           ", thread " + triple(thread_index);
}

void Executor::run(const Launch& launch) {
    use_signal_stack();
    launch_ = &launch;
    grid_size = launch.grid;
    block_size = launch.block;
    threads_in_block_ = launch.block.x * launch.block.y * launch.block.z;
    const std::uint64_t blocks = std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
    const std::uint64_t first = random_.below(blocks);
    // Half of the grids go through their blocks in order: what neighbours do to each other must show as well.
    std::uint64_t stride = (random_() & 1) != 0 ? 1 : 1 + random_.below(blocks);
    while (std::gcd(stride, blocks) != 1) ++stride;
    for (std::uint64_t k = 0, block = first; k < blocks; ++k, block = (block + stride) % blocks)
        run_block(index_in(launch.grid, block));
    sanitizer::acquire(&grid_end_);
    launch_ = nullptr;
}

void Executor::run_block(uint3 block) {
    block_index = block;
    order_ = &orders_[blocks_run_++ % orders_.size()];
    fibres_.next_block();
    shared_.reset(launch_->shared_bytes);
    sanitizer::release(
        &block_start_);  // the scheduler never acquires anything from a block before the grid's end
    warps_.reset();
    exited_lanes_.fill(0);
    live_ = threads_in_block_;
    arrived_ = 0;
    for (unsigned i = 0; i < threads_in_block_; ++i)
        threads_[i] = {index_in(block_size, i), nullptr, false, false, "", {}};
    ready_.reset(threads_in_block_, random_);
    while (has_next_ || !ready_.empty()) {
        const unsigned thread = has_next_ ? next_ : ready_.take(random_);
        has_next_ = false;
        if (threads_[thread].fibre == nullptr) threads_[thread].fibre = &fibres_.take(thread);
        become(thread);
        in_kernel_ = this;
        fibres_.enter(*threads_[thread].fibre);
        in_kernel_ = nullptr;
    }
    if (live_ > 0) fault_of_stuck_block();
    shared_.check(launch_->kernel);
}

/// A fibre runs its thread, and then others that have not begun yet: without barriers a block needs a single
/// fibre and no switch. The thread sanitizer needs to see every thread on a fibre of its own.
void Executor::serve() {
    for (;;) {
        sanitizer::acquire(&block_start_);
        launch_->thread_body();
        sanitizer::release(&grid_end_);
        end_thread();
        Fibre* const fibre = threads_[current_].fibre;
        if (!sanitizer::thread && !ready_.empty()) {
            const unsigned thread = ready_.take(random_);
            if (threads_[thread].fibre == nullptr) {
                threads_[thread].fibre = fibre;
                become(thread);
                continue;
            }
            next_ = thread;
            has_next_ = true;
        }
        fibres_.give_back(*fibre);
        return;
    }
}

void Executor::become(unsigned thread) {
    current_ = thread;
    thread_index = threads_[thread].index;
}

void Executor::end_thread() {
    threads_[current_].finished = true;
    exited_lanes_[current_ / warp_size] |= 1u << current_ % warp_size;
    if (--live_ > 0 && arrived_ == live_) complete_barrier();
}

void Executor::wait(const char* operation, const Site& site) {
    threads_[current_].operation = operation;
    threads_[current_].site = site;
    fibres_.leave();
}

int Executor::barrier(int predicate, const char* operation, const Site& site) {
    if (arrived_ == 0) {
        barrier_site_ = site;
        barrier_sum_ = 0;
    } else if (!same_place(site, barrier_site_)) {
        fault("divergent barrier: " + std::string(operation) + " here while other threads wait at " +
                  place(barrier_site_) + ";",
              site);
    }
    barrier_sum_ += predicate;
    void* const order = &order_->barrier[barrier_phase_];
    sanitizer::release(order);
    threads_[current_].at_barrier = true;
    if (++arrived_ == live_) complete_barrier();
    wait(operation, site);
    sanitizer::acquire(order);
    return barrier_result_;
}

void Executor::complete_barrier() {
    arrived_ = 0;
    barrier_result_ = barrier_sum_;
    barrier_phase_ ^= 1;
    for (unsigned i = 0; i < threads_in_block_; ++i) {
        if (!threads_[i].at_barrier) continue;
        threads_[i].at_barrier = false;
        ready_.add(i);
    }
}

const WarpValues& Executor::exchange(std::uint32_t mask, std::uint64_t value, bool orders_memory,
                                     const char* operation, const Site& site) {
    const unsigned warp = current_ / warp_size, lane = current_ % warp_size;
    if ((mask >> lane & 1) == 0) fault(std::string(operation) + ": the lane is not in its own mask", site);
    if (const unsigned existing = threads_in_block_ - warp * warp_size; existing < warp_size)
        mask &= (1u << existing) - 1;
    if ((mask & exited_lanes_[warp]) != 0)
        fault(std::string(operation) + ": the mask names a lane that has exited", site);
    WarpGroup& group = warps_.of(warp, mask);
    if (group.arrived == 0) {
        group.operation = operation;
        group.site = site;
    } else if (std::strcmp(group.operation, operation) != 0 || !same_place(site, group.site)) {
        fault("divergent warp: " + std::string(operation) + " here while other lanes of its mask wait in " +
                  group.operation + " at " + place(group.site) + ";",
              site);
    }
    const int phase = group.phase;
    group.values[phase].of_lane[lane] = value;
    group.arrived |= 1u << lane;
    void* const order = &order_->warp[warp][phase];
    if (orders_memory) sanitizer::release(order);
    if (group.arrived == mask) {
        group.arrived = 0;
        group.phase ^= 1;
        for (unsigned i = 0; i < warp_size; ++i)
            if ((mask >> i & 1) != 0) ready_.add(warp * warp_size + i);
    }
    wait(operation, site);
    if (orders_memory) sanitizer::acquire(order);
    return group.values[phase];
}

void Executor::fault_of_stuck_block() const {
    unsigned finished = 0, waiting = 0, first = threads_in_block_;
    for (unsigned i = 0; i < threads_in_block_; ++i) {
        finished += threads_[i].finished ? 1 : 0;
        waiting += threads_[i].finished ? 0 : 1;
        if (!threads_[i].finished && first == threads_in_block_) first = i;
    }
    std::string what = "divergent barrier in kernel " + kernel_name(launch_->kernel) + ", block " +
                       triple(block_index) + ": " + std::to_string(waiting) + " threads wait for ever and " +
                       std::to_string(finished) + " have exited; thread " + triple(threads_[first].index) +
                       " waits in " + threads_[first].operation + " at " + place(threads_[first].site);
    for (unsigned i = first; i < threads_in_block_; ++i) {
        if (threads_[i].finished || same_place(threads_[i].site, threads_[first].site)) continue;
        what += ", thread " + triple(threads_[i].index) + " in " + threads_[i].operation + " at " +
                place(threads_[i].site);
        break;
    }
    fault(what);
}

int block_barrier(int predicate, const char* operation, const Site& site) {
    return Executor::instance().barrier(predicate, operation, site);
}
const WarpValues& warp_exchange(std::uint32_t mask, std::uint64_t value, const char* operation,
                                const Site& site) {
    return Executor::instance().exchange(mask, value, false, operation, site);
}
void warp_barrier(std::uint32_t mask, const Site& site) {
    Executor::instance().exchange(mask, 0, true, "__syncwarp", site);
}
void memory_fence() {
    static std::uint64_t order = 0;
    sanitizer::release(&order);
    sanitizer::acquire(&order);
}
int lane() {
    return static_cast<int>(Executor::instance().lane());
}
void* static_shared(const void* tag, std::size_t bytes, std::size_t alignment) {
    return Executor::instance().shared().array(tag, bytes, alignment);
}
void* dynamic_shared() {
    return Executor::instance().shared().dynamic();
}

}  // namespace emulated_device
