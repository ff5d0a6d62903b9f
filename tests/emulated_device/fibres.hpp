// Stacks on which the threads of a kernel run, one at a time. They are made once and serve one thread after
// another.
#pragma once

#include <boost/context/fiber.hpp>
#include <cstddef>
#include <memory>
#include <vector>

namespace emulated_device {

struct Fibre {
    boost::context::fiber context;    ///< where it stands while it does not run
    boost::context::fiber scheduler;  ///< where to go when it leaves
    const void* stack_bottom = nullptr;
    std::size_t stack_bytes = 0;
    void* fake_stack = nullptr;       ///< address sanitizer's
    void* thread_identity = nullptr;  ///< thread sanitizer's
};

/// All fibres of the process. `work` is what a fibre does each time it is taken; when it returns the fibre
/// leaves.
class Fibres {
  public:
    explicit Fibres(void (*work)()) : work_(work) {}

    /// A fibre that no thread holds. Under the thread sanitizer each thread of a block has its own, and four
    /// blocks in a row share none: reuse would order them, or show as races on the stacks.
    Fibre& take(unsigned thread);
    /// The fibre serves no thread any more.
    void give_back(Fibre& fibre);
    /// A new block begins; all fibres have been given back.
    void next_block() { ++block_; }

    /// Scheduler to fibre; returns when the fibre leaves.
    void enter(Fibre& fibre);
    /// The running fibre to its scheduler; returns when it is entered again.
    void leave();

  private:
    std::unique_ptr<Fibre> make();

    void (*work_)();
    std::vector<std::unique_ptr<Fibre>> all_;
    std::vector<Fibre*> idle_;
    std::size_t block_ = 0, made_ = 0;
    Fibre* current_ = nullptr;
    const void* scheduler_bottom_ = nullptr;
    std::size_t scheduler_bytes_ = 0;
    void* scheduler_identity_ = nullptr;
};

}  // namespace emulated_device
