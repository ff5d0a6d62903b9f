#include "kernels/base/open_module.hpp"

#include <link.h>

#include <system_error>

namespace ntpgeo {
namespace {

/// The folder of the program or shared library that this code is part of; empty where the system does not
/// say.
std::filesystem::path own_folder() {
    static const char here = 0;
    Dl_info info{};
    void* map = nullptr;
    if (dladdr1(&here, &info, &map, RTLD_DL_LINKMAP) == 0 || map == nullptr) return {};
    const char* const name = static_cast<const link_map*>(map)->l_name;
    std::error_code failed;
    // The program itself has no name here, and its first argument need not be where it lies.
    return std::filesystem::canonical(*name ? name : "/proc/self/exe", failed).parent_path();
}

}  // namespace

std::filesystem::path find_module(const std::string& name) {
    const std::filesystem::path own = own_folder();
    if (own.empty()) return {};
    for (const auto& folder : {own, own / NTPGEO_LIBRARIES_FROM_PROGRAMS}) {
        std::error_code failed;
        if (std::filesystem::exists(folder / name, failed)) return folder / name;
    }
    return {};
}

}  // namespace ntpgeo
