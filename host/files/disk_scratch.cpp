#include "host/files/disk_scratch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "engine/machine/memory.hpp"
#include "host/files/file_error.hpp"
#include "host/files/input_file.hpp"
#include "host/files/temporaries.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

constexpr const char* what_to_do = "free some there, give more --memory, or write to another disk";

class UnnamedFile : public ScratchFile {
  public:
    UnnamedFile(FileDescriptor descriptor, std::string folder)
        : descriptor_(std::move(descriptor)), folder_(std::move(folder)) {}

    void append(std::span<const std::byte> bytes) override {
        while (!bytes.empty()) {
            const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0)
                throw Failure(fmt::format("{}: what is counted so far cannot be kept there: {}; {}", folder_,
                                          system_reason(errno), what_to_do));
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        }
    }

    void read(std::int64_t begin, std::span<std::byte> out) const override {
        while (!out.empty()) {
            const ssize_t got = ::pread(descriptor_.get(), out.data(), out.size(), begin);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0)
                throw Failure(fmt::format("{}: what was counted so far cannot be read again: {}", folder_,
                                          got == 0 ? "the file has become shorter" : system_reason(errno)));
            out = out.subspan(static_cast<std::size_t>(got));
            begin += got;
        }
    }

  private:
    FileDescriptor descriptor_;
    std::string folder_;
};

FileDescriptor open_unnamed(const fs::path& folder) {
    int opened = -1;
    do {
        opened = ::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    } while (opened < 0 && errno == EINTR);
    return FileDescriptor(opened);
}

FileDescriptor open_and_unlink(const fs::path& folder) {
    while (true) {
        const fs::path name = temporary_file_name(folder);
        FileDescriptor file(::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!file.is_open() && (errno == EINTR || errno == EEXIST)) continue;
        if (!file.is_open()) throw_system_error(printable(folder), "written to", errno);
        ::unlink(name.c_str());
        return file;
    }
}

}  // namespace

std::unique_ptr<ScratchFile> DiskScratch::make() {
    FileDescriptor file = open_unnamed(folder_);
    if (!file.is_open()) file = open_and_unlink(folder_);
    return std::make_unique<UnnamedFile>(std::move(file), printable(folder_));
}

void DiskScratch::require(std::int64_t bytes) const {
    struct statvfs disk {};
    if (::statvfs(folder_.c_str(), &disk) != 0) return;  // writing will tell
    const std::uint64_t free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    if (static_cast<std::uint64_t>(bytes) > free)
        throw Failure(fmt::format("{}: counting will take about {} there, and {} are free; {}",
                                  printable(folder_), bytes_text(bytes),
                                  bytes_text(static_cast<std::int64_t>(free)), what_to_do));
}

}  // namespace ntpgeo
