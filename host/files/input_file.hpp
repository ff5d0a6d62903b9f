// Files opened for reading at any place, so that large tensors go straight to where they are wanted, and the
// floating-point numbers in them, widened to double without loss.
#pragma once

#include <unistd.h>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ntpgeo {

/// Owns one file descriptor; -1 stands for none.
class FileDescriptor {
  public:
    FileDescriptor() = default;
    explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
    FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;
    ~FileDescriptor() { close(); }

    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
    [[nodiscard]] int get() const { return descriptor_; }

    /// Closes at once; returns what close(2) returned (0 where nothing was open), with errno set.
    int close() {
        const int descriptor = std::exchange(descriptor_, -1);
        return descriptor < 0 ? 0 : ::close(descriptor);
    }

  private:
    int descriptor_ = -1;
};

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

/// Turns numbers of `size` bytes each from one byte order to the other.
void swap_bytes(std::span<std::byte> bytes, std::size_t size);

/// The formats that a matrix may come in: IEEE half, bfloat16, single, double.
enum class FloatFormat { f16, bf16, f32, f64 };

/// Bytes of one number.
std::size_t size_of(FloatFormat format);

/// `count` numbers, each with its bytes in `order`, that begin at byte `offset` of `file`,
/// converted to double exactly (infinities and NaN stay what they are). The range must lie in the file, or
/// InputError is thrown as by InputFile::read.
std::vector<double> read_widened(const InputFile& file, std::uint64_t offset, std::size_t count,
                                 FloatFormat format, std::endian order = std::endian::little);

}  // namespace ntpgeo
