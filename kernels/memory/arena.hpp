// Memory for arrays that come and go.
#pragma once

#include <cstdint>
#include <map>

#include "kernels/memory/memory.hpp"

namespace ntpgeo {

/// A piece of a backend's memory, taken once, that hands out parts of itself: neither that nor taking them
/// back waits. What queued operations still use may be another's by then: operations run in the order in
/// which they are called. What it has no room for comes from the backend. To be used from one thread.
class Arena final : public Memory {
  public:
    /// `memory` must outlive it, and it what it hands out.
    Arena(Memory& memory, std::int64_t bytes);

    /// What an array of `bytes` takes of it.
    static constexpr std::int64_t rounded(std::int64_t bytes) {
        return (bytes < 1 ? 1 : (bytes + part - 1) / part) * part;
    }

    [[nodiscard]] DeviceMemory memory() const override { return memory_.memory(); }
    void* allocate(std::int64_t bytes) override;
    void release(void* memory) noexcept override;
    void* allocate_shared(std::int64_t bytes) override { return memory_.allocate_shared(bytes); }
    void release_shared(void* memory) noexcept override { memory_.release_shared(memory); }
    void upload(const void* host, void* device, std::int64_t bytes) override {
        memory_.upload(host, device, bytes);
    }
    void download(const void* device, void* host, std::int64_t bytes) override {
        memory_.download(device, host, bytes);
    }

  private:
    static constexpr std::int64_t part = 256;  // as aligned as any operation wants it

    Memory& memory_;
    Array block_;
    std::map<std::int64_t, std::int64_t> free_, taken_;  // sizes by place
};

}  // namespace ntpgeo
