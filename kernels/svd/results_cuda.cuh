// What cuSOLVER's 64-bit functions want beside a handle, and where they leave what the host looks at.
#pragma once

#include <cstdint>
#include <cstring>
#include <port.cuh>
#include <vector>

#include "kernels/device/device.cuh"

namespace ntpgeo::svd_cuda {

/// Options of cuSOLVER's 64-bit functions, as they come.
class SolverParameters {
  public:
    SolverParameters() { NTPGEO_CHECK(cusolverDnCreateParams(&parameters_)); }
    SolverParameters(const SolverParameters&) = delete;
    SolverParameters& operator=(const SolverParameters&) = delete;
    ~SolverParameters() { static_cast<void>(cusolverDnDestroyParams(parameters_)); }
    [[nodiscard]] cusolverDnParams_t get() const { return parameters_; }

  private:
    cusolverDnParams_t parameters_ = nullptr;
};

/// n values of T in the device's scratch memory with a call's status behind them, which come to the host as
/// one, and its work space, which starts where an allocation of its own could.
template <class T>
class Results {
  public:
    /// Without work space: addresses to ask for its size with.
    Results(device::Device& device, std::int64_t n) : Results(device, n, 0) {}
    Results(device::Device& device, std::int64_t n, std::size_t work_bytes)
        : device_(device),
          n_(n),
          room_(device.scratch<unsigned char>(work_at() + static_cast<std::int64_t>(work_bytes))) {}

    [[nodiscard]] T* values() const { return reinterpret_cast<T*>(room_); }
    [[nodiscard]] int* status() const { return reinterpret_cast<int*>(room_ + values_bytes()); }
    [[nodiscard]] void* work() const { return room_ + work_at(); }

    /// The values, once everything queued before has run. Throws Failure, with the routine's name, where the
    /// status is one.
    [[nodiscard]] std::vector<T> fetch(const char* routine) const {
        std::vector<unsigned char> host(static_cast<std::size_t>(values_bytes()) + sizeof(int));
        NTPGEO_CHECK(
            cudaMemcpyAsync(host.data(), room_, host.size(), cudaMemcpyDeviceToHost, device_.stream()));
        device_.synchronise();
        int status = 0;
        std::memcpy(&status, host.data() + values_bytes(), sizeof status);
        device::check_info(status, routine);
        std::vector<T> values(static_cast<std::size_t>(n_));
        std::memcpy(values.data(), host.data(), static_cast<std::size_t>(values_bytes()));
        return values;
    }

  private:
    [[nodiscard]] std::int64_t values_bytes() const { return n_ * static_cast<std::int64_t>(sizeof(T)); }
    [[nodiscard]] std::int64_t work_at() const {
        return (values_bytes() + static_cast<std::int64_t>(sizeof(int)) + 255) / 256 * 256;
    }

    device::Device& device_;
    std::int64_t n_;
    unsigned char* room_;
};

}  // namespace ntpgeo::svd_cuda
