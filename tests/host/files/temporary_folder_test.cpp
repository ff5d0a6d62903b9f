// Folders that appear complete, and what is left of those that never did.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "host/files/temporaries.hpp"
#include "host/run/run_folder.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

TEST(TemporaryFolder, TakesItsNameOrLeavesNothing) {
    const ScratchFolder folder;
    { const TemporaryFolder unused(folder / "run"); }
    EXPECT_TRUE(folder.names().empty());
    TemporaryFolder kept(folder / "run");
    write_raw(kept.path() / "file", "mine");
    kept.rename_to(folder / "run");
    EXPECT_EQ(folder.names(), std::vector<std::string>{"run"});
    EXPECT_THROW(TemporaryFolder(folder / "missing/run"), InputError);
}

TEST(TemporaryFolder, ASweepTakesWhatAKilledProcessLeftAndSparesWhatIsBeingMade) {
    const ScratchFolder folder;
    const pid_t child = ::fork();
    if (child == 0) {
        const TemporaryFolder half(folder / "run");
        write_raw(half.path() / "config.json", "{");
        ::_exit(0);  // no destructor runs, as after a kill
    }
    ::waitpid(child, nullptr, 0);
    ASSERT_EQ(folder.names().size(), 1U);
    write_raw(folder / ".ntpgeo-run-file", "no folder");
    fs::create_directory(folder / "ntpgeo-run-mine");
    fs::create_directory(folder / ".ntpgeo-run-1");  // the user's, as is all that is not named to the letter
    std::optional<TemporaryFolder> making(folder / "other");
    sweep_temporaries(folder.path());
    std::vector<std::string> expected = {".ntpgeo-run-file", "ntpgeo-run-mine", ".ntpgeo-run-1",
                                         making->path().filename()},
                             found = folder.names();
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, expected);
    making.reset();
    RunFolder::create(folder / "run", "{}\n");
    EXPECT_EQ(folder.names().size(), 4U);
}

}  // namespace
}  // namespace ntpgeo
