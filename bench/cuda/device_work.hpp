// Work for the GPU that the benches time next to the backend's operations: the yardsticks, and the streaming
// pass alone. No CUDA header is needed to use it; device_work.cu is built twice, for hardware and for the
// emulated device.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/base/views.hpp"

namespace ntpgeo::bench {

/// Something that a GPU does again and again. Everything is allocated and filled when it is made, with
/// numbers that are neither zero nor alike: both would spare the hardware power.
class DeviceWork {
  public:
    virtual ~DeviceWork() = default;
    /// Queues it once; it has ended after `wait`.
    virtual void queue() = 0;
    virtual void wait() = 0;
    /// The largest relative error of some results, by plain sums in fp64 over the same operands. To be called
    /// after `queue` and `wait`.
    virtual double error() = 0;
};

/// A copy of `bytes` from device memory to device memory, which reads and writes as many.
std::unique_ptr<DeviceWork> make_copy(std::int64_t bytes);

/// A square product of size n in the arithmetic of `precision`, exactly as a loss step calls it; bf16x3 is
/// three bf16 products.
std::unique_ptr<DeviceWork> make_gemm(Precision precision, std::int64_t n);

/// How the contexts are cut: so many whose logits are one product, and whose gradients are.
struct ProductSizes {
    std::int64_t logits, gradients;  ///< the second a multiple of the first, or all contexts
};
/// As the loss step of these sizes cuts them.
ProductSizes loss_step_products(Precision precision, std::int64_t vocab, std::int64_t contexts,
                                std::int64_t dim);
/// The three products of a loss step alone, with the step's own types, paddings and strides.
std::unique_ptr<DeviceWork> make_three_products(Precision precision, std::int64_t vocab,
                                                std::int64_t contexts, std::int64_t dim,
                                                const ProductSizes& sizes);

/// The pass Z -> E = exp(Z - a) with its row sums, over `contexts` rows of logits.
std::unique_ptr<DeviceWork> make_streaming_pass(Precision precision, std::int64_t vocab,
                                                std::int64_t contexts);
/// Bytes of one number as a loss step multiplies it, all its copies together.
std::int64_t operand_bytes(Precision precision);
/// Bytes that the pass reads and writes.
std::int64_t streaming_bytes(Precision precision, std::int64_t vocab, std::int64_t contexts);

}  // namespace ntpgeo::bench
