// The fixed point of Douglas-Rachford splitting for NTP-SVM with both proximal maps smoothed, as an equation
// F(Y) = 0, and products with its derivative (design (4.2-7) to (4.2-10)).
#pragma once

#include <cstdint>

#include "engine/exact/splitting.hpp"

namespace ntpgeo {

/// F(Y) = X − Z at the state Y of a splitting, whose points and spectrum it uses: Z = columns_point and 2Z −
/// Y = reflected; F takes the place of spectral_point.
class SmoothedResidual {
  public:
    /// `labels` and `margins` are those of the own rows, the backend's, and must outlive it, as the splitting
    /// and `rows` must.
    SmoothedResidual(const SolverRows& rows, const LabelsView& labels, const double* margins,
                     Splitting& splitting);

    /// Makes Z, 2Z − Y and F, and returns ‖F‖. Products that follow a linearise() will be made in
    /// `products`.
    double evaluate(const Smoothing& smoothing, Real products);
    /// Prepares products with the derivative at the Y last evaluated, whose spectrum the splitting still
    /// remembers. `reflected` may have another content by then.
    void linearise();
    /// out = −∂F/∂Y·direction = Q d − S(2Q d − d), Q and S the two maps' derivatives; both [rows·V] and of
    /// the precision last linearised in.
    void product(Vector direction, Vector out);

    [[nodiscard]] Vector residual() const { return splitting_.spectral_point().flat(); }
    [[nodiscard]] Real products() const { return real_; }

    /// Bytes of the backend's memory of one rank with all rows, products in fp64 included.
    static std::int64_t bytes(std::int64_t rows, std::int64_t vocab);

  private:
    void threshold_by_vectors(Matrix mirror, Matrix out);
    void threshold_by_maps(Matrix mirror, Matrix out);
    [[nodiscard]] Matrix like_state(const Array& array, Real real) const;
    [[nodiscard]] Matrix square(const Array& array, Real real) const;

    const SolverRows& rows_;
    Backend& backend_;
    LabelsView labels_;
    const double* margins_;
    Splitting& splitting_;
    std::int64_t shorter_;
    /// Whether a product is made in the matrix's own coordinates, not in the vectors': three large products
    /// and four of the shorter side alone, not four large ones. So it is, too, where the shorter side is the
    /// contexts' and has shards: vectors would need all rows twice.
    bool by_maps_;
    Real real_ = Real::fp32;
    Smoothing smoothing_;
    Array levels_;                         // fp64 [rows]
    Array weights_, matrix_, mirror_;      // [rows, V] each: of (4.2-8); B; a product's 2Qd − d
    Array turned_, image_;                 // [rows, V] each, not by maps: UᵀB; a product's Uᵀ(2Qd − d)
    Array vectors_, slopes_, symmetric_;   // [n, n]: U; G of (4.2-10); a product's H
    Array map_, inner_;                    // [n, n], by maps: U f Uᵀ; a product's
    Array factors_;                        // [n]: f of (4.2-9)
    Array all_of_matrix_, all_of_mirror_;  // [n, V] of all ranks, where products take them
    SharedMatrix shared_matrix_;           // B, since it was last linearised
};

}  // namespace ntpgeo
