#include "kernels/counting/sort_keys.hpp"

#include <hwy/contrib/sort/vqsort.h>

#include <algorithm>

namespace ntpgeo::counting_cpu {
namespace {

template <class Number, class Keys>
void sort_as(Keys* keys, std::int64_t size) {
    static_assert(sizeof(Number) == sizeof(Keys) && alignof(Keys) >= alignof(Number));
    const hwy::Sorter sorter;
    sorter(reinterpret_cast<Number*>(keys), static_cast<std::size_t>(size), hwy::SortAscending());
}

}  // namespace

void sort_keys(Key<1>* keys, std::int64_t size) {
    sort_as<std::uint64_t>(keys, size);
}
void sort_keys(Key<2>* keys, std::int64_t size) {
    sort_as<hwy::uint128_t>(keys, size);
}
void sort_keys(Key<4>* keys, std::int64_t size) {
    std::sort(keys, keys + size);
}

}  // namespace ntpgeo::counting_cpu
