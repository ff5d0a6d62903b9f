#include "bench/cuda/predictions.hpp"

#include <fmt/format.h>

#include "bench/cuda/gpu_facts.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo::bench {
namespace {

const device::Machine* chosen = nullptr;

}  // namespace

void predict_for(const std::string& name) {
    std::string names;
    for (const device::Machine& machine : device::machines) {
        if (machine.name == name) {
            chosen = &machine;
            return;
        }
        names += fmt::format("{}{}", names.empty() ? "" : ", ", machine.name);
    }
    throw InputError(fmt::format("--predict-for: nothing is known of '{}', only of {}", name, names));
}

const device::Machine* predicted_machine() {
    static const device::Machine* const own = device::find_machine(gpu_facts().name);
    return chosen != nullptr ? chosen : own;
}

void set_prediction(benchmark::State& state, double seconds, double predicted) {
    if (predicted == 0) return;
    state.counters["predicted_ms"] = predicted * 1e3;
    state.counters["over_predicted"] = seconds / predicted;
}

double predicted_stream(double bytes) {
    const device::Machine* const machine = predicted_machine();
    return machine == nullptr ? 0 : bytes / (machine->memory_bandwidth * device::attained_memory);
}

double predicted_product(Precision precision, double flops) {
    const device::Machine* const machine = predicted_machine();
    if (machine == nullptr) return 0;
    return flops / (device::attained_products * device::products_rate(*machine, precision));
}

}  // namespace ntpgeo::bench
