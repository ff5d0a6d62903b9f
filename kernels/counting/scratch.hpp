// Where that lies which the memory of counting does not bear.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace ntpgeo {

/// Bytes that are written once, from the beginning on, and read by their place. They are gone with it.
class ScratchFile {
  public:
    ScratchFile() = default;
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;
    virtual ~ScratchFile() = default;

    /// Throws Failure where it cannot be written: a full disk, say.
    virtual void append(std::span<const std::byte> bytes) = 0;
    virtual void read(std::int64_t begin, std::span<std::byte> out) const = 0;
};

/// Makes them.
class Scratch {
  public:
    Scratch() = default;
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    virtual ~Scratch() = default;

    virtual std::unique_ptr<ScratchFile> make() = 0;
    /// Throws Failure where there is no room for so many bytes more.
    virtual void require(std::int64_t bytes) const = 0;
};

}  // namespace ntpgeo
