// The engine that limit and path share: accelerated Douglas-Rachford splitting between an operation on
// columns and a singular value threshold (design 4.2, 4.3).
#pragma once

#include <cstdint>

#include "engine/exact/anderson.hpp"
#include "engine/exact/threshold.hpp"

namespace ntpgeo {

/// One iteration is: `columns_point` = column operation of the state Y, with `reflected` = 2·columns_point −
/// Y; propose(τ): `spectral_point` = SVT(reflected, τ); accept(): Y moves by 1.8·(spectral_point −
/// columns_point), accelerated. Between propose and accept the caller may look at all four and use
/// `reflected` as scratch memory.
class Splitting {
  public:
    Splitting(Backend& backend, std::int64_t rows, std::int64_t vocab);

    [[nodiscard]] Matrix state() const { return matrix(state_); }
    [[nodiscard]] Matrix columns_point() const { return matrix(columns_point_); }
    [[nodiscard]] Matrix spectral_point() const { return matrix(spectral_point_); }
    [[nodiscard]] Matrix reflected() const { return matrix(reflected_); }
    [[nodiscard]] DenseSpectrum& spectrum() { return spectrum_; }
    [[nodiscard]] const DenseSpectrum& spectrum() const { return spectrum_; }

    void propose(double tau) { spectrum_.threshold(reflected(), tau, spectral_point()); }
    /// In fp32; `reflected` and what the spectrum remembers are then of no use.
    void propose_in_fp32(double tau) { spectrum_.threshold_in_fp32(reflected(), tau, spectral_point()); }
    /// Returns the length of the plain step.
    double accept();
    /// For a new problem or a new penalty: forgets the steps before.
    void restart() { anderson_.clear(); }

    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab);

  private:
    [[nodiscard]] Matrix matrix(const Array& array) const { return array.matrix(Real::fp64, rows_, vocab_); }

    std::int64_t rows_, vocab_;
    Array state_, columns_point_, spectral_point_, reflected_;
    DenseSpectrum spectrum_;
    Anderson anderson_;
};

}  // namespace ntpgeo
