// Sorting keys in place, on the calling thread.
#pragma once

#include <cstdint>

#include "kernels/counting/keys_cpu.hpp"

namespace ntpgeo::counting_cpu {

/// Highway's vectorised quicksort: in half the time of a radix sort (docs/performance.md). It has no keys of
/// four words, which std::sort takes.
void sort_keys(Key<1>* keys, std::int64_t size);
void sort_keys(Key<2>* keys, std::int64_t size);
void sort_keys(Key<4>* keys, std::int64_t size);

}  // namespace ntpgeo::counting_cpu
