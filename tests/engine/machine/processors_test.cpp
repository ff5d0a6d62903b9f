// The processors that a control group leaves.
#include "engine/machine/processors.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/host/files/scratch.hpp"

namespace ntpgeo {
namespace {

class Processors : public ::testing::Test {
  protected:
    void write(const std::string& file, const std::string& text) {
        const std::filesystem::path path = std::filesystem::path(root_.path()) / file;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    [[nodiscard]] int found() const { return processors_of_group(root_.path()); }
    ScratchFolder root_;
};

constexpr int none = 1000000;

TEST_F(Processors, HaveNoLimitWhereThereAreNoGroups) {
    EXPECT_EQ(found(), none);
}

TEST_F(Processors, AreWhatVersionTwoSays) {
    write("proc/self/cgroup", "0::/user.slice/job\n");
    write("sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
    EXPECT_EQ(found(), none);
    write("sys/fs/cgroup/user.slice/job/cpu.max", "350000 100000\n");
    EXPECT_EQ(found(), 4);
    write("sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n");  // the group around it
    EXPECT_EQ(found(), 2);
    write("sys/fs/cgroup/user.slice/cpu.max", "5000 100000\n");
    EXPECT_EQ(found(), 1);
}

TEST_F(Processors, AreThoseOfTheMountWhereAContainersGroupIsNotThere) {
    write("proc/self/cgroup", "0::/../../host/only\n");
    write("sys/fs/cgroup/cpu.max", "200000 100000\n");
    EXPECT_EQ(found(), 2);
}

TEST_F(Processors, AreWhatVersionOneSays) {
    write("proc/self/cgroup", "5:cpuset:/\n4:cpu,cpuacct:/job\n0::/\n");
    write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
    write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
    EXPECT_EQ(found(), none);
    write("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
    EXPECT_EQ(found(), 3);
    write("proc/self/cgroup", "5:cpuset:/job\n");  // another controller's
    EXPECT_EQ(found(), none);
}

}  // namespace
}  // namespace ntpgeo
