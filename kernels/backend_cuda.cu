#include <port.cuh>

#include <string>

#include "kernels/backend.hpp"
#include "kernels/device/device.cuh"
#include "kernels/device/machines.hpp"

namespace ntpgeo {
namespace {

/// A base, so that it is there before the operations that refer to it.
struct OwnDevice {
    device::Device gpu;
};

/// One GPU. Operations are queued on its one stream and return at once, unless they hand back a number or
/// host memory. A kernel that fails shows at the next operation that waits.
class CudaBackend final : OwnDevice,
                          public Backend,
                          public CudaMemory,
                          public CudaReplays,
                          public CudaVectorOperations,
                          public CudaUpdateOperations,
                          public CudaSplittingOperations,
                          public CudaSmoothingOperations,
                          public CudaDenseOperations,
                          public CudaCountingOperations,
                          public CudaLabelOperations,
                          public CudaBatchOperations,
                          public CudaPatternOperations,
                          public CudaColumnOperations,
                          public CudaSupportOperations,
                          public CudaEigenOperations,
                          public CudaSmallDecompositions,
                          public CudaLossSteps,
                          public CudaRegions {
  public:
    template <class... Borrowed>
    explicit CudaBackend(int index, Borrowed... stream)
        : OwnDevice{device::Device(index, stream...)},
          CudaMemory(gpu),
          CudaReplays(gpu),
          CudaVectorOperations(gpu),
          CudaUpdateOperations(gpu),
          CudaSplittingOperations(gpu),
          CudaSmoothingOperations(gpu),
          CudaDenseOperations(gpu),
          CudaCountingOperations(gpu),
          CudaLabelOperations(gpu),
          CudaBatchOperations(gpu),
          CudaPatternOperations(gpu),
          CudaColumnOperations(gpu),
          CudaSupportOperations(gpu),
          CudaEigenOperations(gpu),
          CudaSmallDecompositions(gpu),
          CudaLossSteps(gpu),
          CudaRegions(gpu) {}

    [[nodiscard]] std::string device() const override { return "cuda"; }
    [[nodiscard]] std::string hardware() const override { return gpu.name(); }
    [[nodiscard]] void* stream() const override { return gpu.stream(); }
    [[nodiscard]] double products_rate(Precision precision) const override {
        const device::Machine* const machine = device::find_machine(gpu.name());
        return machine == nullptr ? 0 : device::products_rate(*machine, precision);
    }
};

}  // namespace

CudaAvailability cuda_availability() {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status == cudaSuccess && devices > 0) return {devices, ""};
    static_cast<void>(cudaGetLastError());
    return {0, device::why_no_device(status == cudaSuccess ? cudaErrorNoDevice : status)};
}

std::string cuda_place(int index) {
    char place[64] = {};
    const cudaError_t status = cudaDeviceGetPCIBusId(place, sizeof place, index);
    if (status == cudaSuccess) return place;
    static_cast<void>(cudaGetLastError());
    throw InputError("GPU " + std::to_string(index) +
                     " has no place on the bus that CUDA knows: " + cudaGetErrorString(status));
}

std::unique_ptr<Backend> make_cuda_backend(int index) {
    return std::make_unique<CudaBackend>(index);
}

std::unique_ptr<Backend> make_cuda_backend_on(int index, void* stream) {
    const device::Selected as_before;
    return std::make_unique<CudaBackend>(index, static_cast<cudaStream_t>(stream));
}

}  // namespace ntpgeo
