// Counting windows of any length, by a hash table of contexts.
#pragma once

#include "kernels/counting/counting.hpp"

namespace ntpgeo::counting_cpu {

/// Bytes a token that it may take, were no two contexts the same.
inline constexpr std::int64_t table_bytes = 100;

/// count_windows as CountingOperations has it, on the calling thread.
WindowCounts count_by_table(const TextIds& text, const WindowOptions& options);

}  // namespace ntpgeo::counting_cpu
