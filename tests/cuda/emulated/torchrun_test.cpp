// The program as torchrun starts it, a rank a GPU, on the emulated device and over sockets in NCCL's place.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/child_environment.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

class Torchrun : public testing::Test {
  protected:
    void SetUp() override { data_ = make_tiny_dataset(scratch_); }

    /// What each rank of `ranks` says, of as many GPUs on this machine.
    static std::vector<ProgramResult> start(int ranks, const Arguments& arguments, const char* gpus = "3") {
        std::vector<ProgramResult> results(static_cast<std::size_t>(ranks));
        std::vector<std::thread> threads;
        for (int rank = 0; rank < ranks; ++rank)
            threads.emplace_back([&, rank] {
                const std::string number = std::to_string(rank);
                results[static_cast<std::size_t>(rank)] =
                    run_program(Arguments{"env", "RANK=" + number, "LOCAL_RANK=" + number,
                                          "WORLD_SIZE=" + std::to_string(ranks), "MASTER_ADDR=here",
                                          "MASTER_PORT=1234", "OMP_NUM_THREADS=1",
                                          std::string("EMULATED_DEVICE_COUNT=") + gpus, NTPGEO_BINARY} +
                                arguments);
            });
        for (std::thread& thread : threads) thread.join();
        return results;
    }
    static void start_well(int ranks, const Arguments& arguments) {
        for (const ProgramResult& result : start(ranks, arguments)) {
            EXPECT_EQ(result.status, 0) << result.err;
            EXPECT_EQ(result.err, "");
        }
    }
    [[nodiscard]] Arguments train(const char* name, const Arguments& more) const {
        return Arguments{"train", data_,         "-o",   scratch_ / name,   "--dim",
                         "4",     "--precision", "bf16", "--metrics-every", "5"} +
               more;
    }

    ScratchFolder scratch_;
    std::string data_;
};

TEST_F(Torchrun, HasTheBitsOfOneGpuAndGoesOnWithAnyNumber) {
    run_well(train("alone", {"--device", "cuda", "--shards", "16", "--steps", "30"}));
    start_well(2, train("run", {"--device", "cuda", "--steps", "10"}));
    const std::string run = scratch_ / "run";
    EXPECT_FALSE(fs::exists(run + ".ranks"));
    expect_contains(read_file(run + "/config.json"), "\"device\": \"cuda:0\"");
    expect_contains(read_file(run + "/log.txt"), "16 shards on 2 ranks");
    start_well(3, {"train", "-o", run, "--resume", "--steps", "20"});
    run_well({"train", "-o", run, "--resume", "--steps", "30"});
    expect_same_run(run, scratch_ / "alone");
}

TEST_F(Torchrun, LimitAndPathHaveThemToo) {
    for (const Arguments& verb :
         {Arguments{"limit", data_}, Arguments{"path", data_, "--lambda", "1e-1:1e-2:1"}}) {
        const std::string alone = scratch_ / (verb[0] + "-alone"), run = scratch_ / verb[0];
        run_well(verb + Arguments{"-o", alone, "--device", "cuda", "--shards", "7"});
        start_well(2, verb + Arguments{"-o", run, "--device", "cuda", "--shards", "7"});
        expect_contains(read_file(run + "/log.txt"), "7 shards on 2 ranks");
        expect_same_run(run, alone);
    }
}

TEST_F(Torchrun, WhatIsWrongIsOneLine) {
    const auto refused = [](const std::vector<ProgramResult>& results, const std::string& said) {
        std::string lines;
        for (const ProgramResult& result : results) {
            EXPECT_EQ(result.status, 2) << result.err;
            lines += result.err;
        }
        EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1) << lines;
        expect_contains(lines, said);
    };
    refused(start(2, train("new", {"--device", "cpu"})),
            "device: torchrun connects GPUs; on CPUs start the ranks by mpirun");
    refused(start(2, train("new", {}), "0"), "torchrun connects GPUs, and there is none here");
    refused(start(2, {"analyze", "--data", data_, "-o", scratch_ / "new"}),
            "torchrun connects GPUs, on which train, limit and path have ranks");
    refused(start(2, {"data", "info", data_}), "data info: runs in one process, and torchrun has started 2");
    // The first one waits in vain for a rank that has no GPU; torchrun would end it.
    const std::vector<ProgramResult> results = [&] {
        std::vector<ProgramResult> of_second(1);
        of_second[0] =
            run_program(Arguments{"env", "RANK=1", "LOCAL_RANK=1", "WORLD_SIZE=2", "MASTER_ADDR=here",
                                  "MASTER_PORT=1234", "EMULATED_DEVICE_COUNT=1", NTPGEO_BINARY} +
                        train("new", {}));
        return of_second;
    }();
    refused(results, "torchrun has started rank 1 as number 1 of a machine with 1 GPU: each rank takes one");
    // And for one whose file never comes.
    const ProgramResult late =
        run_program(Arguments{"env", "RANK=1", "LOCAL_RANK=1", "WORLD_SIZE=2", "MASTER_ADDR=here",
                              "MASTER_PORT=1234", "EMULATED_DEVICE_COUNT=2", NTPGEO_BINARY} +
                    train("new", {"--rank-timeout", "0.3"}));
    EXPECT_EQ(late.status, 1);
    EXPECT_FALSE(fs::exists(scratch_ / "new"));
}

}  // namespace
}  // namespace ntpgeo
