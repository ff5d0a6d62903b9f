#include "shared_store.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <string>

#include "executor.hpp"
#include "fault.hpp"
#include "limits.hpp"
#include "sanitizers.hpp"

namespace emulated_device {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t red_zone = 64;
constexpr std::size_t max_arrays = 256;
constexpr std::size_t store_bytes =
    (max_static_shared + max_dynamic_shared + 2 * max_arrays * red_zone + page) / page * page;

void* map_at(void* address, std::size_t bytes) {
    void* const memory = mmap(address, bytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | (address != nullptr ? MAP_FIXED : 0), -1, 0);
    if (memory == MAP_FAILED) fault("no host memory for the shared memory of a block");
    return memory;
}

}  // namespace

SharedStore::SharedStore() : memory_(static_cast<char*>(map_at(nullptr, store_bytes))) {
    arrays_.reserve(max_arrays);
}

void SharedStore::reset(std::size_t dynamic_bytes) {
    // To the thread sanitizer the same bytes in another block are other memory; a new mapping tells it so.
    if constexpr (sanitizer::thread) map_at(memory_, (used_ + page) / page * page);
    sanitizer::forbid(memory_, store_bytes);
    arrays_.clear();
    used_ = red_zone;
    poison(memory_, red_zone);
    static_bytes_ = 0;
    dynamic_bytes_ = dynamic_bytes;
    if (dynamic_bytes > 0) arrays_.push_back({nullptr, take(dynamic_bytes, 16), dynamic_bytes});
}

char* SharedStore::take(std::size_t bytes, std::size_t alignment) {
    char* const start = memory_ + (used_ + alignment - 1) / alignment * alignment;
    used_ = static_cast<std::size_t>(start - memory_) + bytes + red_zone;
    poison(start, bytes + red_zone);
    sanitizer::allow(start, bytes);
    return start;
}

void* SharedStore::dynamic() {
    if (dynamic_bytes_ == 0) fault("dynamic shared memory in a launch that asked for none");
    return arrays_.front().start;
}

void* SharedStore::array(const void* tag, std::size_t bytes, std::size_t alignment) {
    for (const Array& array : arrays_)
        if (array.tag == tag) return array.start;
    static_bytes_ += bytes;
    if (static_bytes_ > max_static_shared) fault("more than 48 KiB of static shared memory");
    if (arrays_.size() == max_arrays) fault("more than 256 shared arrays");
    arrays_.push_back({tag, take(bytes, std::max<std::size_t>(alignment, 16)), bytes});
    return arrays_.back().start;
}

void SharedStore::check(const void* kernel) const {
    if constexpr (sanitizer::address) return;  // it has seen every access
    if (!intact(memory_, red_zone))
        fault("kernel " + kernel_name(kernel) + " wrote before the start of shared memory");
    for (const Array& array : arrays_)
        if (!intact(array.start + array.bytes, red_zone))
            fault("kernel " + kernel_name(kernel) + " wrote past the end of a shared array of " +
                  std::to_string(array.bytes) + " bytes");
}

}  // namespace emulated_device
