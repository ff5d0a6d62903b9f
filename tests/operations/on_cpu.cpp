// The operations' tests on the CPU backend.
#include <malloc.h>

#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {

TestedBackend make_tested_backend() {
    return {make_cpu_backend(), ""};
}

TestedBackend make_tested_backend_of_a_caller() {
    return make_tested_backend();
}

std::optional<std::int64_t> bytes_in_use(const Backend&) {
#ifdef __SANITIZE_ADDRESS__
    return std::nullopt;  // it hands out memory itself
#else
    const struct mallinfo2 memory = ::mallinfo2();
    return static_cast<std::int64_t>(memory.uordblks + memory.hblkhd);
#endif
}

double allocation_slack(std::int64_t, std::int64_t asked, int arrays) {
    return arrays == 0 ? 4095 : 0.01 * static_cast<double>(asked) + 8192;
}

}  // namespace ntpgeo
