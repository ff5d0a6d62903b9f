#include "engine/exact/splitting.hpp"

namespace ntpgeo {
namespace {

constexpr double relaxation = 1.8;

}  // namespace

Splitting::Splitting(Backend& backend, std::int64_t rows, std::int64_t vocab)
    : rows_(rows),
      vocab_(vocab),
      state_(backend, rows * vocab * 8),
      columns_point_(backend, rows * vocab * 8),
      spectral_point_(backend, rows * vocab * 8),
      reflected_(backend, rows * vocab * 8),
      spectrum_(backend, rows, vocab),
      anderson_(backend, rows * vocab) {}

double Splitting::accept() {
    return anderson_.advance(relaxation, spectral_point().flat(), columns_point().flat(), state().flat());
}

std::int64_t Splitting::bytes(std::int64_t rows, std::int64_t vocab) {
    return rows * vocab * 4 * 8 + Anderson::bytes(rows * vocab) + DenseSpectrum::bytes(rows, vocab);
}

}  // namespace ntpgeo
