// The CPU's backend as a class, for what derives from it and overrides what it looks at.
#pragma once

#include <string>

#include "kernels/backend.hpp"

namespace ntpgeo {

class CpuBackend : public Backend,
                   public CpuMemory,
                   public CpuReplays,
                   public CpuVectorOperations,
                   public CpuUpdateOperations,
                   public CpuSplittingOperations,
                   public CpuSmoothingOperations,
                   public CpuDenseOperations,
                   public CpuCountingOperations,
                   public CpuLabelOperations,
                   public CpuBatchOperations,
                   public CpuPatternOperations,
                   public CpuColumnOperations,
                   public CpuSupportOperations,
                   public CpuEigenOperations,
                   public CpuSmallDecompositions,
                   public CpuLossSteps,
                   public CpuRegions {
  public:
    CpuBackend();

    [[nodiscard]] std::string device() const override { return "cpu"; }
    [[nodiscard]] std::string hardware() const override { return ""; }
    [[nodiscard]] void* stream() const override { return nullptr; }
    [[nodiscard]] double products_rate(Precision) const override { return 0; }
};

}  // namespace ntpgeo
