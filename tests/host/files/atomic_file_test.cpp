#include "host/files/atomic_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

// Files of this process may not grow past `bytes` while it lives: the full disk that a test can have.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) {
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        struct rlimit now = before_;
        now.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &now);
    }
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    struct rlimit before_ {};
    void (*handler_)(int) = nullptr;
};

TEST(AtomicFile, AppearsOnlyAtCommit) {
    const ScratchFolder folder;
    AtomicFile file(folder / "out");
    file.write("hello ");
    file.write("world");
    EXPECT_FALSE(std::filesystem::exists(folder / "out"));
    file.commit();
    EXPECT_EQ(read_file(folder / "out"), "hello world");
    EXPECT_EQ(folder.names(), std::vector<std::string>{"out"});
}

TEST(AtomicFile, AbandonedLeavesTheOldFileAndNothingElse) {
    const ScratchFolder folder;
    write_file_atomically(folder / "out", "old");
    { AtomicFile(folder / "out").write("half of the new"); }
    EXPECT_EQ(read_file(folder / "out"), "old");
    EXPECT_EQ(folder.names(), std::vector<std::string>{"out"});
}

TEST(AtomicFile, KilledProcessLeavesTheOldFile) {
    const ScratchFolder folder;
    write_file_atomically(folder / "out", "old");
    const pid_t child = ::fork();
    if (child == 0) {
        AtomicFile file(folder / "out");
        file.write("half of the new");
        ::raise(SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(read_file(folder / "out"), "old");
    write_file_atomically(folder / "out", "new");
    EXPECT_EQ(read_file(folder / "out"), "new");
}

TEST(AtomicFile, TwoWritersOfOnePathDoNotMix) {
    const ScratchFolder folder;
    AtomicFile first(folder / "out");
    AtomicFile second(folder / "out");
    first.write("first");
    second.write("second");
    second.commit();
    first.commit();
    EXPECT_EQ(read_file(folder / "out"), "first");
}

TEST(AtomicFile, ModeHonoursTheUmask) {
    const ScratchFolder folder;
    const mode_t before = ::umask(027);
    write_file_atomically(folder / "out", "x");
    ::umask(before);
    struct stat status {};
    ASSERT_EQ(::stat((folder / "out").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0640U);
}

TEST(AtomicFile, FullDiskIsAFailureThatNamesPathAndReason) {
    const ScratchFolder folder;
    write_file_atomically(folder / "out", "old");
    const std::string message = refusal<Failure>([&] {
        const FileSizeLimit limit(1000);
        write_file_atomically(folder / "out", std::string(5000, 'x'));
    });
    expect_contains(message, (folder / "out").string());
    expect_contains(message, "File too large");
    EXPECT_EQ(read_file(folder / "out"), "old");
    EXPECT_EQ(folder.names(), std::vector<std::string>{"out"});
}

TEST(AtomicFile, PathsThatCannotBeFilesAreRefused) {
    const ScratchFolder folder;
    write_raw(folder / "file", "x");
    const auto message = [](const std::filesystem::path& path) {
        return refusal<InputError>([&] { const AtomicFile file(path); });
    };
    expect_contains(message(folder.path()), "is a folder");
    expect_contains(message(folder / "new/"), "names a folder");
    expect_contains(message(folder / "none/out"), "does not exist");
    expect_contains(message(folder / "file/out"), "Not a directory");
    expect_contains(message(folder / std::string(300, 'n')), "File name too long");
    expect_contains(message(""), "give a file's name");
    expect_contains(message("/dev/null"), "is a pipe or a device");
    EXPECT_EQ(folder.names(), std::vector<std::string>{"file"});
}

TEST(AtomicFile, LongestFileNameIsAccepted) {
    const ScratchFolder folder;
    const std::string name(255, 'n');
    write_file_atomically(folder / name, "x");
    EXPECT_EQ(read_file(folder / name), "x");
}

TEST(AtomicFile, LinkIsFollowedNotReplaced) {
    const ScratchFolder folder;
    std::filesystem::create_directory(folder / "elsewhere");
    write_raw(folder / "elsewhere/target", "old");
    std::filesystem::create_symlink("elsewhere/target", folder / "link");
    write_file_atomically(folder / "link", "new");
    EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
    EXPECT_EQ(read_file(folder / "elsewhere/target"), "new");

    std::filesystem::create_symlink("nowhere", folder / "dangling");
    expect_contains(refusal<InputError>([&] { const AtomicFile file(folder / "dangling"); }),
                    "leads nowhere");
}

TEST(AtomicFile, ControlCharactersOfAPathStayOffTheMessage) {
    const ScratchFolder folder;
    const std::string message = refusal<InputError>([&] { const AtomicFile file(folder / "a\nb/out"); });
    expect_contains(message, "a\\x0ab/out");
}

TEST(ReadFile, GivesAllBytes) {
    const ScratchFolder folder;
    std::string bytes;
    for (int i = 0; i < 300000; ++i) bytes += static_cast<char>(i * 7);
    write_raw(folder / "bytes", bytes);
    EXPECT_EQ(read_file(folder / "bytes"), bytes);
    write_raw(folder / "empty", "");
    EXPECT_EQ(read_file(folder / "empty"), "");
}

TEST(ReadFile, ReadsAPipeToItsEnd) {
    const ScratchFolder folder;
    ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
    const std::string bytes(200000, 'x');
    std::thread writer([&] { write_raw(folder / "pipe", bytes); });
    const std::string got = read_file(folder / "pipe");
    writer.join();
    EXPECT_EQ(got, bytes);
}

TEST(ReadFile, MissingFileAndFolderAreRefused) {
    const ScratchFolder folder;
    expect_contains(refusal<InputError>([&] { read_file(folder / "none"); }), "No such file or directory");
    expect_contains(refusal<InputError>([&] { read_file(folder.path()); }), "is a folder");
}

}  // namespace
}  // namespace ntpgeo
