// The program as MPI's launchers start it, a rank a GPU: MPI between the hosts, sockets in NCCL's place
// between emulated GPUs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/ranks/ranks_fixture.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class MpiGpus : public Ranks {
  protected:
    void SetUp() override {
        Ranks::SetUp();
        ::setenv("OMP_NUM_THREADS", "1", 1);
        see(3);
        data_ = make_tiny_dataset(folder_);
    }
    void TearDown() override {
        for (const char* name : {"OMP_NUM_THREADS", "EMULATED_DEVICE_COUNT"}) ::unsetenv(name);
    }
    /// What every rank sees of its machine.
    static void see(int gpus) { ::setenv("EMULATED_DEVICE_COUNT", std::to_string(gpus).c_str(), 1); }

    [[nodiscard]] Arguments train(const char* name, const Arguments& more) const {
        return Arguments{"train", data_, "-o", folder_ / name, "--dim", "4", "--metrics-every", "5"} + more;
    }
    [[nodiscard]] std::string log(const char* name) const { return read_file(folder_ / name / "log.txt"); }

    std::string data_;
};

TEST_F(MpiGpus, HaveTheBitsOfOneGpuAndGoOnWithAnyNumber) {
    run_well(train("alone", {"--precision", "bf16", "--device", "cuda", "--shards", "16", "--steps", "30"}));
    run_well_on(open_mpi, 3, train("run", {"--precision", "bf16", "--device", "cuda", "--steps", "10"}));
    expect_contains(read_file(folder_ / "run/config.json"), "\"device\": \"cuda:0\"");
    run_well_on(mpich, 2, {"train", "-o", folder_ / "run", "--resume", "--steps", "20"});
    run_well({"train", "-o", folder_ / "run", "--resume", "--steps", "30"});
    expect_same_run(folder_ / "run", folder_ / "alone");
}

TEST_F(MpiGpus, LimitAndAnalyzeHaveThemToo) {
    run_well({"limit", data_, "-o", folder_ / "alone", "--device", "cuda", "--shards", "7"});
    run_well_on(mpich, 2, {"limit", data_, "-o", folder_ / "limit", "--device", "cuda", "--shards", "7"});
    expect_same_run(folder_ / "limit", folder_ / "alone");
    run_well(train("run", {"--device", "cuda", "--steps", "10"}));
    const Arguments analyze{"analyze", folder_ / "run", "--device", "cuda", "--shards", "7"};
    EXPECT_EQ(timeless(on(open_mpi, 2, analyze).out), timeless(run_quickly(analyze).out));
}

TEST_F(MpiGpus, AreThoseThatEachIsShown) {
    // As Slurm's --gpus-per-task: one, a different one each.
    const Arguments shell{"sh", "-c",
                          "EMULATED_DEVICE_FIRST=${PMI_RANK:-$OMPI_COMM_WORLD_RANK} exec \"$0\" \"$@\"",
                          NTPGEO_BINARY};
    see(1);
    const ProgramResult result =
        run_program(mpich.start(2, shell + train("run", {"--device", "cuda", "--steps", "5"})));
    EXPECT_EQ(result.status, 0) << result.err;
    // The same one.
    const ProgramResult shared = on(mpich, 2, train("new", {"--device", "cuda"}));
    EXPECT_EQ(shared.status, 2);
    expect_one_of_ours(shared,
                       "device: 'cuda' needs a GPU for each rank, and ranks 0 and 1 see the same one");
    see(2);
    const ProgramResult few = on(open_mpi, 3, train("new", {"--device", "cuda"}));
    EXPECT_EQ(few.status, 2);
    expect_one_of_ours(few, "and rank 2 is number 2 of a machine with 2");
    EXPECT_FALSE(fs::exists(folder_ / "new"));
    // By default they take the CPU then, and say why.
    run_well_on(open_mpi, 3, train("cpu", {"--steps", "5"}));
    expect_contains(log("cpu"),
                    "16 shards on 3 ranks; no GPU for each: rank 2 is number 2 of a machine with 2");
    run_well_on(open_mpi, 2, train("gpus", {"--steps", "5"}));
    expect_contains(read_file(folder_ / "gpus/config.json"), "\"device\": \"cuda:0\"");
}

TEST_F(MpiGpus, ADeadOneEndsAll) {
    const ProgramResult result = run_program(mpich.start(
        2, Arguments{"sh", "-c", "EMULATED_DEVICE_CALLS=$((600 + 100000 * PMI_RANK)) exec \"$0\" \"$@\"",
                     NTPGEO_BINARY} +
               train("run", {"--device", "cuda", "--steps", "1000"})));
    expect_one_of_ours(result, "the GPU");
    EXPECT_TRUE(all_end());
}

}  // namespace
}  // namespace ntpgeo
