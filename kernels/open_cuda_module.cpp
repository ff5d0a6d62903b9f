// The CUDA half of the boundary in whatever is not the module itself: opens it once, the first time that a
// GPU is asked for.
#include <dlfcn.h>

#include <filesystem>
#include <string>

#include "kernels/base/open_module.hpp"
#include "kernels/base/status.hpp"
#include "kernels/cuda_module.hpp"

namespace ntpgeo {
namespace {

constexpr const char* module_name = "libntpgeo_cuda.so";
constexpr const char* driver_name = "libcuda.so.1";  // as CUDA's runtime looks for it

/// A module that is open, or in words why there is none.
struct Opened {
    const CudaModule* module = nullptr;
    std::string why_none;
};

Opened open_module() {
    const std::filesystem::path path = find_module(module_name);
    if (path.empty()) return {nullptr, "this build of ntpgeo has no CUDA"};
    // CUDA's libraries take half a second to load, which a machine without a GPU need not wait for.
    if (dlopen(driver_name, RTLD_LAZY | RTLD_LOCAL) == nullptr)
        return {nullptr, "no NVIDIA driver is installed"};
    // Never closed: what CUDA keeps for the process lives in it.
    void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr) {
        const char* const why = dlerror();
        return {nullptr, path.string() + " does not load (" + (why ? why : "no reason given") +
                             "): CUDA's libraries come with its toolkit or with pip install 'ntpgeo[cuda]'"};
    }
    const auto stamp = function_of<decltype(ntpgeo_cuda_stamp)>(module, "ntpgeo_cuda_stamp");
    const auto table = function_of<decltype(ntpgeo_cuda_module)>(module, "ntpgeo_cuda_module");
    if (stamp == nullptr || table == nullptr || stamp() != std::string(boundary_stamp))
        return {nullptr,
                path.string() + " is of another build of ntpgeo than what opens it: install both anew"};
    return {table(), ""};
}

const Opened& opened() {
    static const Opened once = open_module();
    return once;
}

const CudaModule& the_module() {
    if (const CudaModule* const module = opened().module) return *module;
    throw InputError("no GPU can be used: " + opened().why_none);
}

}  // namespace

CudaAvailability cuda_availability() {
    if (const CudaModule* const module = opened().module) return module->availability();
    return {0, opened().why_none};
}

std::string cuda_place(int index) {
    return the_module().place(index);
}

std::unique_ptr<Backend> make_cuda_backend(int index) {
    return the_module().make_backend(index);
}

std::unique_ptr<Backend> make_cuda_backend_on(int index, void* stream) {
    return the_module().make_backend_on(index, stream);
}

}  // namespace ntpgeo
