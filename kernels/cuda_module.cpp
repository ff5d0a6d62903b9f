// The module's side: what it shows of itself.
#include "kernels/cuda_module.hpp"

extern "C" {

const char* ntpgeo_cuda_stamp() {
    return ntpgeo::boundary_stamp;
}

const ntpgeo::CudaModule* ntpgeo_cuda_module() {
    static constexpr ntpgeo::CudaModule module{ntpgeo::cuda_availability, ntpgeo::cuda_place,
                                               ntpgeo::make_cuda_backend, ntpgeo::make_cuda_backend_on};
    return &module;
}
}
