// The shared memory of the block that runs: poisoned at its start, red zones between its arrays.
#pragma once

#include <cstddef>
#include <vector>

namespace emulated_device {

class SharedStore {
  public:
    SharedStore();

    /// A new block with this much dynamic shared memory.
    void reset(std::size_t dynamic_bytes);
    void* dynamic();
    /// The static array that `tag` names, made at its first use in a block.
    void* array(const void* tag, std::size_t bytes, std::size_t alignment);
    /// A fault if a red zone has been written to.
    void check(const void* kernel) const;

  private:
    struct Array {
        const void* tag;
        char* start;
        std::size_t bytes;
    };
    char* take(std::size_t bytes, std::size_t alignment);

    char* memory_;
    std::size_t used_ = 0, static_bytes_ = 0, dynamic_bytes_ = 0;
    std::vector<Array> arrays_;
};

}  // namespace emulated_device
