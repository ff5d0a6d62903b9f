// Programs on ranks that the launchers of Open MPI and MPICH start.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <string>
#include <vector>

#include "tests/child_environment.hpp"
#include "tests/crash/resume.hpp"

namespace ntpgeo {

/// A launcher, and how it is told not to mind that there are more ranks than cores, and who runs it.
struct Launcher {
    std::string name;
    Arguments command;

    [[nodiscard]] Arguments start(int ranks, const Arguments& more) const {
        return command + Arguments{"-np", std::to_string(ranks)} + more;
    }
};

inline const Launcher open_mpi{"openmpi", {"mpirun.openmpi", "--bind-to", "none"}};
inline const Launcher bound{"openmpi", {"mpirun.openmpi"}};
inline const Launcher mpich{"mpich", {"mpirun.mpich"}};

class Ranks : public Resume {
  protected:
    void SetUp() override {
        for (const char* name : {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
                                 "OMPI_MCA_rmaps_base_oversubscribe"})
            ::setenv(name, "1", 1);
        ::setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 1);  // where ptrace is forbidden
        // Two of its launchers that start at once fail where both make the folder that they share.
        ::setenv("OMPI_MCA_orte_tmpdir_base", sessions_.path().c_str(), 1);
        for (const Launcher* one : {&open_mpi, &mpich})
            if (!fs::exists(fs::path(NTPGEO_BINARY).parent_path() / ("libntpgeo_" + one->name + ".so")))
                GTEST_SKIP() << "no module of " << one->name << " was built";
    }
    ScratchFolder sessions_;

    /// Runs ntpgeo on ranks.
    static ProgramResult on(const Launcher& launcher, int ranks, const Arguments& arguments) {
        return run_program(launcher.start(ranks, Arguments{NTPGEO_BINARY} + arguments));
    }
    static void run_well_on(const Launcher& launcher, int ranks, const Arguments& arguments) {
        const ProgramResult result = on(launcher, ranks, arguments);
        EXPECT_EQ(result.status, 0) << result.err;
        EXPECT_EQ(result.err, "");
    }
    /// Expects that the job failed, and that ntpgeo said one line, which says `part`; the launcher may say
    /// more.
    static void expect_one_of_ours(const ProgramResult& result, const std::string& part,
                                   const std::string& ours = "ntpgeo: ") {
        EXPECT_NE(result.status, 0);
        std::size_t lines = 0;
        for (std::size_t at = result.err.find(ours); at != std::string::npos;
             at = result.err.find(ours, at + 1))
            lines += at == 0 || result.err[at - 1] == '\n' ? 1 : 0;
        EXPECT_EQ(lines, 1U) << result.err;
        expect_contains(result.err, part);
    }
    /// A record but for its times.
    static std::string timeless(const std::string& record) {
        return std::regex_replace(record, std::regex("\"time_s\":[^,]*,"), "");
    }
    /// The processes of a run in this folder.
    [[nodiscard]] std::vector<pid_t> processes() const {
        std::vector<pid_t> found;
        for (const auto& entry : fs::directory_iterator("/proc")) {
            const std::string name = entry.path().filename();
            if (name.find_first_not_of("0123456789") != std::string::npos) continue;
            std::ifstream file(entry.path() / "cmdline");
            const std::string line((std::istreambuf_iterator<char>(file)), {});
            if (line.starts_with(NTPGEO_BINARY) && line.find(folder_.path().native()) != std::string::npos)
                found.push_back(std::stoi(name));
        }
        std::sort(found.begin(), found.end());
        return found;
    }
    [[nodiscard]] bool all_end() const {
        for (int k = 0; k < 5000 && !processes().empty(); ++k)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return processes().empty();
    }
};

}  // namespace ntpgeo
