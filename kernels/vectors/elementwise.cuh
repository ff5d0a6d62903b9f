// Elementwise kernels over contiguous vectors, 16 bytes an access where the alignment allows it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <port.cuh>

#include "kernels/device/device.cuh"

namespace ntpgeo::device {

/// `width` consecutive elements; whole packs of 16 bytes and more move in 16-byte accesses.
template <class T, int width>
struct alignas(sizeof(T) * width < 16 ? sizeof(T) * width : 16) Pack {
    T values[width];
};

template <int width, class T>
__device__ inline Pack<T, width> load(const T* address) {
    return *reinterpret_cast<const Pack<T, width>*>(address);
}
template <class T, int width>
__device__ inline void store(T* address, const Pack<T, width>& pack) {
    *reinterpret_cast<Pack<T, width>*>(address) = pack;
}

/// How many elements lie before the first 16-byte boundary that all vectors have in common; `size` where
/// there is none. `first` holds the vectors' addresses, each with its element size.
struct Start {
    const void* address;
    std::int64_t element_bytes;
};
inline std::int64_t elements_before_packs(std::initializer_list<Start> starts, std::int64_t size) {
    const auto misaligned = [](const Start& start, std::int64_t element) {
        return (reinterpret_cast<std::uintptr_t>(start.address) +
                static_cast<std::uintptr_t>(element * start.element_bytes)) %
                   16 !=
               0;
    };
    for (std::int64_t head = 0; head < std::min<std::int64_t>(size, 4); ++head)
        if (std::none_of(starts.begin(), starts.end(),
                         [&](const Start& start) { return misaligned(start, head); }))
            return head;
    return size;
}

namespace kernels {

/// Runs operation.run<width>(i) over whole packs and operation.run<1>(i) over the elements before and after
/// them.
template <int width, class Operation>
__global__ void for_each_element(Operation operation, std::int64_t size, std::int64_t head) {
    const std::int64_t packs = (size - head) / width, singles = size - packs * width;
    const std::int64_t thread = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    const std::int64_t threads = std::int64_t{gridDim.x} * blockDim.x;
    for (std::int64_t p = thread; p < packs; p += threads) operation.template run<width>(head + p * width);
    for (std::int64_t i = thread; i < singles; i += threads)
        operation.template run<1>(i < head ? i : i + packs * width);
}

}  // namespace kernels

/// Queues `operation`, a trivially copyable struct with `template <int width> __device__ void
/// run(std::int64_t i) const` for the elements i .. i+width−1, over `size` elements. Elements are independent
/// of each other, so the grid does not touch the bits.
template <int width, class Operation>
void for_each_element(Device& device, const Operation& operation, std::int64_t size,
                      std::initializer_list<Start> starts) {
    if (size == 0) return;
    constexpr int threads = 256;
    const std::int64_t head = elements_before_packs(starts, size);
    const std::int64_t work = std::max((size - head) / width, size - (size - head) / width * width);
    const std::int64_t blocks =
        std::min<std::int64_t>((work + threads - 1) / threads, std::int64_t{16} * device.multiprocessors());
    NTPGEO_CHECK(launch(kernels::for_each_element<width, Operation>, static_cast<unsigned>(blocks), threads,
                        0, device.stream(), operation, size, head));
}

/// Elements of T in 16 bytes.
template <class T>
inline constexpr int pack_width = static_cast<int>(16 / sizeof(T));

template <class T>
Start start(const T* address) {
    return {address, static_cast<std::int64_t>(sizeof(T))};
}

/// A writer, to which an operation hands its results besides, where nobody wants them.
struct NoWriter {
    template <int width, class T>
    __device__ void write(std::int64_t, const Pack<T, width>&) const {}
};

/// y += a·x; `writer` gets the new y.
template <class T, class Writer>
struct Axpy {
    double a;
    const T* x;
    T* y;
    Writer writer;
    template <int width>
    __device__ void run(std::int64_t i) const {
        const auto from = load<width>(x + i);
        auto to = load<width>(y + i);
        for (int k = 0; k < width; ++k) to.values[k] = static_cast<T>(to.values[k] + a * from.values[k]);
        store(y + i, to);
        writer.write(i, to);
    }
};

}  // namespace ntpgeo::device
