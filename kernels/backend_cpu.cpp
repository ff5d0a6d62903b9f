#include "kernels/backend.hpp"
#include "kernels/cpu/single_thread.hpp"

namespace ntpgeo {
namespace {

class CpuBackend final : public Backend,
                         public CpuMemory,
                         public CpuVectorOperations,
                         public CpuUpdateOperations,
                         public CpuSplittingOperations,
                         public CpuDenseOperations,
                         public CpuPatternOperations,
                         public CpuColumnOperations,
                         public CpuSmallDecompositions,
                         public CpuLossSteps {
  public:
    CpuBackend() { const SingleThread once; }  // leaves OpenBLAS's own threads (its pthread build) at one

    [[nodiscard]] std::string device() const override { return "cpu"; }
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend() {
    return std::make_unique<CpuBackend>();
}

}  // namespace ntpgeo
