#include "kernels/device/device.cuh"

#include <port.cuh>
#include <string>

#include "kernels/device/runtime.cuh"

namespace ntpgeo::device {
namespace {

std::string line(const CallSite& site, const std::string& library, const std::string& words) {
    return library + ": " + words + " (" + site.expression + ", " + site.file + ":" +
           std::to_string(site.line) + ")";
}

/// What is free on the current device, in words; empty where the device does not answer.
std::string free_memory_words() {
    std::size_t free = 0, total = 0;
    if (cudaMemGetInfo(&free, &total) != cudaSuccess) return "";
    return ", " + std::to_string(free) + " of " + std::to_string(total) + " bytes free";
}

/// Whether every later call of this process fails, too, as the toolkit's documentation says of these.
bool is_for_good(cudaError_t status) {
    constexpr int contained = 226;  // cudaErrorContained, which the first toolkits of CUDA 12 do not name
    switch (static_cast<int>(status)) {
        case contained:
        case cudaErrorDevicesUnavailable:
        case cudaErrorECCUncorrectable:
        case cudaErrorNvlinkUncorrectable:
        case cudaErrorIllegalAddress:
        case cudaErrorLaunchTimeout:
        case cudaErrorContextIsDestroyed:
        case cudaErrorAssert:
        case cudaErrorHardwareStackError:
        case cudaErrorIllegalInstruction:
        case cudaErrorMisalignedAddress:
        case cudaErrorInvalidAddressSpace:
        case cudaErrorInvalidPc:
        case cudaErrorLaunchFailure:
        case cudaErrorMpsRpcFailure:
        case cudaErrorMpsClientTerminated:
        case cudaErrorExternalDevice:
            return true;
        default:
            return false;
    }
}

[[noreturn]] void throw_lost(const CallSite& site, const std::string& library, const std::string& words) {
    throw LostDevice("the GPU is lost and can be read no more: " + line(site, library, words));
}

/// Throws LostDevice where a library's call failed because the device is gone, which its own status does not
/// say.
void require_device(const CallSite& site) {
    std::size_t free = 0, total = 0;
    const cudaError_t status = cudaMemGetInfo(&free, &total);
    if (is_for_good(status)) throw_lost(site, "CUDA", cudaGetErrorString(status));
}

}  // namespace

void check(cudaError_t status, const CallSite& site) {
    if (status == cudaSuccess) return;
    static_cast<void>(cudaGetLastError());  // a recoverable error is not reported twice
    const std::string words = cudaGetErrorString(status);
    if (status == cudaErrorMemoryAllocation)
        throw OutOfDeviceMemory(line(site, "CUDA", words + free_memory_words()));
    if (is_for_good(status)) throw_lost(site, "CUDA", words);
    throw Failure(line(site, "CUDA", words));
}

void check(cublasStatus_t status, const CallSite& site) {
    if (status == CUBLAS_STATUS_SUCCESS) return;
    const std::string words = cublasGetStatusString(status);
    if (status == CUBLAS_STATUS_ALLOC_FAILED)
        throw OutOfDeviceMemory(line(site, "cuBLAS", words + ", out of memory" + free_memory_words()));
    require_device(site);
    throw Failure(line(site, "cuBLAS", words));
}

// cuSOLVER has no words for its statuses.
void check(cusolverStatus_t status, const CallSite& site) {
    if (status == CUSOLVER_STATUS_SUCCESS) return;
    const std::string words = "status " + std::to_string(static_cast<int>(status));
    if (status == CUSOLVER_STATUS_ALLOC_FAILED)
        throw OutOfDeviceMemory(line(site, "cuSOLVER", words + ", out of memory" + free_memory_words()));
    require_device(site);
    throw Failure(line(site, "cuSOLVER", words));
}

void check_info(int info, const char* routine) {
    if (info == 0) return;
    throw Failure(std::string("cuSOLVER ") + routine + " failed with info " + std::to_string(info));
}

void* allocate_device(std::int64_t bytes) {
    if (bytes == 0) return nullptr;
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, static_cast<std::size_t>(bytes));
    if (status == cudaErrorMemoryAllocation) {
        static_cast<void>(cudaGetLastError());
        std::size_t free = 0, total = 0;
        NTPGEO_CHECK(cudaMemGetInfo(&free, &total));
        throw OutOfDeviceMemory("out of GPU memory: " + std::to_string(bytes) + " bytes asked for, " +
                                std::to_string(free) + " of " + std::to_string(total) + " free");
    }
    NTPGEO_CHECK(status);
    return memory;
}

void* allocate_pinned(std::int64_t bytes) {
    if (bytes == 0) return nullptr;
    void* memory = nullptr;
    NTPGEO_CHECK(cudaMallocHost(&memory, static_cast<std::size_t>(bytes)));
    return memory;
}

void TemporaryStorage::reserve(std::int64_t bytes) {
    if (bytes <= storage_.bytes()) return;
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    NTPGEO_CHECK(cudaStreamIsCapturing(stream_.get(), &capture));
    if (capture != cudaStreamCaptureStatusNone)
        throw Failure("a device-wide call within a recording wants " + std::to_string(bytes) +
                      " bytes of temporary storage, and " + std::to_string(storage_.bytes()) +
                      " were reserved before it");
    stream_.synchronise();
    storage_ = {};  // before the larger one is asked for: both may not fit
    storage_ = DeviceArray<unsigned char>(bytes);
}

