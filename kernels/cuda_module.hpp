// The CUDA backend as a module, libntpgeo_cuda.so, which is opened when a GPU is first asked for: a program
// that was built with CUDA starts, and trains on the CPU, where none of CUDA's libraries is installed. Module
// and program share C++ classes, so that they must come from one set of headers; its stamp is compared before
// anything else is called.
#pragma once

#include <memory>
#include <string>

#include "kernels/backend.hpp"
#include "kernels/base/boundary_stamp.hpp"

namespace ntpgeo {

/// What a module hands out: the CUDA half of the boundary in backend.hpp, whose contracts these have.
struct CudaModule {
    CudaAvailability (*availability)();
    std::string (*place)(int index);
    std::unique_ptr<Backend> (*make_backend)(int index);
    std::unique_ptr<Backend> (*make_backend_on)(int index, void* stream);
};

}  // namespace ntpgeo

extern "C" {
/// The module's boundary_stamp.
const char* ntpgeo_cuda_stamp();
/// Lives as long as the process, as the module does.
const ntpgeo::CudaModule* ntpgeo_cuda_module();
}
