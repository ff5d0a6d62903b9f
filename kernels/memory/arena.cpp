#include "kernels/memory/arena.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ntpgeo {

Arena::Arena(Memory& memory, std::int64_t bytes) : memory_(memory), block_(memory, rounded(bytes)) {
    free_[0] = block_.bytes();
}

// The first place that has room.
void* Arena::allocate(std::int64_t bytes) {
    const std::int64_t size = rounded(bytes);
    const auto found =
        std::find_if(free_.begin(), free_.end(), [&](const auto& range) { return range.second >= size; });
    if (found == free_.end()) return memory_.allocate(bytes);
    const auto [place, room] = *found;
    taken_[place] = size;
    free_.erase(found);
    if (room > size) free_[place + size] = room - size;
    return block_.as<char>() + place;
}

void Arena::release(void* memory) noexcept {
    const auto range = taken_.find(static_cast<char*>(memory) - block_.as<char>());
    if (range == taken_.end()) return memory_.release(memory);
    // Nothing of this allocates.
    auto here = free_.insert(taken_.extract(range)).position;
    const auto next = std::next(here);
    if (next != free_.end() && here->first + here->second == next->first) {
        here->second += next->second;
        free_.erase(next);
    }
    if (here == free_.begin()) return;
    const auto before = std::prev(here);
    if (before->first + before->second == here->first) {
        before->second += here->second;
        free_.erase(here);
    }
}

}  // namespace ntpgeo
