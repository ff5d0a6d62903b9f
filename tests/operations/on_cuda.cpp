// The operations' tests on the first GPU, be it hardware or the emulated device.
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {

TestedBackend make_tested_backend() {
    const CudaAvailability cuda = cuda_availability();
    if (cuda.devices == 0) return {nullptr, "no GPU to test on: " + cuda.why_none};
    return {make_cuda_backend(0), ""};
}

TestedBackend make_tested_backend_of_a_caller() {
    const CudaAvailability cuda = cuda_availability();
    if (cuda.devices == 0) return {nullptr, "no GPU to test on: " + cuda.why_none};
    return {make_cuda_backend_on(0, nullptr), ""};
}

std::optional<std::int64_t> bytes_in_use(const Backend& backend) {
    const DeviceMemory memory = backend.memory();
    return memory.total - memory.free;
}

double allocation_slack(std::int64_t taken, std::int64_t, int arrays) {
    // A GPU hands out memory in pages of 2 MiB, at most one for each array; the emulated one by the byte, but
    // for alignment.
    constexpr std::int64_t page = std::int64_t{2} << 20;
    return static_cast<double>(arrays) * (taken % page == 0 ? page : 512);
}

}  // namespace ntpgeo
