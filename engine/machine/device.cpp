#include "engine/machine/device.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <mutex>
#include <string_view>

#include "engine/machine/processors.hpp"
#include "engine/settings/parse_number.hpp"
#include "engine/settings/setting.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::string_view cuda_prefix = "cuda:";

[[noreturn]] void refuse_unknown(const std::string& name) {
    throw InputError(fmt::format("device: '{}' is unknown; use auto, cpu or cuda[:i]", shown(name)));
}

/// i of "cuda:i"; 0 for "cuda".
int cuda_index(const std::string& name) {
    if (name == "cuda") return 0;
    if (!name.starts_with(cuda_prefix)) refuse_unknown(name);
    int index = -1;
    if (!parse_number(std::string_view(name).substr(cuda_prefix.size()), index) || index < 0)
        refuse_unknown(name);
    return index;
}

/// With these set cuBLAS rounds otherwise than in the precision that it is asked for, whatever the mode of
/// its handle: fp32 is no longer fp32, and certificates count on IEEE fp64 products.
void require_the_asked_arithmetic() {
    for (const char* const name : {"NVIDIA_TF32_OVERRIDE", "CUBLAS_EMULATE_SINGLE_PRECISION",
                                   "CUBLAS_EMULATE_DOUBLE_PRECISION", "CUBLAS_EMULATION_STRATEGY"}) {
        const char* const value = std::getenv(name);
        if (value && *value)
            throw InputError(
                fmt::format("device: {}={} is in the environment, and lets cuBLAS round otherwise than "
                            "asked; unset it, or use --device cpu",
                            name, shown(value)));
    }
}

}  // namespace

std::string resolve_device(const std::string& name) {
    if (name == "cpu") return name;
    if (name == "auto") return cuda_availability().devices > 0 ? "cuda:0" : "cpu";
    const int index = cuda_index(name);
    const CudaAvailability cuda = cuda_availability();
    if (cuda.devices == 0)
        throw InputError(
            fmt::format("device: '{}' needs a GPU with CUDA, and {}; use cpu or auto", name, cuda.why_none));
    if (index >= cuda.devices)
        throw InputError(fmt::format("device: there is no '{}'; this process sees cuda:0{}", name,
                                     cuda.devices > 1 ? fmt::format(" to cuda:{}", cuda.devices - 1) : ""));
    return fmt::format("cuda:{}", index);
}

namespace {

template <class OnGpu>
std::unique_ptr<Backend> backend_of(const std::string& device, const OnGpu& on_gpu) {
    static std::once_flag settled;  // another thread's loops may run when a second backend is made
    std::call_once(settled, settle_team);
    if (device == "cpu") return make_cpu_backend();
    require_the_asked_arithmetic();
    return on_gpu(cuda_index(device));
}

}  // namespace

std::unique_ptr<Backend> make_backend(const std::string& device) {
    return backend_of(device, make_cuda_backend);
}

std::unique_ptr<Backend> make_callers_backend(const std::string& device) {
    return backend_of(device, [](int index) { return make_cuda_backend_on(index, nullptr); });
}

}  // namespace ntpgeo
