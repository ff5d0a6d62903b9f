// ntpgeo_gpu_bench [--smoke] [--seconds N] [Google Benchmark's options]: the benches of the CUDA backend.
// ntpgeo_gpu_bench --facts: the GPU and its driver as one line of JSON; `devices` 0 and `why` where there is
// none. ntpgeo_gpu_bench [--smoke] --write-problems FOLDER: the data for the peers' scripts.
// --smoke takes sizes that the emulated device ends with in seconds; --seconds leaves out cases that begin
// later; --predict-for NAME predicts as for an H100, H200 or A100 (the GPU's own figures).
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/cuda/cases.hpp"
#include "bench/cuda/gpu_facts.hpp"
#include "bench/cuda/peer_problems.hpp"
#include "bench/cuda/predictions.hpp"
#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"

namespace {

using namespace ntpgeo;
using namespace ntpgeo::bench;

nlohmann::ordered_json facts_as_json(const CudaAvailability& cuda) {
    if (cuda.devices == 0) return {{"devices", 0}, {"why", cuda.why_none}};
    const GpuFacts facts = gpu_facts();
    return {{"devices", cuda.devices},
            {"gpu", facts.name},
            {"compute_capability", facts.compute_capability},
            {"multiprocessors", facts.multiprocessors},
            {"memory_bytes", facts.memory},
            {"driver_cuda", facts.driver_cuda},
            {"runtime_cuda", facts.runtime},
            {"cublas", facts.cublas},
            {"no_epilogue_kernel", make_cuda_backend(0)->why_not(LossKernel::epilogue, Precision::bf16)}};
}

double seconds_from(const char* text) {
    char* end = nullptr;
    const double seconds = std::strtod(text, &end);
    if (end == text || *end != '\0' || !(seconds > 0))
        throw InputError(std::string("--seconds: '") + text + "' is not a number above 0");
    return seconds;
}

int run(std::vector<char*> arguments) {
    Scale scale;
    bool facts = false;
    std::string problems;
    std::vector<char*> others{arguments[0]};
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        const std::string argument = arguments[i];
        const bool takes_value =
            argument == "--seconds" || argument == "--write-problems" || argument == "--predict-for";
        if (takes_value && i + 1 == arguments.size()) throw InputError(argument + " needs a value");
        if (argument == "--smoke")
            scale.smoke = true;
        else if (argument == "--facts")
            facts = true;
        else if (argument == "--seconds")
            scale.seconds = seconds_from(arguments[++i]);
        else if (argument == "--predict-for")
            predict_for(arguments[++i]);
        else if (argument == "--write-problems")
            problems = arguments[++i];
        else
            others.push_back(arguments[i]);
    }
    int count = static_cast<int>(others.size());
    benchmark::Initialize(&count, others.data());
    if (benchmark::ReportUnrecognizedArguments(count, others.data())) return 2;

    const CudaAvailability cuda = cuda_availability();
    if (facts) {
        std::printf("%s\n", facts_as_json(cuda).dump().c_str());
        return 0;
    }
    if (cuda.devices == 0) {
        std::fprintf(stderr, "ntpgeo_gpu_bench: skipped, no GPU: %s\n", cuda.why_none.c_str());
        return 77;
    }
    if (!problems.empty()) {
        write_peer_problems(problems, scale);
        return 0;
    }
    const nlohmann::ordered_json about = facts_as_json(cuda);
    for (const auto& [key, value] : about.items())
        benchmark::AddCustomContext(key, value.is_string() ? value.get<std::string>() : value.dump());
    const device::Machine* const machine = predicted_machine();
    benchmark::AddCustomContext("predicted_for", machine == nullptr ? "" : std::string(machine->name));
    register_yardsticks(scale);
    register_update(scale);
    register_gpu_loss_step(scale);
    register_thresholds(scale);
    return run_registered();
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(std::vector<char*>(argv, argv + argc));
    } catch (const InputError& error) {
        std::fprintf(stderr, "ntpgeo_gpu_bench: %s\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "ntpgeo_gpu_bench: %s\n", error.what());
        return 1;
    }
}
