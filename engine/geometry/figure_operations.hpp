// What measuring the figures takes, in additions and multiplications, from the sizes of the data alone.
#pragma once

#include <cstdint>

namespace ntpgeo {

/// V, m, nnz and d.
struct MeasuredSize {
    std::int64_t vocab = 0, contexts = 0, nnz = 0, dim = 0;
};

/// Singular values of P_⊥(L̄) and directions of S̃ that a record has at most.
inline constexpr std::int64_t wanted_singular_values = 16, wanted_directions = 16;

/// What looking for the leading triplets of S̃ may take: a minute or so of two cores, once; from V·m = 1e10
/// on, where a step takes that long, as much as a loss step of width 16 (6·V·m·d).
double most_proxy_operations(std::int64_t vocab, std::int64_t contexts);

/// What the spectrum of a record may take: a tenth of a loss step, or seconds where that is less.
double most_spectrum_operations(const MeasuredSize& size);

/// Of what is made once for a data set, and of a record beside its loss step, where a cycle of each search
/// for singular triplets suffices; and what both searches may take besides, where values lie close together.
struct FigureOperations {
    double making = 0, measuring = 0, longer_searches = 0;
};
FigureOperations figure_operations(const MeasuredSize& size);

}  // namespace ntpgeo
