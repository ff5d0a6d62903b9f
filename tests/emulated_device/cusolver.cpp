// Dense cuSOLVER by LAPACK, against the vendor's prototypes. A workspace that is smaller than what the size
// query said is refused; one that is large enough is scribbled over, on the device and on the host, as the
// library may.
#include <cusolverDn.h>
#include <lapacke.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "arena.hpp"
#include "cublas_handle.hpp"
#include "devices.hpp"
#include "fault.hpp"
#include "sanitizers.hpp"
#include "streams.hpp"

struct cusolverDnContext {
    cudaStream_t stream = nullptr;
};
struct cusolverDnParams {};

namespace emulated_device {
namespace {

/// More than LAPACK's needs ever are in the vendor's library's shape: something that grows with the problem.
std::size_t workspace_elements(std::int64_t rows, std::int64_t columns) {
    return static_cast<std::size_t>(64 + 8 * (rows + columns));
}
constexpr std::size_t host_workspace_bytes = 128;

struct Workspace {
    void* device;
    std::size_t device_bytes;
    void* host = nullptr;
    std::size_t host_bytes = 0;
};

cusolverStatus_t queue(cusolverDnHandle_t handle, const LibraryCall& call, std::vector<DeviceRange> ranges,
                       const Workspace& workspace, int* info, std::function<int()> run) {
    const std::lock_guard lock(device_mutex());
    if (why_unusable() != cudaSuccess) return CUSOLVER_STATUS_EXECUTION_FAILED;
    if (workspace.host != nullptr && Arena::instance().contains(workspace.host))
        fault(call.routine + ": the host's workspace is device memory");
    ranges.push_back({workspace.device, workspace.device_bytes});
    ranges.push_back({info, sizeof *info});
    const auto with_workspace = [=] {
        poison(workspace.device, workspace.device_bytes);
        if (workspace.host != nullptr) poison(workspace.host, workspace.host_bytes);
        *info = run();
    };
    Operation operation{call.routine, std::move(ranges), with_workspace};
    operation.request.kind = Request::Kind::library;
    operation.request.call = call;
    const cudaError_t error = Streams::instance().submit(handle->stream, std::move(operation));
    return error == cudaSuccess ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_EXECUTION_FAILED;
}

bool bad_matrix(std::int64_t rows, std::int64_t columns, std::int64_t leading) {
    return rows < 0 || columns < 0 || leading < std::max<std::int64_t>(1, rows);
}

void require_fp64(const std::string& name, std::initializer_list<cudaDataType> types) {
    if (std::any_of(types.begin(), types.end(), [](cudaDataType type) { return type != CUDA_R_64F; }))
        fault(name + ": only fp64 is emulated");
}

/// The one real type that all of them name.
cudaDataType real_type(const std::string& name, std::initializer_list<cudaDataType> types) {
    const cudaDataType type = *types.begin();
    if (std::any_of(types.begin(), types.end(), [&](cudaDataType other) { return other != type; }) ||
        (type != CUDA_R_64F && type != CUDA_R_32F))
        fault(name + ": only all fp64 and all fp32 are emulated");
    return type;
}

bool too_small(const Workspace& workspace, std::int64_t rows, std::int64_t columns, bool with_host) {
    return workspace.device_bytes < workspace_elements(rows, columns) * sizeof(double) ||
           (with_host && (workspace.host == nullptr || workspace.host_bytes < host_workspace_bytes));
}

DeviceRange doubles(const std::string& name, const double* start, std::int64_t rows, std::int64_t columns,
                    std::int64_t leading) {
    return matrix_range(name, start, rows, columns, leading, sizeof(double));
}

template <class T>
cusolverStatus_t syevd(cusolverDnHandle_t handle, const std::string& name, char vectors, char triangle,
                       std::int64_t n, T* a, std::int64_t lda, T* values, const Workspace& workspace,
                       int* info) {
    const int size = narrow(n, name), leading = narrow(lda, name);
    return queue(
        handle, {name, name_of_real<T>, n, n},
        {matrix_range(name, a, n, n, lda, sizeof(T)), matrix_range(name, values, n, 1, n, sizeof(T))},
        workspace, info, [=] {
            if constexpr (sizeof(T) == 8)
                return LAPACKE_dsyevd(LAPACK_COL_MAJOR, vectors, triangle, size, a, leading, values);
            else
                return LAPACKE_ssyevd(LAPACK_COL_MAJOR, vectors, triangle, size, a, leading, values);
        });
}

cusolverStatus_t geqrf(cusolverDnHandle_t handle, const std::string& name, std::int64_t m, std::int64_t n,
                       double* a, std::int64_t lda, double* tau, const Workspace& workspace, int* info,
                       bool with_host) {
    if (bad_matrix(m, n, lda) || too_small(workspace, m, n, with_host)) return CUSOLVER_STATUS_INVALID_VALUE;
    const int rows = narrow(m, name), columns = narrow(n, name), leading = narrow(lda, name);
    const std::int64_t reflectors = std::min(m, n);
    return queue(handle, {name, "fp64", m, n},
                 {doubles(name, a, m, n, lda), doubles(name, tau, reflectors, 1, reflectors)}, workspace,
                 info, [=] { return LAPACKE_dgeqrf(LAPACK_COL_MAJOR, rows, columns, a, leading, tau); });
}

int elements(std::size_t count, const std::string& name) {
    return narrow(static_cast<std::int64_t>(count), name);
}

Workspace legacy(double* start, int count) {
    return {start, static_cast<std::size_t>(std::max(count, 0)) * sizeof(double)};
}

}  // namespace
}  // namespace emulated_device

