#include "host/run/device.hpp"

#include <fmt/format.h>

#include <string_view>

#include "engine/settings/parse_number.hpp"
#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::string_view cuda_prefix = "cuda:";

[[noreturn]] void refuse_unknown(const std::string& name) {
    throw InputError(
        fmt::format("device: '{}' is unknown; use auto, cpu or cuda[:i]", printable(std::string_view(name))));
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

std::unique_ptr<Backend> make_backend(const std::string& device) {
    if (device == "cpu") return make_cpu_backend();
    return make_cuda_backend(cuda_index(device));
}

}  // namespace ntpgeo
