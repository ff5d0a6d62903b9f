// Every status of the CUDA runtime, cuBLAS and cuSOLVER goes through NTPGEO_CHECK.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cusolverDn.h>

#include <string>

#include "kernels/base/status.hpp"

namespace ntpgeo::device {

/// Where a checked call stands and how it reads.
struct CallSite {
    const char* expression;
    const char* file;
    int line;
};

/// Return where the call succeeded. Otherwise throw Failure with one line: the expression, file, line and the
/// library's words; OutOfDeviceMemory where memory was what lacked.
void check(cudaError_t status, const CallSite& site);
void check(cublasStatus_t status, const CallSite& site);
void check(cusolverStatus_t status, const CallSite& site);

/// Throws Failure where a cuSOLVER routine reported `info` ≠ 0: an argument it refused (negative) or a
/// decomposition that did not converge (positive).
void check_info(int info, const char* routine);

}  // namespace ntpgeo::device

#define NTPGEO_CHECK(expression) \
    ::ntpgeo::device::check((expression), ::ntpgeo::device::CallSite{#expression, __FILE__, __LINE__})
