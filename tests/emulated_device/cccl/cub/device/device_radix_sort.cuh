// Emulated cub::DeviceRadixSort: stable, by the bits begin_bit .. end_bit−1 of each key in the vendor's order
// of bits.
#pragma once

#include <cub/util_type.cuh>
#include <devicewide.hpp>
#include <limits>
#include <numeric>
#include <utility>

namespace cub {

struct DeviceRadixSort {
    struct Sort_;
    struct SortBuffers_;

    template <class Key, class Value, std::integral Size>
    static cudaError_t SortPairs(void* temporary, std::size_t& bytes, const Key* keys_in, Key* keys_out,
                                 const Value* values_in, Value* values_out, Size size, int begin_bit = 0,
                                 int end_bit = sizeof(Key) * 8, cudaStream_t stream = nullptr) {
        return sort<false>(temporary, bytes, keys_in, keys_out, values_in, values_out, size,
                           {begin_bit, end_bit}, stream);
    }
    template <class Key, class Value, std::integral Size>
    static cudaError_t SortPairsDescending(void* temporary, std::size_t& bytes, const Key* keys_in,
                                           Key* keys_out, const Value* values_in, Value* values_out,
                                           Size size, int begin_bit = 0, int end_bit = sizeof(Key) * 8,
                                           cudaStream_t stream = nullptr) {
        return sort<true>(temporary, bytes, keys_in, keys_out, values_in, values_out, size,
                          {begin_bit, end_bit}, stream);
    }
    template <class Key, std::integral Size>
    static cudaError_t SortKeys(void* temporary, std::size_t& bytes, const Key* keys_in, Key* keys_out,
                                Size size, int begin_bit = 0, int end_bit = sizeof(Key) * 8,
                                cudaStream_t stream = nullptr) {
        return sort<false, Key, char>(temporary, bytes, keys_in, keys_out, nullptr, nullptr, size,
                                      {begin_bit, end_bit}, stream);
    }

    template <class Key, class Value, std::integral Size>
    static cudaError_t SortPairs(void* temporary, std::size_t& bytes, DoubleBuffer<Key>& keys,
                                 DoubleBuffer<Value>& values, Size size, int begin_bit = 0,
                                 int end_bit = sizeof(Key) * 8, cudaStream_t stream = nullptr) {
        return sort_buffers<false>(temporary, bytes, keys, values, size, {begin_bit, end_bit}, stream);
    }
    template <class Key, class Value, std::integral Size>
    static cudaError_t SortPairsDescending(void* temporary, std::size_t& bytes, DoubleBuffer<Key>& keys,
                                           DoubleBuffer<Value>& values, Size size, int begin_bit = 0,
                                           int end_bit = sizeof(Key) * 8, cudaStream_t stream = nullptr) {
        return sort_buffers<true>(temporary, bytes, keys, values, size, {begin_bit, end_bit}, stream);
    }
    template <class Key, std::integral Size>
    static cudaError_t SortKeys(void* temporary, std::size_t& bytes, DoubleBuffer<Key>& keys, Size size,
                                int begin_bit = 0, int end_bit = sizeof(Key) * 8,
                                cudaStream_t stream = nullptr) {
        DoubleBuffer<char> none(nullptr, nullptr);
        return sort_buffers<false>(temporary, bytes, keys, none, size, {begin_bit, end_bit}, stream);
    }

  private:
    struct Bits {
        int begin, end;
    };

    /// The bits as an unsigned number in the order of the keys: signs flipped, −0 with 0.
    template <class Key>
    static std::uint64_t ordered(Key key, Bits bits) {
        std::uint64_t word = 0;
        const std::uint64_t sign = std::uint64_t{1} << (8 * sizeof(Key) - 1);
        if constexpr (std::is_floating_point_v<Key>) {
            using Word = std::conditional_t<sizeof(Key) == 4, std::uint32_t, std::uint64_t>;
            const Word raw = std::bit_cast<Word>(key == 0 ? Key{0} : key);
            word = static_cast<Word>((raw & sign) != 0 ? ~raw : raw | sign);
        } else {
            word = static_cast<std::make_unsigned_t<Key>>(key);
            if constexpr (std::is_signed_v<Key>) word ^= sign;
        }
        const int count = bits.end - bits.begin;
        return word >> bits.begin & (count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1);
    }

