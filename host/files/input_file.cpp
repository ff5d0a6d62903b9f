#include "host/files/input_file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>

#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"
#include "kernels/base/stored.hpp"

namespace ntpgeo {
namespace {

struct stat status_of(const FileDescriptor& descriptor, const std::string& name) {
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0) {
        throw Failure(fmt::format("{}: cannot be examined: {}", name, system_reason(errno)));
    }
    return status;
}

}  // namespace

FileDescriptor open_for_reading(const std::filesystem::path& path) {
    const std::string name = printable(path);
    int opened = -1;
    do {
        opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    } while (opened < 0 && errno == EINTR);
    FileDescriptor descriptor(opened);
    if (!descriptor.is_open()) {
        throw InputError(fmt::format("{}: cannot be opened: {}", name, system_reason(errno)));
    }
    if (S_ISDIR(status_of(descriptor, name).st_mode)) {
        throw InputError(fmt::format("{}: is a folder; a file is needed", name));
    }
    return descriptor;
}

InputFile::InputFile(const std::filesystem::path& path)
    : name_(printable(path)), descriptor_(open_for_reading(path)) {
    const struct stat status = status_of(descriptor_, name_);
    if (!S_ISREG(status.st_mode)) {
        throw InputError(fmt::format("{}: is a pipe or a device; a regular file is needed", name_));
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
}

void InputFile::read(std::uint64_t offset, std::span<std::byte> target) const {
    while (!target.empty()) {
        const ssize_t got =
            ::pread(descriptor_.get(), target.data(), target.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            throw Failure(
                fmt::format("{}: cannot be read at byte {}: {}", name_, offset, system_reason(errno)));
        }
        if (got == 0) {
            throw InputError(fmt::format("{}: truncated: it ends at byte {}, {} bytes short", name_, offset,
                                         target.size()));
        }
        offset += static_cast<std::uint64_t>(got);
        target = target.subspan(static_cast<std::size_t>(got));
    }
}

namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian and read in place");

double from_single(float value) {
    return static_cast<double>(value);
}

template <class Stored, class Convert>
void widen(std::span<const std::byte> source, double* target, Convert convert) {
    const std::size_t count = source.size() / sizeof(Stored);
    for (std::size_t i = 0; i < count; ++i) {
        Stored stored;
        std::memcpy(&stored, source.data() + i * sizeof(Stored), sizeof(Stored));
        target[i] = convert(stored);
    }
}

}  // namespace

void swap_bytes(std::span<std::byte> bytes, std::size_t size) {
    for (std::size_t begin = 0; begin < bytes.size(); begin += size) {
        std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                     bytes.begin() + static_cast<std::ptrdiff_t>(begin + size));
    }
}

std::size_t size_of(FloatFormat format) {
    switch (format) {
        case FloatFormat::f16:
        case FloatFormat::bf16:
            return 2;
        case FloatFormat::f32:
            return 4;
        case FloatFormat::f64:
            break;
    }
    return 8;
}

std::vector<double> read_widened(const InputFile& file, std::uint64_t offset, std::size_t count,
                                 FloatFormat format, std::endian order) {
    const bool swapped = order != std::endian::native;
    std::vector<double> values(count);
    if (format == FloatFormat::f64) {
        const std::span<std::byte> bytes = std::as_writable_bytes(std::span(values));
        file.read(offset, bytes);
        if (swapped) swap_bytes(bytes, sizeof(double));
        return values;
    }
    constexpr std::size_t block = 1 << 18;
    const std::size_t size = size_of(format);
    std::vector<std::byte> buffer(std::min(count, block) * size);
    for (std::size_t begin = 0; begin < count; begin += block) {
        const std::span<std::byte> bytes = std::span(buffer).first(std::min(block, count - begin) * size);
        file.read(offset + begin * size, bytes);
        if (swapped) swap_bytes(bytes, size);
        double* target = values.data() + begin;
        if (format == FloatFormat::f16) widen<std::uint16_t>(bytes, target, widened_fp16);
        if (format == FloatFormat::bf16) widen<std::uint16_t>(bytes, target, widened_bf16);
        if (format == FloatFormat::f32) widen<float>(bytes, target, from_single);
    }
    return values;
}

}  // namespace ntpgeo