namespace kernels {

/// Starts where this program holds code for the GPU.
__global__ void probe() {}

}  // namespace kernels

namespace {

constexpr int least_major = 8;  // bf16 and tf32 tensor cores, and what the kernels are compiled for

int attribute(cudaDeviceAttr which, int index) {
    int value = 0;
    NTPGEO_CHECK(cudaDeviceGetAttribute(&value, which, index));
    return value;
}

/// What cuBLAS asks for: 32 MiB from Hopper on, 4 MiB before.
std::int64_t workspace_bytes_of_cublas(int index) {
    return std::int64_t{attribute(cudaDevAttrComputeCapabilityMajor, index) >= 9 ? 32 : 4} << 20;
}

std::string cuda_version(int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

}  // namespace

std::string why_no_device(cudaError_t status) {
    int driver = 0;
    NTPGEO_CHECK(cudaDriverGetVersion(&driver));
    if (driver == 0) return "no NVIDIA driver is installed";
    if (status == cudaErrorInsufficientDriver)
        return "the NVIDIA driver knows CUDA " + cuda_version(driver) + ", and this program is built with " +
               cuda_version(CUDART_VERSION);
    return cudaGetErrorString(status);
}

int Device::select(int index) {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess) {
        static_cast<void>(cudaGetLastError());
        throw InputError("no GPU can be used: " + why_no_device(status));
    }
    if (index < 0 || index >= count)
        throw InputError("there is no GPU " + std::to_string(index) + "; this machine has " +
                         std::to_string(count) + ", numbered from 0");
    const int major = attribute(cudaDevAttrComputeCapabilityMajor, index);
    const int minor = attribute(cudaDevAttrComputeCapabilityMinor, index);
    if (major < least_major)
        throw InputError("GPU " + std::to_string(index) + " has compute capability " + std::to_string(major) +
                         "." + std::to_string(minor) + "; " + std::to_string(least_major) +
                         ".0 or more is needed");
    NTPGEO_CHECK(cudaSetDevice(index));
    return index;
}

Device::Device(int index) : Device(index, std::optional<cudaStream_t>()) {}

Device::Device(int index, cudaStream_t borrowed) : Device(index, std::optional(borrowed)) {}

Device::Device(int index, std::optional<cudaStream_t> borrowed)
    : index_(select(index)),
      multiprocessors_(attribute(cudaDevAttrMultiProcessorCount, index)),
      stream_(borrowed ? Stream(*borrowed) : Stream()),
      workspace_(workspace_bytes_of_cublas(index)) {
    cudaDeviceProp properties{};
    NTPGEO_CHECK(cudaGetDeviceProperties(&properties, index));
    name_ = properties.name;
    cache_bytes_ = properties.l2CacheSize;
    memory_ = static_cast<std::int64_t>(properties.totalGlobalMem);
    const cudaError_t started = launch(kernels::probe, 1, 1, 0, stream());
    if (started == cudaErrorNoKernelImageForDevice) {
        static_cast<void>(cudaGetLastError());
        throw InputError("this program holds no code for GPU " + std::to_string(index) + " (" + name_ +
                         ", compute capability " + std::to_string(properties.major) + "." +
                         std::to_string(properties.minor) + "); build it with that architecture");
    }
    NTPGEO_CHECK(started);
    NTPGEO_CHECK(cublasCreate(&cublas_));
    try {
        bind_cublas(stream(), workspace_.data());
    } catch (...) {
        static_cast<void>(cublasDestroy(cublas_));
        throw;
    }
}

Device::~Device() {
    static_cast<void>(cudaStreamSynchronize(stream()));
    if (cusolver_) static_cast<void>(cusolverDnDestroy(cusolver_));
    static_cast<void>(cublasDestroy(cublas_));
}

// A change of the stream takes the workspace away.
void Device::bind_cublas(cudaStream_t stream, void* workspace) {
    NTPGEO_CHECK(cublasSetStream(cublas_, stream));
    NTPGEO_CHECK(cublasSetWorkspace(cublas_, workspace, static_cast<std::size_t>(workspace_.bytes())));
}

CublasElsewhere::CublasElsewhere(Device& device, cudaStream_t stream, void* workspace) : device_(device) {
    device.bind_cublas(stream, workspace);
}

CublasElsewhere::~CublasElsewhere() {
    const cublasHandle_t cublas = device_.cublas_;
    static_cast<void>(cublasSetStream(cublas, device_.stream()));
    static_cast<void>(cublasSetWorkspace(cublas, device_.workspace_.data(),
                                         static_cast<std::size_t>(device_.workspace_.bytes())));
}

cusolverDnHandle_t Device::cusolver() {
    if (cusolver_) return cusolver_;
    NTPGEO_CHECK(cusolverDnCreate(&cusolver_));
    NTPGEO_CHECK(cusolverDnSetStream(cusolver_, stream()));
    return cusolver_;
}

unsigned char* Device::scratch_bytes(std::int64_t bytes) {
    if (bytes > scratch_.size()) {
        synchronise();
        scratch_ = {};  // before the larger one is asked for: both may not fit
        scratch_ = DeviceArray<unsigned char>(bytes);
    }
    return scratch_.data();
}

std::int64_t Device::free_memory() const {
    std::size_t free = 0, total = 0;
    NTPGEO_CHECK(cudaMemGetInfo(&free, &total));
    return static_cast<std::int64_t>(free);
}

}  // namespace ntpgeo::device
