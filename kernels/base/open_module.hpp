// Where modules lie that are opened while the program runs, and what they show.
#pragma once

#include <dlfcn.h>

#include <filesystem>
#include <string>

namespace ntpgeo {

/// The module's file: beside this code, as in a build and in a Python package, or where an installation has
/// its libraries. Empty where there is none.
std::filesystem::path find_module(const std::string& name);

/// A function that an open module shows; null where it has none of that name.
template <class Function>
Function* function_of(void* module, const char* name) {
    return reinterpret_cast<Function*>(dlsym(module, name));
}

}  // namespace ntpgeo
