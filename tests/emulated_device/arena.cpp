#include "arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "fault.hpp"
#include "sanitizers.hpp"
#include "settings.hpp"

namespace emulated_device {
namespace {

constexpr std::size_t page = 4096;
/// Protection changes around every kernel, and the system takes as long for a large page as for a small one.
constexpr std::size_t large_page = std::size_t{2} << 20;
/// As far from an allocation as poison, taken for the index of an element of up to eight bytes, leads:
/// nothing lies there.
constexpr std::size_t beyond = std::size_t{17} << 30;
constexpr std::size_t guard = 512;  // a multiple of the alignment that cudaMalloc promises

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

}  // namespace

Arena& Arena::instance() {
    static auto* const arena = new Arena;
    return *arena;
}

/// Enough addresses that freed ones rest for long; not so many that a pair of 32-bit numbers often looks like
/// one.
Arena::Arena() : reserved_bytes_(std::max(std::size_t{8} << 30, 4 * settings().memory)) {
    void* const memory = mmap(nullptr, large_page + reserved_bytes_ + beyond, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) fault("no address space for the device's memory");
    base_ = static_cast<char*>(memory);
    base_ += rounded_up(reinterpret_cast<std::uintptr_t>(base_), large_page) -
             reinterpret_cast<std::uintptr_t>(base_);
    watch_signals();
}

/// Addresses are used again as late as possible, so that a freed one stays a fault.
char* Arena::find_gap(std::size_t bytes) {
    const std::size_t alignment = bytes < large_page ? page : large_page;
    for (int attempt = 0; attempt < 2; ++attempt) {
        for (auto allocation = live_.lower_bound(base_ + next_);; ++allocation) {
            const std::size_t end = allocation == live_.end()
                                        ? reserved_bytes_
                                        : static_cast<std::size_t>(allocation->second.pages - base_);
            const std::size_t start = rounded_up(next_, alignment);
            if (start + bytes <= end) return base_ + start;
            if (allocation == live_.end()) break;
            next_ = end + allocation->second.pages_bytes;
        }
        next_ = 0;
    }
    return nullptr;
}

void* Arena::allocate(std::size_t bytes) {
    if (bytes > settings().memory || used_ + rounded_up(bytes, 256) > settings().memory) return nullptr;
    const std::size_t pages_bytes = rounded_up(guard + bytes + guard, page);
    char* const pages = find_gap(pages_bytes);
    if (pages == nullptr) return nullptr;
    next_ = static_cast<std::size_t>(pages - base_) + pages_bytes;
    mprotect(pages, pages_bytes, PROT_READ | PROT_WRITE);
    // A system without large pages is slower, and otherwise the same.
    if (pages_bytes >= large_page) madvise(pages, pages_bytes, MADV_HUGEPAGE);
    poison(pages, pages_bytes);
    sanitizer::forbid(pages, pages_bytes);
    char* const start = pages + guard;
    sanitizer::allow(start, bytes);
    if (open_ == 0) mprotect(pages, pages_bytes, PROT_NONE);
    live_[start] = {pages, pages_bytes, bytes};
    used_ += rounded_up(bytes, 256);
    return start;
}

bool Arena::release(void* start) {
    const auto found = live_.find(static_cast<char*>(start));
    if (found == live_.end()) return false;
    const Allocation& allocation = found->second;
    sanitizer::forbid(allocation.pages, allocation.pages_bytes);
    // A new mapping gives the pages back, and is new memory to the thread sanitizer.
    mmap(allocation.pages, allocation.pages_bytes, PROT_NONE,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    used_ -= rounded_up(allocation.bytes, 256);
    live_.erase(found);
    return true;
}

void Arena::require(const void* start, std::size_t bytes, const std::string& user) const {
    if (bytes == 0) return;
    if (!contains(start))
        fault(user + ": " + hexadecimal(start) + " is a host pointer; device memory is needed");
    auto* const first = static_cast<char*>(const_cast<void*>(start));
    auto allocation = live_.upper_bound(first);
    if (allocation == live_.begin() || (--allocation, first >= allocation->first + allocation->second.bytes))
        fault(user + ": " + hexadecimal(start) + " is not in live device memory");
    const std::size_t available =
        static_cast<std::size_t>(allocation->first + allocation->second.bytes - first);
    if (bytes > available)
        fault(user + ": " + std::to_string(bytes) + " bytes from " + hexadecimal(start) +
              ", where the allocation has " + std::to_string(available) + " more");
}

bool Arena::is_end(const void* address) const {
    auto allocation = live_.upper_bound(static_cast<char*>(const_cast<void*>(address)));
    return allocation != live_.begin() &&
           (--allocation, allocation->first + allocation->second.bytes == address);
}

void Arena::check_guards(const std::string& suspect) const {
    if constexpr (sanitizer::address) return;  // it has seen every access
    for (const auto& [start, allocation] : live_) {
        const bool after = !intact(start + allocation.bytes, guard);
        if (after || !intact(start - guard, guard))
            fault(suspect + " wrote " + (after ? "past the end of" : "before") + " a device allocation of " +
                  std::to_string(allocation.bytes) + " bytes");
    }
}

std::int64_t Arena::bytes_in(const char* page_start, std::size_t page_bytes) const {
    const char* const page_end = page_start + page_bytes;
    const auto next = live_.lower_bound(const_cast<char*>(page_end));
    if (next == live_.begin()) return 0;
    const auto& [start, allocation] = *std::prev(next);  // allocations share no page
    const char *const first = std::max<const char*>(start, page_start), *const end = std::min<const char*>(
                                                                            start + allocation.bytes,
                                                                            page_end);
    return std::max<std::int64_t>(0, end - first);
}

/// Neighbours change in one call.
void Arena::protect(int protection) const {
    for (auto allocation = live_.begin(); allocation != live_.end();) {
        char* const first = allocation->second.pages;
        char* end = first;
        while (allocation != live_.end() && allocation->second.pages == end) {
            end += allocation->second.pages_bytes;
            ++allocation;
        }
        mprotect(first, static_cast<std::size_t>(end - first), protection);
    }
}

void Arena::open() {
    if (open_++ == 0) protect(PROT_READ | PROT_WRITE);
}

void Arena::close() {
    if (--open_ == 0) protect(PROT_NONE);
}

}  // namespace emulated_device
