// The two ways in which anything here fails. What a user can mend in the arguments or in a file is an
// InputError (exit status 2); everything else is a Failure (exit status 1). Messages are one line: what,
// where, what would be right.
#pragma once

#include <stdexcept>
#include <string>

namespace ntpgeo {

/// The arguments or the input are wrong; the message says what, where and what would be right.
class InputError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Something went wrong that the input is not to blame for: a full disk, a library's status, a non-finite
/// loss.
class Failure : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A device has no memory left for what was asked; the message says how much that was. It goes on working.
class OutOfDeviceMemory : public Failure {
  public:
    using Failure::Failure;
};

/// A GPU that answers no call of this process any more: what was on it cannot be read.
class LostDevice : public Failure {
  public:
    using Failure::Failure;
};

}  // namespace ntpgeo
