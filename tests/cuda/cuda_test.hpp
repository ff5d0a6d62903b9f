// What every test of the CUDA backend stands on: a backend on the first GPU, or a visible skip.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "kernels/backend.hpp"

namespace ntpgeo {

class CudaTest : public testing::Test {
  protected:
    void SetUp() override {
        const CudaAvailability cuda = cuda_availability();
        if (cuda.devices == 0) GTEST_SKIP() << "no GPU: " << cuda.why_none;
        backend_ = make_cuda_backend(0);
    }
    [[nodiscard]] Backend& backend() { return *backend_; }

  private:
    std::unique_ptr<Backend> backend_;
};

}  // namespace ntpgeo
