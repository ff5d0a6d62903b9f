// The one boundary between the engine and the machine: an engine routine is written once over these coarse
// operations, which exist for every backend (design 3). Dispatch happens once an operation, never once an
// element. An operation's contract stands in its family's header.
#pragma once

#include <memory>
#include <string>

#include "kernels/anchored_xent/anchored_xent.hpp"
#include "kernels/batches/batches.hpp"
#include "kernels/columns/columns.hpp"
#include "kernels/counting/counting.hpp"
#include "kernels/dense/dense.hpp"
#include "kernels/device/regions.hpp"
#include "kernels/labels/labels.hpp"
#include "kernels/memory/memory.hpp"
#include "kernels/replay/replay.hpp"
#include "kernels/smoothing/smoothing.hpp"
#include "kernels/sparse/pattern.hpp"
#include "kernels/splitting/splitting.hpp"
#include "kernels/supports/supports.hpp"
#include "kernels/svd/eigen.hpp"
#include "kernels/svd/small.hpp"
#include "kernels/update/update.hpp"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {

/// Memory handed to an operation must come from the same backend. Operations run in the order they are
/// called; those that return a number have finished when they return. Reductions are made in a fixed order,
/// in double.
class Backend : public virtual Memory,
                public virtual Replays,
                public virtual VectorOperations,
                public virtual UpdateOperations,
                public virtual SplittingOperations,
                public virtual SmoothingOperations,
                public virtual DenseOperations,
                public virtual CountingOperations,
                public virtual LabelOperations,
                public virtual BatchOperations,
                public virtual PatternOperations,
                public virtual ColumnOperations,
                public virtual SupportOperations,
                public virtual EigenOperations,
                public virtual SmallDecompositions,
                public virtual LossSteps,
                public virtual Regions {
  public:
    /// What a config or a record calls this device: "cpu".
    [[nodiscard]] virtual std::string device() const = 0;
    /// What its maker calls it: "NVIDIA H200"; "" of the CPU.
    [[nodiscard]] virtual std::string hardware() const = 0;
    /// The stream that its operations are queued on (a cudaStream_t), for LossCalls that are to come between
    /// them; the CPU has none.
    [[nodiscard]] virtual void* stream() const = 0;
    /// Flops a second that the maker gives for products in `precision`; 0 where they are not known, of the
    /// CPU and of GPUs that device/machines.hpp does not list.
    [[nodiscard]] virtual double products_rate(Precision precision) const = 0;
};

/// The CPU: OpenMP threads, OpenBLAS, Highway. GEMM precision fp32 or fp64.
std::unique_ptr<Backend> make_cpu_backend();

/// What of CUDA this process can use: how many GPUs, or in words why none.
struct CudaAvailability {
    int devices = 0;
    std::string why_none;  ///< one clause without a full stop; empty where devices > 0
};
CudaAvailability cuda_availability();
/// Where GPU number `index` is on its machine's bus: no two have the same place. Throws InputError where
/// there is no such device, or CUDA does not say.
std::string cuda_place(int index);

/// GPU number `index`. Throws InputError where there is no such device.
std::unique_ptr<Backend> make_cuda_backend(int index);
/// The same on a caller's stream (a cudaStream_t of that GPU, which outlives the backend; null is CUDA's
/// default stream, which nothing can be recorded on), for loss calls above all: whatever GPU the calling
/// thread had selected stays selected.
std::unique_ptr<Backend> make_cuda_backend_on(int index, void* stream);

}  // namespace ntpgeo
