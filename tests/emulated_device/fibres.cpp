#include "fibres.hpp"

#include <boost/context/protected_fixedsize_stack.hpp>
#include <utility>

#include "limits.hpp"
#include "sanitizers.hpp"

namespace emulated_device {
namespace {

constexpr std::size_t stack_bytes = std::size_t{sanitizer::address || sanitizer::thread ? 256 : 64} << 10;
constexpr std::size_t blocks_apart = 4;

}  // namespace

std::unique_ptr<Fibre> Fibres::make() {
    boost::context::protected_fixedsize_stack stacks(stack_bytes);
    boost::context::stack_context stack = stacks.allocate();
    // Stacks that all begin at one offset of a page would compete for one set of every cache.
    const std::size_t offset = made_++ % 64 * 256;
    stack.sp = static_cast<char*>(stack.sp) - offset;
    stack.size -= offset;
    auto fibre = std::make_unique<Fibre>();
    fibre->stack_bytes = stack.size;
    fibre->stack_bottom = static_cast<char*>(stack.sp) - stack.size;
    fibre->thread_identity = sanitizer::new_fibre();
    fibre->context =
        boost::context::fiber(std::allocator_arg, boost::context::preallocated(stack.sp, stack.size, stack),
                              stacks, [this](boost::context::fiber&& scheduler) {
                                  sanitizer::finish_switch(nullptr, &scheduler_bottom_, &scheduler_bytes_);
                                  current_->scheduler = std::move(scheduler);
                                  for (;;) {
                                      work_();
                                      leave();
                                  }
                                  return boost::context::fiber();
                              });
    return fibre;
}

Fibre& Fibres::take(unsigned thread) {
    if constexpr (sanitizer::thread) {
        const std::size_t index = block_ % blocks_apart * max_block_threads + thread;
        if (all_.empty()) all_.resize(blocks_apart * max_block_threads);
        if (all_[index] == nullptr) all_[index] = make();
        return *all_[index];
    }
    if (idle_.empty()) {
        all_.push_back(make());
        return *all_.back();
    }
    Fibre& fibre = *idle_.back();
    idle_.pop_back();
    return fibre;
}

void Fibres::give_back(Fibre& fibre) {
    if constexpr (!sanitizer::thread) idle_.push_back(&fibre);
}

void Fibres::enter(Fibre& fibre) {
    current_ = &fibre;
    void* fake_stack = nullptr;
    scheduler_identity_ = sanitizer::current_fibre();
    sanitizer::start_switch(&fake_stack, fibre.stack_bottom, fibre.stack_bytes);
    sanitizer::switch_to(fibre.thread_identity);
    fibre.context = std::move(fibre.context).resume();
    sanitizer::finish_switch(fake_stack, nullptr, nullptr);
}

void Fibres::leave() {
    Fibre& fibre = *current_;
    sanitizer::start_switch(&fibre.fake_stack, scheduler_bottom_, scheduler_bytes_);
    sanitizer::switch_to(scheduler_identity_);
    fibre.scheduler = std::move(fibre.scheduler).resume();
    sanitizer::finish_switch(fibre.fake_stack, &scheduler_bottom_, &scheduler_bytes_);
}

}  // namespace emulated_device
