// What the GPU's cases share: their sizes, how they are timed, and the yardsticks of this run.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/cuda/device_work.hpp"
#include "bench/cuda/known_problem.hpp"
#include "bench/subjects.hpp"

namespace ntpgeo::bench {

/// How much of everything.
struct Scale {
    bool smoke = false;  ///< sizes that the emulated device ends with in seconds, not those that fill a GPU
    double seconds =
        1e9;  ///< cases that begin later than this after the program's start are left out, visibly
};

void register_yardsticks(const Scale& scale);
void register_update(const Scale& scale);
void register_gpu_loss_step(const Scale& scale);
void register_thresholds(const Scale& scale);

/// The sizes of the loss step, the most important first.
std::vector<ProblemSize> loss_step_sizes(const Scale& scale);
/// Contexts on which gradients are compared: the first ones of a problem.
std::int64_t compared_contexts(const ProblemSize& size);
/// The problem of these sizes, kept until another is asked for.
const KnownProblem& known_problem(const ProblemSize& size);

/// Registers a case that is skipped, and says so, where it would begin too late. It reports the times that
/// its body sets.
template <class Body>
benchmark::internal::Benchmark* register_gpu_case(const Scale& scale, const std::string& name, Body body) {
    return register_case(name,
                         [scale, body, start = std::chrono::steady_clock::now()](benchmark::State& state) {
                             if (std::chrono::steady_clock::now() - start >
                                 std::chrono::duration<double>(scale.seconds))
                                 state.SkipWithError("skipped: out of time");
                             else
                                 body(state);
                         })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
}

inline const char* precision_name(Precision precision) {
    switch (precision) {
        case Precision::bf16:
            return "bf16";
        case Precision::bf16x3:
            return "bf16x3";
        case Precision::tf32:
            return "tf32";
        case Precision::fp32:
            return "fp32";
        case Precision::fp64:
            break;
    }
    return "fp64";
}

/// Something that was measured once in this run.
struct Measured {
    double seconds = 0;  ///< of one round, the median of several
    double rate = 0;     ///< bytes or flops a second
};

/// Median seconds of a round of `work`, in groups that take some hundredths of a second each. Checks first
/// what it computes: throws Failure where that is off by more than `precision` explains.
double seconds_of_work(DeviceWork& work, Precision precision, const Scale& scale);

/// A large copy; the rate counts bytes read plus bytes written. Measured when first asked for.
Measured copy_bandwidth(const Scale& scale);
/// A large square product; the rate counts 2·n³ flops a product, for bf16x3 as well. Measured when first
/// asked for.
Measured gemm_rate(Precision precision, const Scale& scale);

}  // namespace ntpgeo::bench
