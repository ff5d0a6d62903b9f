// The yardstick of a loss step: its three products Z = H·Wᵀ, dW = Eᵀ·H and dH = E·W alone, by the best
// library that is installed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/gemm_libraries.hpp"
#include "kernels/base/views.hpp"

namespace ntpgeo::bench {

/// How a library is used: every product on all threads over a slice of contexts (all of them where Z fits
/// in 1 GiB), or one thread a chunk of contexts, each with one-threaded products and a dW of its own. The
/// threads' dW are left unsummed: that is no product.
struct Arrangement {
    const GemmLibrary* library;
    bool whole;
    std::int64_t contexts;  ///< a slice or a chunk
    double seconds;         ///< the least that was measured when the arrangements were compared

    [[nodiscard]] std::string name() const;
};

/// E is Z itself here: what the numbers are does not matter to a product, that they were just written does.
class ThreeProducts {
  public:
    virtual ~ThreeProducts() = default;

    virtual void run(const Arrangement& arrangement) = 0;
    /// ‖dW‖² + ‖dH‖² of the last run, by which the arrangements are held against one another.
    [[nodiscard]] virtual double checksum() const = 0;

    /// Tries each library in each arrangement (chunks of `chunk` contexts, of 512, and whole) twice, in turn,
    /// and those within a third of the best for a second or so. Best first. Throws Failure where two disagree
    /// on the result.
    [[nodiscard]] std::vector<Arrangement> compare(std::int64_t chunk);

  protected:
    ThreeProducts(Precision precision, std::int64_t vocab, std::int64_t contexts, std::int64_t slice)
        : precision_(precision), vocab_(vocab), contexts_(contexts), slice_(slice) {}

    Precision precision_;
    std::int64_t vocab_, contexts_;
    std::int64_t slice_;  ///< contexts in a whole arrangement's slice
};

/// words [V,d] and contexts [m,d] are fp64 and are copied to fp32 or fp64.
std::unique_ptr<ThreeProducts> make_three_products(Precision precision, Matrix words, Matrix contexts);

}  // namespace ntpgeo::bench
