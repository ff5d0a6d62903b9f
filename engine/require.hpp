// Checks of numbers that come from the user by way of an options struct.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/base/status.hpp"

namespace ntpgeo {

/// Throws InputError, "the WHAT must be 1 or more, not VALUE", where it is not.
inline void require_at_least_one(std::int64_t value, const std::string& what) {
    if (value < 1) throw InputError("the " + what + " must be 1 or more, not " + std::to_string(value));
}

}  // namespace ntpgeo
