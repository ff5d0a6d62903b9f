// What the optimizers' own vectors lie in.
#pragma once

#include "engine/training/optimizer.hpp"

namespace ntpgeo {

/// `optimizer_vectors(stage)` vectors of the trained parameters' size in master precision, zero at first.
class OptimizerMemory {
  public:
    OptimizerMemory(const Objective& objective, Real master, const Stage& stage)
        : master_(master),
          size_(objective.size()),
          array_(objective.backend(), optimizer_vectors(stage) * size_ * bytes_of(master)) {
        objective.backend().fill_zero(array_.vector(master, optimizer_vectors(stage) * size_));
    }

    [[nodiscard]] Vector vector(std::int64_t k) const { return array_.vector(master_, size_, k * size_); }

  private:
    Real master_;
    std::int64_t size_;
    Array array_;
};

}  // namespace ntpgeo
