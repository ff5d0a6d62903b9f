// The temporary storage of device-wide calls (CUB's), one arena a stream.
#pragma once

#include <cstdint>

#include "kernels/device/runtime.cuh"

namespace ntpgeo::device {

/// What the calls on one stream work in, one after the other: as large as the largest of them has asked for,
/// and kept until it is destroyed.
class TemporaryStorage {
  public:
    explicit TemporaryStorage(const Stream& stream) : stream_(stream) {}

    /// Queues `call(storage, bytes)`, a device-wide call on this stream, by its two phases: without storage
    /// it says how many bytes it wants, with them it works. Throws what `reserve` throws, and Failure where
    /// the call fails.
    template <class Call>
    void run(const Call& call, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
        const CallSite site{"a device-wide call", file, line};
        std::size_t bytes = 0;
        check(call(nullptr, bytes), site);
        reserve(static_cast<std::int64_t>(bytes));
        check(call(storage_.data(), bytes), site);
    }

    /// Makes room for a call that wants `bytes`. A graph's recording can neither wait nor allocate, so a call
    /// in one is made, or its bytes reserved, beforehand; Failure says so where it was not. Waits for the
    /// stream where the storage has to grow.
    void reserve(std::int64_t bytes);
    [[nodiscard]] std::int64_t bytes() const { return storage_.bytes(); }

  private:
    const Stream& stream_;
    DeviceArray<unsigned char> storage_;
};

}  // namespace ntpgeo::device