    template <bool descending, class Key, class Value>
    static void arrange(const Key* keys_in, Key* keys_out, const Value* values_in, Value* values_out,
                        std::int64_t size, Bits bits) {
        std::vector<std::pair<std::uint64_t, std::uint32_t>> order(static_cast<std::size_t>(size));
        for (std::uint32_t i = 0; i < order.size(); ++i) {
            const std::uint64_t digits = ordered(keys_in[i], bits);
            order[i] = {descending ? ~digits : digits, i};
        }
        std::sort(order.begin(), order.end());  // by place where the digits are equal
        for (std::size_t i = 0; i < order.size(); ++i) {
            keys_out[i] = keys_in[order[i].second];
            if (values_in != nullptr) values_out[i] = values_in[order[i].second];
        }
    }

    template <class Key>
    static void check_bits(Bits bits, std::int64_t size) {
        if (bits.begin < 0 || bits.begin > bits.end || bits.end > static_cast<int>(sizeof(Key)) * 8)
            emulated_device::fault("cub::DeviceRadixSort: bits that the key does not have");
        if (size > std::numeric_limits<std::uint32_t>::max())
            emulated_device::fault("cub::DeviceRadixSort: more than 2^32 keys are not emulated");
    }

    template <bool descending, class Key, class Value, class Size>
    static cudaError_t sort(void* temporary, std::size_t& bytes, const Key* keys_in, Key* keys_out,
                            const Value* values_in, Value* values_out, Size size, Bits bits,
                            cudaStream_t stream) {
        using namespace emulated_device::devicewide;
        const auto count = static_cast<std::int64_t>(size), values = values_in != nullptr ? count : 0;
        check_bits<Key>(bits, count);
        const auto work = [=] { arrange<descending>(keys_in, keys_out, values_in, values_out, count, bits); };
        // The input stays, so the vendor takes another copy.
        const std::size_t needed = storage(count * sizeof(Key) + values * sizeof(Value));
        return call<Sort_>(temporary, bytes, needed, stream, work, reads(keys_in, count),
                           writes(keys_out, count), reads(values_in, values), writes(values_out, values));
    }

    /// The seed says which buffers get the result; the others get poison.
    template <bool descending, class Key, class Value, class Size>
    static cudaError_t sort_buffers(void* temporary, std::size_t& bytes, DoubleBuffer<Key>& keys,
                                    DoubleBuffer<Value>& values, Size size, Bits bits, cudaStream_t stream) {
        using namespace emulated_device;
        using namespace emulated_device::devicewide;
        const auto count = static_cast<std::int64_t>(size), places = values.Current() != nullptr ? count : 0;
        check_bits<Key>(bits, count);
        Key *const from = keys.Current(), *const to = keys.Alternate();
        Value *const values_from = values.Current(), *const values_to = values.Alternate();
        const bool swapped = (settings().seed & 1) != 0;
        const auto work = [=] {
            arrange<descending>(from, to, values_from, values_to, count, bits);
            if (!swapped) {
                std::copy_n(to, count, from);
                std::copy_n(values_to, places, values_from);
            }
            poison(swapped ? from : to, static_cast<std::size_t>(count) * sizeof(Key));
            poison(swapped ? values_from : values_to, static_cast<std::size_t>(places) * sizeof(Value));
        };
        const cudaError_t error =
            call<SortBuffers_>(temporary, bytes, storage(count / 8), stream, work, writes(from, count),
                               writes(to, count), writes(values_from, places), writes(values_to, places));
        if (temporary != nullptr && swapped) {
            keys.selector ^= 1;
            values.selector ^= 1;
        }
        return error;
    }
};

}  // namespace cub
