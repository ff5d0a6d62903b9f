// The limits of the emulated device: those of compute capability 9.0. How many multiprocessors it has is a
// setting.
#pragma once

#include <cstddef>

namespace emulated_device {

constexpr unsigned warp_size = 32;
constexpr unsigned max_block_threads = 1024;
constexpr unsigned max_block_depth = 64;
constexpr unsigned max_grid_width = 0x7fffffff;
constexpr unsigned max_grid_height = 65535;
constexpr std::size_t max_static_shared = std::size_t{48} << 10;
constexpr std::size_t max_dynamic_shared = std::size_t{227}
                                           << 10;  // more than 48 KiB only for kernels that ask
constexpr std::size_t multiprocessor_shared = std::size_t{228} << 10;
constexpr unsigned multiprocessor_threads = 2048;
constexpr unsigned multiprocessor_blocks = 32;

}  // namespace emulated_device