using namespace emulated_device;

extern "C" {

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
    if (why_unusable() != cudaSuccess) return CUSOLVER_STATUS_NOT_INITIALIZED;
    if (!grants_allocation()) return CUSOLVER_STATUS_ALLOC_FAILED;
    *handle = new cusolverDnContext;
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
    const std::lock_guard lock(device_mutex());
    Streams::instance().finish_all();
    delete handle;
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
    handle->stream = stream;
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnGetStream(cusolverDnHandle_t handle, cudaStream_t* stream) {
    *stream = handle->stream;
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* parameters) {
    *parameters = new cusolverDnParams;
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t parameters) {
    delete parameters;
    return CUSOLVER_STATUS_SUCCESS;
}

// Cholesky: A = L·Lᵀ or UᵀU in the triangle that `part` names.

cusolverStatus_t cusolverDnDpotrf_bufferSize(cusolverDnHandle_t, cublasFillMode_t, int n, double*, int lda,
                                             int* count) {
    if (bad_matrix(n, n, lda)) return CUSOLVER_STATUS_INVALID_VALUE;
    *count = elements(workspace_elements(n, n), "cusolverDnDpotrf");
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDpotrf(cusolverDnHandle_t handle, cublasFillMode_t part, int n, double* a, int lda,
                                  double* workspace, int count, int* info) {
    const std::string name = "cusolverDnDpotrf";
    if (bad_matrix(n, n, lda) || too_small(legacy(workspace, count), n, n, false))
        return CUSOLVER_STATUS_INVALID_VALUE;
    const char triangle = part == CUBLAS_FILL_MODE_LOWER ? 'L' : 'U';
    return queue(handle, {name, "fp64", n, n}, {doubles(name, a, n, n, lda)}, legacy(workspace, count), info,
                 [=] { return LAPACKE_dpotrf(LAPACK_COL_MAJOR, triangle, n, a, lda); });
}

// QR: reflectors below R and in tau, then the first n columns of Q.

cusolverStatus_t cusolverDnDgeqrf_bufferSize(cusolverDnHandle_t, int m, int n, double*, int lda, int* count) {
    if (bad_matrix(m, n, lda)) return CUSOLVER_STATUS_INVALID_VALUE;
    *count = elements(workspace_elements(m, n), "cusolverDnDgeqrf");
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDgeqrf(cusolverDnHandle_t handle, int m, int n, double* a, int lda, double* tau,
                                  double* workspace, int count, int* info) {
    return geqrf(handle, "cusolverDnDgeqrf", m, n, a, lda, tau, legacy(workspace, count), info, false);
}
cusolverStatus_t cusolverDnXgeqrf_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, std::int64_t m,
                                             std::int64_t n, cudaDataType a_type, const void*,
                                             std::int64_t lda, cudaDataType tau_type, const void*,
                                             cudaDataType compute, std::size_t* device_bytes,
                                             std::size_t* host_bytes) {
    require_fp64("cusolverDnXgeqrf_bufferSize", {a_type, tau_type, compute});
    if (bad_matrix(m, n, lda)) return CUSOLVER_STATUS_INVALID_VALUE;
    *device_bytes = workspace_elements(m, n) * sizeof(double);
    *host_bytes = host_workspace_bytes;
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnXgeqrf(cusolverDnHandle_t handle, cusolverDnParams_t, std::int64_t m,
                                  std::int64_t n, cudaDataType a_type, void* a, std::int64_t lda,
                                  cudaDataType tau_type, void* tau, cudaDataType compute, void* device,
                                  std::size_t device_bytes, void* host, std::size_t host_bytes, int* info) {
    require_fp64("cusolverDnXgeqrf", {a_type, tau_type, compute});
    return geqrf(handle, "cusolverDnXgeqrf", m, n, static_cast<double*>(a), lda, static_cast<double*>(tau),
                 {device, device_bytes, host, host_bytes}, info, true);
}
cusolverStatus_t cusolverDnDorgqr_bufferSize(cusolverDnHandle_t, int m, int n, int k, const double*, int lda,
                                             const double*, int* count) {
    if (bad_matrix(m, n, lda) || n > m || k > n || k < 0) return CUSOLVER_STATUS_INVALID_VALUE;
    *count = elements(workspace_elements(m, n), "cusolverDnDorgqr");
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDorgqr(cusolverDnHandle_t handle, int m, int n, int k, double* a, int lda,
                                  const double* tau, double* workspace, int count, int* info) {
    const std::string name = "cusolverDnDorgqr";
    if (bad_matrix(m, n, lda) || n > m || k > n || k < 0 || too_small(legacy(workspace, count), m, n, false))
        return CUSOLVER_STATUS_INVALID_VALUE;
    return queue(handle, {name, "fp64", m, n, k}, {doubles(name, a, m, n, lda), doubles(name, tau, k, 1, k)},
                 legacy(workspace, count), info,
                 [=] { return LAPACKE_dorgqr(LAPACK_COL_MAJOR, m, n, k, a, lda, tau); });
}

// Symmetric eigenvalues, ascending, and eigenvectors in A's columns.

cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, cusolverEigMode_t,
                                             cublasFillMode_t, std::int64_t n, cudaDataType a_type,
                                             const void*, std::int64_t lda, cudaDataType w_type, const void*,
                                             cudaDataType compute, std::size_t* device_bytes,
                                             std::size_t* host_bytes) {
    real_type("cusolverDnXsyevd_bufferSize", {a_type, w_type, compute});
    if (bad_matrix(n, n, lda)) return CUSOLVER_STATUS_INVALID_VALUE;
    *device_bytes = workspace_elements(n, n) * sizeof(double);
    *host_bytes = host_workspace_bytes;
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t, cusolverEigMode_t mode,
                                  cublasFillMode_t part, std::int64_t n, cudaDataType a_type, void* a,
                                  std::int64_t lda, cudaDataType w_type, void* w, cudaDataType compute,
                                  void* device, std::size_t device_bytes, void* host, std::size_t host_bytes,
                                  int* info) {
    const std::string name = "cusolverDnXsyevd";
    const cudaDataType type = real_type(name, {a_type, w_type, compute});
    const Workspace workspace{device, device_bytes, host, host_bytes};
    if (bad_matrix(n, n, lda) || too_small(workspace, n, n, true)) return CUSOLVER_STATUS_INVALID_VALUE;
    const char vectors = mode == CUSOLVER_EIG_MODE_VECTOR ? 'V' : 'N';
    const char triangle = part == CUBLAS_FILL_MODE_LOWER ? 'L' : 'U';
    if (type == CUDA_R_64F)
        return syevd(handle, name, vectors, triangle, n, static_cast<double*>(a), lda,
                     static_cast<double*>(w), workspace, info);
    return syevd(handle, name, vectors, triangle, n, static_cast<float*>(a), lda, static_cast<float*>(w),
                 workspace, info);
}

// Singular values, descending; the vendor's wants m >= n.

cusolverStatus_t cusolverDnXgesvd_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, signed char, signed char,
                                             std::int64_t m, std::int64_t n, cudaDataType a_type, const void*,
                                             std::int64_t lda, cudaDataType s_type, const void*,
                                             cudaDataType u_type, const void*, std::int64_t,
                                             cudaDataType vt_type, const void*, std::int64_t,
                                             cudaDataType compute, std::size_t* device_bytes,
                                             std::size_t* host_bytes) {
    require_fp64("cusolverDnXgesvd_bufferSize", {a_type, s_type, u_type, vt_type, compute});
    if (bad_matrix(m, n, lda) || m < n) return CUSOLVER_STATUS_INVALID_VALUE;
    *device_bytes = workspace_elements(m, n) * sizeof(double);
    *host_bytes = host_workspace_bytes;
    return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnXgesvd(cusolverDnHandle_t handle, cusolverDnParams_t, signed char u_job,
                                  signed char vt_job, std::int64_t m, std::int64_t n, cudaDataType a_type,
                                  void* a, std::int64_t lda, cudaDataType s_type, void* s,
                                  cudaDataType u_type, void* u, std::int64_t ldu, cudaDataType vt_type,
                                  void* vt, std::int64_t ldvt, cudaDataType compute, void* device,
                                  std::size_t device_bytes, void* host, std::size_t host_bytes, int* info) {
    const std::string name = "cusolverDnXgesvd";
    require_fp64(name, {a_type, s_type, u_type, vt_type, compute});
    const Workspace workspace{device, device_bytes, host, host_bytes};
    const auto known = [](signed char job) { return job == 'A' || job == 'S' || job == 'O' || job == 'N'; };
    if (bad_matrix(m, n, lda) || m < n || !known(u_job) || !known(vt_job) ||
        (u_job == 'O' && vt_job == 'O') || too_small(workspace, m, n, true))
        return CUSOLVER_STATUS_INVALID_VALUE;
    const bool has_u = u_job == 'A' || u_job == 'S', has_vt = vt_job == 'A' || vt_job == 'S';
    if ((has_u && ldu < std::max<std::int64_t>(1, m)) || (has_vt && ldvt < std::max<std::int64_t>(1, n)))
        return CUSOLVER_STATUS_INVALID_VALUE;
    auto* const matrix = static_cast<double*>(a);
    auto* const values = static_cast<double*>(s);
    auto* const left = static_cast<double*>(u);
    auto* const right = static_cast<double*>(vt);
    std::vector<DeviceRange> ranges{doubles(name, matrix, m, n, lda), doubles(name, values, n, 1, n)};
    if (has_u) ranges.push_back(doubles(name, left, m, u_job == 'A' ? m : n, ldu));
    if (has_vt) ranges.push_back(doubles(name, right, n, n, ldvt));
    const int rows = narrow(m, name), columns = narrow(n, name), leading = narrow(lda, name);
    const int left_leading = has_u ? narrow(ldu, name) : 1, right_leading = has_vt ? narrow(ldvt, name) : 1;
    return queue(handle, {name, "fp64", m, n}, std::move(ranges), workspace, info, [=] {
        std::vector<double> superdiagonal(static_cast<std::size_t>(columns) + 1);
        return LAPACKE_dgesvd(LAPACK_COL_MAJOR, static_cast<char>(u_job), static_cast<char>(vt_job), rows,
                              columns, matrix, leading, values, left, left_leading, right, right_leading,
                              superdiagonal.data());
    });
}

}  // extern "C"
