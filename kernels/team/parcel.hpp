// Rows on their way between ranks: in the device's memory where the team reaches it, else in the host's.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/memory/memory.hpp"
#include "kernels/team/team.hpp"
#include "kernels/vectors/vectors.hpp"

namespace ntpgeo {

class Parcel {
  public:
    /// For rows that a backend has, whose `memory` and `vectors` outlive it.
    Parcel(const Team& team, Memory& memory, VectorOperations& vectors)
        : memory_(memory), vectors_(vectors), on_device_(team.reaches_device()) {}

    [[nodiscard]] Where where() const { return on_device_ ? Where::device : Where::host; }
    [[nodiscard]] void* data() { return on_device_ ? device_.data() : host_.data(); }
    /// Room for so many bytes; what was in it is lost.
    void make_room(std::int64_t bytes) {
        if (!on_device_)
            host_.resize(static_cast<std::size_t>(bytes));
        else if (device_.bytes() < bytes)
            device_ = Array(memory_, bytes);
    }
    /// Copies a vector of the backend in or out, `byte` bytes from the beginning.
    void put(Vector from, std::int64_t byte) {
        if (on_device_)
            vectors_.copy(from, {static_cast<char*>(device_.data()) + byte, from.real, from.size});
        else
            memory_.download(from.data, host_.data() + byte, from.size * bytes_of(from.real));
    }
    void take(std::int64_t byte, Vector to) {
        if (on_device_)
            vectors_.copy({static_cast<char*>(device_.data()) + byte, to.real, to.size}, to);
        else
            memory_.upload(host_.data() + byte, to.data, to.size * bytes_of(to.real));
    }

  private:
    Memory& memory_;
    VectorOperations& vectors_;
    bool on_device_;
    Array device_;
    std::vector<std::byte> host_;
};

}  // namespace ntpgeo
