// The memory of the emulated device: allocations with guards on both sides, poisoned (NaN) until written,
// which the host cannot touch: the pages are accessible only while the device works.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace emulated_device {

class Arena {
  public:
    static Arena& instance();

    /// Memory of `bytes` > 0, or null where the device has no more.
    void* allocate(std::size_t bytes);
    /// False where `start` is not the start of a live allocation.
    bool release(void* start);

    /// Whether the address belongs to the device, live or not.
    [[nodiscard]] bool contains(const void* address) const {
        return address >= base_ && address < base_ + reserved_bytes_;
    }
    /// A fault unless [start, start + bytes) lies in one live allocation; `user` is whose argument it is.
    void require(const void* start, std::size_t bytes, const std::string& user) const;
    /// Whether the address is the end of a live allocation: iterators and functors hold such.
    [[nodiscard]] bool is_end(const void* address) const;
    /// A fault if someone has written to a guard.
    void check_guards(const std::string& suspect) const;

    /// Bytes of live allocations in the page that starts there; its guards do not count.
    [[nodiscard]] std::int64_t bytes_in(const char* page_start, std::size_t page_bytes) const;

    [[nodiscard]] std::size_t used() const { return used_; }

    /// The device works from open() to the matching close().
    void open();
    void close();
    /// The pages of all live allocations, as mprotect takes it.
    void protect(int protection) const;

  private:
    struct Allocation {
        char* pages;
        std::size_t pages_bytes, bytes;
    };

    Arena();
    char* find_gap(std::size_t bytes);

    std::size_t reserved_bytes_;
    char* base_;
    std::size_t next_ = 0, used_ = 0;
    int open_ = 0;
    std::map<char*, Allocation> live_;  // by the start that the program knows
};

/// The device works as long as one of these lives.
class DeviceWorks {
  public:
    DeviceWorks() { Arena::instance().open(); }
    ~DeviceWorks() { Arena::instance().close(); }
    DeviceWorks(const DeviceWorks&) = delete;
    DeviceWorks& operator=(const DeviceWorks&) = delete;
};

}  // namespace emulated_device
