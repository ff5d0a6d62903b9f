// What counting on a GPU calls for each element: windows as 64-bit keys, whose order is that of their tokens.
#pragma once

#include <thrust/tuple.h>
#include <cstdint>
#include <port.cuh>

namespace ntpgeo::counting_cuda::operations {

using Key = std::uint64_t;
using Place = std::uint32_t;  ///< of a token in the text

/// The place before a document's end.
struct LastToken {
    __host__ __device__ std::int64_t operator()(std::int64_t end) const { return end - 1; }
};

/// Where the clean text that holds place p ends, as far as p itself can tell.
struct OwnEnd {
    const std::int32_t* ids;
    const Place* ends;
    __host__ __device__ Place operator()(Place p) const { return ids[p] < 0 ? p : ends[p]; }
};

struct Smaller {
    __host__ __device__ Place operator()(Place a, Place b) const { return b < a ? b : a; }
};
struct Larger {
    __host__ __device__ Key operator()(Key a, Key b) const { return a < b ? b : a; }
};

/// Whether a window of `length` clean tokens begins at a place.
struct IsWindow {
    const Place* ends;
    std::int64_t length;
    __host__ __device__ bool operator()(Place p) const { return ends[p] >= p + length; }
};

/// The key of a window: ranks of the k-windows that cover its first `covered` tokens (the last may overlap
/// the one before), then the next token.
struct Pack {
    const Place* ranks;  ///< of the k-windows, by place; the ids themselves where k = 1
    IsWindow is_window;
    std::int32_t k, covered, rank_bits;
    const std::int32_t* next_of;  ///< null where the key has no next token
    std::int32_t token_bits;

    __host__ __device__ Key operator()(Place p) const {
        if (!is_window(p)) return 0;
        Key key = 0;
        for (std::int32_t i = 0; i < covered; i += k)
            key = key << rank_bits | ranks[p + (i + k <= covered ? i : covered - k)];
        return next_of ? key << token_bits | static_cast<Place>(next_of[p + covered]) : key;
    }
};

/// Beyond every context's key, as the next token's bits stand below it.
constexpr Key no_more = ~Key{0};

/// Whether a window begins at a place whose context's key is in bounds[0] .. bounds[1]−1, or is any.
struct ContextRange {
    Pack pack;
    const Key* bounds;
    bool any;
    __host__ __device__ bool operator()(Place p) const {
        if (!pack.is_window(p)) return false;
        if (any) return true;
        const Key context = pack(p) >> pack.token_bits;
        return bounds[0] <= context && context < bounds[1];
    }
};

/// Whether a sorted key differs from the one before in the bits from `shift` on.
struct Begins {
    const Key* keys;
    std::int32_t shift;
    __host__ __device__ bool operator()(Place i) const {
        return i == 0 || keys[i] >> shift != keys[i - 1] >> shift;
    }
};

/// By how much the rank of a sorted key is above the one's before.
struct RankStep {
    Begins begins;
    __host__ __device__ Place operator()(Place i) const { return i != 0 && begins(i) ? 1 : 0; }
};

struct Widen {
    __host__ __device__ Key operator()(Place count) const { return count; }
};

struct ContextOf {
    std::int32_t token_bits;
    __host__ __device__ Key operator()(Key entry) const { return entry >> token_bits; }
};

/// Of a context's total and its number.
struct IsFrequent {
    Key least;
    template <class Candidate>
    __host__ __device__ bool operator()(const Candidate& candidate) const {
        return thrust::get<0>(candidate) >= least;
    }
};

/// How many entries a row has; none beyond the last.
struct RowLength {
    const Place *order, *begins;
    std::int64_t rows;
    __host__ __device__ std::int64_t operator()(std::int64_t row) const {
        return row < rows ? std::int64_t{begins[order[row] + 1]} - begins[order[row]] : 0;
    }
};

}  // namespace ntpgeo::counting_cuda::operations
