// Tells whether a module and what opens it were built of the same headers.
#pragma once

namespace ntpgeo {

/// A hash of the kernels' headers that the including file was compiled with.
inline constexpr const char* boundary_stamp =
#include "boundary_stamp.inc"
    ;

}  // namespace ntpgeo
