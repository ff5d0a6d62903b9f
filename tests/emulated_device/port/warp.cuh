// Barriers, shuffles, votes and integer reductions of the emulated device. A value may be read from a lane of
// the mask only. __activemask and cooperative groups do not exist here (design 4.5, rule 5).
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>

#include "device_code.hpp"

namespace emulated_device {

/// The types that the vendor's shuffles take.
template <class T>
concept Shuffled = (std::integral<T> || std::floating_point<T>)&&(sizeof(T) == 4 || sizeof(T) == 8);

template <class T>
std::uint64_t packed(T value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
}

template <class T>
T unpacked(std::uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

template <class T>
T shuffle(unsigned mask, T value, int source, const char* operation, const Site& site) {
    const WarpValues& values = warp_exchange(mask, packed(value), operation, site);
    if ((values.mask >> source & 1) == 0)
        fault(std::string(operation) + " reads lane " + std::to_string(source) + ", which is not in its mask",
              site);
    return unpacked<T>(values.of_lane[source]);
}

template <class T, class Combine>
T warp_reduce(unsigned mask, T value, Combine combine, const char* operation, const Site& site) {
    const WarpValues& values = warp_exchange(mask, packed(value), operation, site);
    T result = value;
    bool first = true;
    for (int i = 0; i < 32; ++i) {
        if ((values.mask >> i & 1) == 0) continue;
        const T other = unpacked<T>(values.of_lane[i]);
        result = first ? other : combine(result, other);
        first = false;
    }
    return result;
}

}  // namespace emulated_device

inline void __syncthreads(emulated_device::Site site = emulated_device::Site::current()) {
    emulated_device::block_barrier(0, "__syncthreads", site);
}
inline int __syncthreads_count(int predicate, emulated_device::Site site = emulated_device::Site::current()) {
    return emulated_device::block_barrier(predicate != 0, "__syncthreads_count", site);
}
inline int __syncthreads_or(int predicate, emulated_device::Site site = emulated_device::Site::current()) {
    return emulated_device::block_barrier(predicate != 0, "__syncthreads_or", site) != 0;
}
inline int __syncthreads_and(int predicate, emulated_device::Site site = emulated_device::Site::current()) {
    return emulated_device::block_barrier(predicate == 0, "__syncthreads_and", site) == 0;
}
inline void __syncwarp(unsigned mask = 0xffffffffu,
                       emulated_device::Site site = emulated_device::Site::current()) {
    emulated_device::warp_barrier(mask, site);
}
inline void __threadfence() {
    emulated_device::memory_fence();
}
inline void __threadfence_block() {
    emulated_device::memory_fence();
}

// Shuffles move values within groups of `width` lanes; a lane whose source would lie outside its group keeps
// its own.

template <emulated_device::Shuffled T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              emulated_device::Site site = emulated_device::Site::current()) {
    const int group = emulated_device::lane() & ~(width - 1);
    return emulated_device::shuffle(mask, value, group | (source & (width - 1)), "__shfl_sync", site);
}
template <emulated_device::Shuffled T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32,
                  emulated_device::Site site = emulated_device::Site::current()) {
    const int lane = emulated_device::lane(), end_of_group = (lane & ~(width - 1)) + width;
    const int source = (lane ^ lanes) < end_of_group ? lane ^ lanes : lane;
    return emulated_device::shuffle(mask, value, source, "__shfl_xor_sync", site);
}
template <emulated_device::Shuffled T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   emulated_device::Site site = emulated_device::Site::current()) {
    const int lane = emulated_device::lane(), in_group = lane & (width - 1);
    const int source = in_group + static_cast<int>(delta) < width ? lane + static_cast<int>(delta) : lane;
    return emulated_device::shuffle(mask, value, source, "__shfl_down_sync", site);
}
template <emulated_device::Shuffled T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 emulated_device::Site site = emulated_device::Site::current()) {
    const int lane = emulated_device::lane(), in_group = lane & (width - 1);
    const int source = in_group >= static_cast<int>(delta) ? lane - static_cast<int>(delta) : lane;
    return emulated_device::shuffle(mask, value, source, "__shfl_up_sync", site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              emulated_device::Site site = emulated_device::Site::current()) {
    const auto& values = emulated_device::warp_exchange(mask, predicate != 0, "__ballot_sync", site);
    unsigned ballot = 0;
    for (unsigned i = 0; i < 32; ++i)
        if ((values.mask >> i & 1) != 0 && values.of_lane[i] != 0) ballot |= 1u << i;
    return ballot;
}
inline int __any_sync(unsigned mask, int predicate,
                      emulated_device::Site site = emulated_device::Site::current()) {
    const auto either = [](unsigned a, unsigned b) { return a | b; };
    return emulated_device::warp_reduce(mask, static_cast<unsigned>(predicate != 0), either, "__any_sync",
                                        site) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      emulated_device::Site site = emulated_device::Site::current()) {
    const auto both = [](unsigned a, unsigned b) { return a & b; };
    return emulated_device::warp_reduce(mask, static_cast<unsigned>(predicate != 0), both, "__all_sync",
                                        site) != 0;
}

// The exact overloads of compute capability 8.0: a floating-point argument is ambiguous and does not compile.
#define EMULATED_WARP_REDUCTION(name, T, expression)                                                       \
    inline T name(unsigned mask, T value, emulated_device::Site site = emulated_device::Site::current()) { \
        return emulated_device::warp_reduce(                                                               \
            mask, value, [](T a, T b) { return static_cast<T>(expression); }, #name, site);                \
    }
EMULATED_WARP_REDUCTION(__reduce_add_sync, unsigned, a + b)
EMULATED_WARP_REDUCTION(__reduce_add_sync, int, static_cast<unsigned>(a) + static_cast<unsigned>(b))
EMULATED_WARP_REDUCTION(__reduce_min_sync, unsigned, a < b ? a : b)
EMULATED_WARP_REDUCTION(__reduce_min_sync, int, a < b ? a : b)
EMULATED_WARP_REDUCTION(__reduce_max_sync, unsigned, a > b ? a : b)
EMULATED_WARP_REDUCTION(__reduce_max_sync, int, a > b ? a : b)
EMULATED_WARP_REDUCTION(__reduce_and_sync, unsigned, a& b)
EMULATED_WARP_REDUCTION(__reduce_or_sync, unsigned, a | b)
EMULATED_WARP_REDUCTION(__reduce_xor_sync, unsigned, a ^ b)
#undef EMULATED_WARP_REDUCTION
