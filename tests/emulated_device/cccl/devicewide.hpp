// What every emulated CUB call does: the two phases of temporary storage, the checks of its memory, and the
// work queued on its stream as a kernel of one thread, so that a fault in a functor names the call. Stands on
// what the port layer stands on (device_code.hpp) and on the arena's extents.
#pragma once

#include <port.cuh>

#include <arena.hpp>
#include <sanitizers.hpp>
#include <settings.hpp>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <iterator>
#include <string>
#include <type_traits>
#include <vector>

namespace emulated_device::devicewide {

/// Its address stands for a call, its symbol names it.
template <class Name>
void algorithm() {}

template <class Iterator>
constexpr bool is_plain = std::is_pointer_v<Iterator>;

template <class Iterator, class Otherwise = void>
struct ValueOf {
    using type = typename std::iterator_traits<Iterator>::value_type;
};
template <class Iterator, class Otherwise>
requires std::is_void_v<typename std::iterator_traits<Iterator>::value_type>
struct ValueOf<Iterator, Otherwise> {
    using type = Otherwise;
};
/// What an iterator holds; `Otherwise` where it is one that only takes.
template <class Iterator, class Otherwise = void>
using value_of = std::remove_cv_t<typename ValueOf<Iterator, Otherwise>::type>;

/// In what the vendor accumulates.
template <class Operator, class Initial, class Value>
using accumulator = std::decay_t<std::invoke_result_t<Operator, Initial, Value>>;

/// An argument of a call: how many elements of it are read or written, as far as the call knows.
template <class Iterator>
struct Argument {
    Iterator iterator;
    std::int64_t elements;
    bool written;
};
template <class Iterator, class Size>
Argument<Iterator> reads(Iterator iterator, Size elements) {
    return {iterator, static_cast<std::int64_t>(elements), false};
}
template <class Iterator, class Size>
Argument<Iterator> writes(Iterator iterator, Size elements) {
    return {iterator, static_cast<std::int64_t>(elements), true};
}

struct Bytes {
    const char* start = nullptr;
    std::size_t count = 0;
    bool written = false;
};

template <class Iterator>
Bytes bytes_of(const Argument<Iterator>& argument) {
    if constexpr (is_plain<Iterator>)
        return {reinterpret_cast<const char*>(argument.iterator),
                static_cast<std::size_t>(argument.elements) * sizeof(*argument.iterator), argument.written};
    else
        return {};
}

template <class Name>
std::string name() {
    std::string text = __PRETTY_FUNCTION__;
    const std::size_t begin = text.find("Name = ") + 7;
    return text.substr(begin, text.find_first_of(";]", begin) - begin);
}

/// Whether a call may write where it reads.
template <class Name>
constexpr bool in_place = requires {
    Name::in_place;
};

template <class Name, class... Iterators>
void check_arguments(const Argument<Iterators>&... arguments) {
    const Bytes all[] = {bytes_of(arguments)...};
    for (const Bytes& range : all)
        if (range.count != 0) Arena::instance().require(range.start, range.count, name<Name>());
    for (const Bytes& a : all)
        for (const Bytes& b : all)
            if (&a < &b && (a.written || b.written) && a.start < b.start + b.count &&
                b.start < a.start + a.count && !(in_place<Name> && a.start == b.start))
                fault(name<Name>() + ": what it writes overlaps what it reads or writes");
    const auto check = [](const auto& argument) {
        if constexpr (!is_plain<std::decay_t<decltype(argument.iterator)>>)
            check_parameter(reinterpret_cast<const void*>(&algorithm<Name>), argument.iterator);
    };
    (check(arguments), ...);
}

/// Temporary storage of at least this many bytes; odd, and another amount for each seed, so that nobody
/// counts on it.
inline std::size_t storage(std::int64_t bytes) {
    return static_cast<std::size_t>(bytes) + 511 + settings().seed % 7 * 256;
}

template <class Name, class Work, class... Iterators>
cudaError_t call(void* temporary, std::size_t& temporary_bytes, std::size_t needed, cudaStream_t stream,
                 Work work, Argument<Iterators>... arguments) {
    if (temporary == nullptr) {
        temporary_bytes = needed;
        return cudaSuccess;
    }
    if (temporary_bytes < needed) return cudaErrorInvalidValue;
    const auto check = [=] {
        check_arguments<Name>(writes(static_cast<char*>(temporary), needed), arguments...);
    };
    check();
    const auto run = [=] {
        poison(temporary, needed);  // the vendor writes there before it reads
        work();
    };
    return launch_kernel(reinterpret_cast<const void*>(&algorithm<Name>), 1, 1, 0, stream, run, check);
}

/// The first `size` values, read in an order that the seed decides.
template <class Value, class In>
std::vector<Value> values(In in, std::int64_t size) {
    std::vector<Value> all(static_cast<std::size_t>(size));
    const std::int64_t first = size == 0 ? 0 : static_cast<std::int64_t>(settings().seed * 7919 % size);
    for (std::int64_t i = 0; i < size; ++i) {
        const std::int64_t at = first + i < size ? first + i : first + i - size;
        all[at] = static_cast<Value>(in[at]);
    }
    return all;
}

/// Combined by strides, as many as the seed says: the same bits in every run, others on another device and,
/// as the vendor's, for a pointer that 16-byte loads cannot use; wrong where `combine` does not commute.
/// `initial` comes last.
template <class Accumulator, class In, class Operator>
Accumulator reduced(In in, std::int64_t begin, std::int64_t end, Operator combine, Accumulator initial) {
    if (begin >= end) return initial;
    bool aligned = true;
    if constexpr (is_plain<In>) aligned = reinterpret_cast<std::uintptr_t>(in + begin) % 16 == 0;
    const std::int64_t strides =
        std::min<std::int64_t>(end - begin, (std::int64_t{1} << settings().seed % 6) + (aligned ? 0 : 1));
    std::vector<Accumulator> sums;
    for (std::int64_t i = begin; i < begin + strides; ++i) sums.push_back(static_cast<Accumulator>(in[i]));
    for (std::int64_t i = begin + strides; i < end; ++i) {
        Accumulator& sum = sums[static_cast<std::size_t>((i - begin) % strides)];
        sum = combine(sum, static_cast<Accumulator>(in[i]));
    }
    while (sums.size() > 1) {
        const Accumulator last = sums.back();
        sums.pop_back();
        sums.front() = combine(last, sums.front());
    }
    return combine(initial, sums.front());
}

}  // namespace emulated_device::devicewide
