// The soft labels' pattern, listed by word.
#pragma once

#include <cstdint>

#include "kernels/base/views.hpp"

namespace ntpgeo {
namespace device {
class Device;
}

/// Where the word-wise half of a pattern goes, as in LabelsView.
struct WordIndex {
    std::int64_t* indptr = nullptr;     ///< [V+1]
    std::int64_t* contexts = nullptr;   ///< [nnz]
    std::int64_t* positions = nullptr;  ///< [nnz]
};

class LabelOperations {
  public:
    virtual ~LabelOperations() = default;

    /// The entries of `labels` by word, and ascending by position within a word. Of `labels` only the sizes,
    /// indptr and indices (in 0 .. V−1) are read.
    virtual void index_by_word(const LabelsView& labels, const WordIndex& index) = 0;
};

/// A counting sort, on one thread.
class CpuLabelOperations : public virtual LabelOperations {
  public:
    void index_by_word(const LabelsView& labels, const WordIndex& index) override;
};

/// A stable radix sort of the positions by word, in the index itself and 8 bytes an entry beside it, and
/// binary searches for where words begin and which context holds a position. Waits for it.
class CudaLabelOperations : public virtual LabelOperations {
  public:
    explicit CudaLabelOperations(device::Device& device) : device_(device) {}
    void index_by_word(const LabelsView& labels, const WordIndex& index) override;

  private:
    device::Device& device_;
};

}  // namespace ntpgeo
