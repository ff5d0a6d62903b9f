#include "host/files/atomic_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <string>
#include <thread>

#include "host/files/temporaries.hpp"
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

mode_t mode_of(const std::filesystem::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
}

TEST(AtomicFile, HasNoNameUntilItIsWhole) {
    const ScratchFolder folder;
    {
        AtomicFile file(folder / "out");
        file.write("half");
        // Temporary folders lie on file systems that have files without names, or this test proves nothing.
        EXPECT_TRUE(folder.names().empty());
    }
    AtomicFile named(folder / "out", AtomicFile::Making::named);
    EXPECT_EQ(folder.names().size(), 1U);
}

TEST(AtomicFile, AFileThatIsReplacedHandsOnItsMode) {
    const ScratchFolder folder;
    for (const auto making : {AtomicFile::Making::unnamed, AtomicFile::Making::named}) {
        for (const mode_t mode : {0600U, 0640U, 0666U, 0200U}) {
            write_raw(folder / "out", "old");
            ASSERT_EQ(::chmod((folder / "out").c_str(), mode), 0);
            AtomicFile file(folder / "out", making);
            file.write("new");
            file.commit();
            EXPECT_EQ(mode_of(folder / "out"), mode);
            ASSERT_EQ(::chmod((folder / "out").c_str(), 0600), 0);
            EXPECT_EQ(read_file(folder / "out"), "new");
        }
    }
    std::filesystem::create_symlink("out", folder / "link");
    write_file_atomically(folder / "link", "newer");
    EXPECT_EQ(mode_of(folder / "out"), 0600U);
    EXPECT_EQ(folder.names().size(), 2U);
}

TEST(AtomicFile, AWriteProtectedFileIsNotReplaced) {
    const ScratchFolder folder;
    write_raw(folder / "out", "mine");
    std::filesystem::create_symlink("out", folder / "link");
    ASSERT_EQ(::chmod((folder / "out").c_str(), 0444), 0);
    for (const char* name : {"out", "link"})
        for (const auto making : {AtomicFile::Making::unnamed, AtomicFile::Making::named})
            expect_contains(refusal<InputError>([&] { const AtomicFile file(folder / name, making); }),
                            "0444");
    EXPECT_EQ(read_file(folder / "out"), "mine");
    EXPECT_EQ(mode_of(folder / "out"), 0444U);
    EXPECT_EQ(folder.names().size(), 2U);
}

TEST(AtomicFile, TakesAFreePlaceOnlyOnce) {
    const ScratchFolder folder;
    for (const auto making : {AtomicFile::Making::unnamed, AtomicFile::Making::named}) {
        std::filesystem::remove(folder / "out");
        AtomicFile first(folder / "out", making), second(folder / "out", making);
        first.write("first");
        second.write("second");
        EXPECT_TRUE(first.commit_new());
        EXPECT_FALSE(second.commit_new());
        EXPECT_EQ(read_file(folder / "out"), "first");
    }
    EXPECT_EQ(folder.names(), std::vector<std::string>{"out"});
}

TEST(AtomicFile, TheNextOneSweepsWhatAKilledProcessLeftAndSparesTheRest) {
    const ScratchFolder folder;
    const std::filesystem::path deep = folder / "deep";
    std::filesystem::create_directory(deep);
    const pid_t child = ::fork();
    if (child == 0) {
        AtomicFile file(deep / "out", AtomicFile::Making::named);
        file.write("half");
        ::raise(SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    // A process that lives, a name that is not ours, and a file that is at work.
    const std::string living = ".ntpgeo-" + std::to_string(::getppid()) + "-0.tmp";
    write_raw(deep / living, "x");
    write_raw(deep / ".ntpgeo-notes.tmp", "mine");
    const auto names = [&] {
        std::set<std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(deep))
            found.insert(entry.path().filename());
        return found;
    };
    ASSERT_EQ(names().size(), 3U);
    AtomicFile working(deep / "a", AtomicFile::Making::named);
    const std::set<std::string> swept = names();
    EXPECT_EQ(swept.size(), 3U);
    EXPECT_TRUE(swept.contains(living) && swept.contains(".ntpgeo-notes.tmp"));
    sweep_temporaries(deep);
    EXPECT_EQ(names(), swept);
    working.write("whole");
    working.commit();
    EXPECT_EQ(names(), (std::set<std::string>{"a", living, ".ntpgeo-notes.tmp"}));
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
