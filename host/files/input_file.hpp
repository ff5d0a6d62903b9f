// A file opened for reading at any place, so that large tensors go straight to where they are wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "host/files/file_descriptor.hpp"

namespace ntpgeo {

/// Opens `path` for reading, be it a file, a pipe or a device. Throws InputError, with the system's reason,
/// where it is missing, a folder or unreadable.
FileDescriptor open_for_reading(const std::filesystem::path& path);

/// A regular file of known size, kept open for its lifetime: a file renamed over it meanwhile changes nothing
/// here.
class InputFile {
  public:
    /// Throws InputError where `path` is missing, unreadable or not a regular file.
    explicit InputFile(const std::filesystem::path& path);

    /// The path as messages name it.
    [[nodiscard]] const std::string& name() const { return name_; }

    /// Bytes in the file when it was opened.
    [[nodiscard]] std::uint64_t size() const { return size_; }

    /// Fills `target` from the bytes that begin at `offset`. Throws InputError where the file ends before,
    /// Failure where the system cannot read it.
    void read(std::uint64_t offset, std::span<std::byte> target) const;

  private:
    std::string name_;
    FileDescriptor descriptor_;
    std::uint64_t size_ = 0;
};

}  // namespace ntpgeo
