// The fixture of what is about CUDA alone, or about the engine over it. It is ordinary C++ over the backend
// boundary and is built twice: against the emulated device and for hardware.
#pragma once

#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {

class CudaTest : public OperationTest {
  protected:
    [[nodiscard]] Backend& gpu() const { return backend(); }
};

}  // namespace ntpgeo
