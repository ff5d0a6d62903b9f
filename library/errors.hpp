// How failures leave the library: a status, and a text of the calling thread.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>

#include "kernels/base/status.hpp"
#include "library/ntpgeo.h"

namespace ntpgeo {

/// A callback asked for the end.
class Stopped : public std::exception {
  public:
    [[nodiscard]] const char* what() const noexcept override { return "stopped by the caller"; }
};

/// Of the exception that is being handled, whose text becomes the thread's.
int status_of_exception() noexcept;

/// Sets the thread's text; returns NTPGEO_STOPPED.
int stopped(const std::string& text);

/// Runs `body`, which returns a status or nothing; what it throws becomes a status and a text.
template <class Body>
int guarded(const Body& body) noexcept {
    try {
        if constexpr (std::is_same_v<decltype(body()), int>) return body();
        body();
        return NTPGEO_OK;
    } catch (...) {
        return status_of_exception();
    }
}

/// Throws InputError where an argument that must not be NULL is.
inline void require(const void* argument, const char* name) {
    if (argument == nullptr) throw InputError(fmt::format("{}: is NULL", name));
}

/// Throws InputError where a caller's structure is smaller than the first version of it.
inline void require_size(std::size_t size, std::size_t least, const char* name) {
    if (size < least)
        throw InputError(
            fmt::format("{}: its size is {}; set it to sizeof({}), {} here", name, size, name, least));
}

}  // namespace ntpgeo
