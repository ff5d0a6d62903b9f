// Numbers on any backend whose surroundings are watched.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace ntpgeo {

/// Memory that nobody may touch while this is closed. Under the address sanitizer a number that is read there
/// shows even where nothing makes use of it; without it this is nothing.
class Fence {
  public:
    Fence(void* begin, std::int64_t bytes) : begin_(begin), bytes_(static_cast<std::size_t>(bytes)) {
        close();
    }
    Fence(Fence&& other) noexcept : begin_(std::exchange(other.begin_, nullptr)), bytes_(other.bytes_) {}
    Fence& operator=(Fence&&) = delete;
    ~Fence() { open(); }

#ifdef __SANITIZE_ADDRESS__
    void close() const {
        __asan_poison_memory_region(begin_, begin_ ? bytes_ : 0);
    }
    void open() const {
        __asan_unpoison_memory_region(begin_, begin_ ? bytes_ : 0);
    }
#else
    void close() const {}
    void open() const {}
#endif

  private:
    void* begin_;
    std::size_t bytes_;
};

/// Numbers on a backend with sentinels on both sides. `offset` elements push them off their 16-byte boundary.
class Guarded {
  public:
    Guarded(Backend& backend, Real real, const std::vector<double>& values, std::int64_t offset = 0)
        : backend_(backend),
          real_(real),
          size_(static_cast<std::int64_t>(values.size())),
          before_(margin + offset),
          memory_(backend, (before_ + size_ + margin) * bytes_of(real)),
          ahead_(memory_.data(), before_ * bytes_of(real)),
          behind_(memory_.as<char>() + (before_ + size_) * bytes_of(real), margin * bytes_of(real)) {
        write(values);
    }
    /// Every element NaN: one that an operation does not write shows.
    static Guarded poisoned(Backend& backend, Real real, std::int64_t size, std::int64_t offset = 0) {
        return {backend, real, nans(size), offset};
    }
    void poison() { write(nans(size_)); }
    /// Other numbers in the same memory.
    void write(const std::vector<double>& values) {
        open();
        with_real(real_, [&]<class T>(T) {
            std::vector<T> all(static_cast<std::size_t>(before_ + size_ + margin), sentinel<T>());
            for (std::int64_t i = 0; i < size_; ++i) all[before_ + i] = static_cast<T>(values[i]);
            backend_.upload(all.data(), memory_.data(), memory_.bytes());
        });
        close();
    }

    [[nodiscard]] Vector vector() const { return memory_.vector(real_, size_, before_); }
    /// From element `begin` on.
    [[nodiscard]] Matrix matrix(std::int64_t rows, std::int64_t columns, std::int64_t begin = 0) const {
        return memory_.matrix(real_, rows, columns, before_ + begin);
    }
    [[nodiscard]] const double* data() const { return vector().as<double>(); }

    /// The numbers; expects the sentinels as they were.
    [[nodiscard]] std::vector<double> read() const {
        return with_real(real_, [&]<class T>(T) {
            open();
            const auto all = download_array<T>(backend_, memory_.data(), before_ + size_ + margin);
            close();
            const T untouched = sentinel<T>();
            for (std::int64_t i = 0; i < before_ + size_ + margin; ++i) {
                if (i == before_) i += size_;
                EXPECT_EQ(std::memcmp(&all[i], &untouched, sizeof(T)), 0)
                    << "written outside, at element " << i - before_;
            }
            return std::vector<double>(all.begin() + before_, all.begin() + before_ + size_);
        });
    }

  private:
    static constexpr std::int64_t margin = 16;

    static std::vector<double> nans(std::int64_t size) {
        return std::vector<double>(static_cast<std::size_t>(size), std::numeric_limits<double>::quiet_NaN());
    }
    /// A signalling NaN: whatever is computed from it, be it x + 0, has other bits.
    template <class T>
    static T sentinel() {
        return std::numeric_limits<T>::signaling_NaN();
    }

    void close() const {
        ahead_.close();
        behind_.close();
    }
    void open() const {
        ahead_.open();
        behind_.open();
    }

    Backend& backend_;
    Real real_;
    std::int64_t size_, before_;
    Array memory_;
    Fence ahead_, behind_;
};

}  // namespace ntpgeo
