// What the benches share: the list of subjects, one file each, and the small things a measurement needs.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/machine/seconds.hpp"

namespace ntpgeo::bench {

void register_loss_step();
void register_python_peers();
void register_metrics();
void register_text();
void register_exact();

/// Runs the registered cases that the command line picks. Exit status: 0; 1 where a case failed; 2 where none
/// was picked.
int run_registered();

/// Ends a case with a message in its JSON, and the program with exit status 1: a wrong result is no timing.
void fail(benchmark::State& state, const std::string& message);

/// Registers a case whose exceptions become failures.
template <class Body>
benchmark::internal::Benchmark* register_case(const std::string& name, Body body) {
    return benchmark::RegisterBenchmark(name.c_str(), [body](benchmark::State& state) {
        try {
            body(state);
        } catch (const std::exception& error) {
            fail(state, error.what());
        }
    });
}

/// Seconds that one run of `work` takes among as many as take 30 ms, after 30 ms of them that are not
/// counted, or the only run where that takes as long. By then its threads are awake and each on a processor
/// of its own, as they are from step to step, and those of what ran before are asleep: OpenMP's look for work
/// for milliseconds after a product, on the processors that the next one needs.
template <class Work>
double seconds_in_a_burst(const Work& work) {
    constexpr double burst = 0.03;
    double before = 0;
    while (before < burst) {
        const double seconds = seconds_of(work);
        if (before == 0 && seconds >= burst) return seconds;
        before += seconds;
    }
    double seconds = 0;
    int runs = 0;
    for (; seconds < burst; ++runs) seconds += seconds_of(work);
    return seconds / runs;
}

/// The middle value, or the mean of the two; 0 of nothing.
inline double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    return 0.5 * (values[values.size() / 2] + values[(values.size() - 1) / 2]);
}

struct KeptSetup {
    std::string key;
    std::shared_ptr<void> setup;
};
KeptSetup& kept_setup();

/// What a case works on, kept from one repetition to the next. There is one at a time, so that the memory of
/// a case is free before the next one begins. `key` names type and sizes.
template <class Setup, class Make>
Setup& keep_setup(const std::string& key, Make make) {
    KeptSetup& kept = kept_setup();
    if (kept.key != key) {
        kept = {};
        kept.setup = std::shared_ptr<Setup>(make());
        kept.key = key;
    }
    return *static_cast<Setup*>(kept.setup.get());
}

}  // namespace ntpgeo::bench
