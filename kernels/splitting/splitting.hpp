// Vector operations of an Anderson-accelerated splitting iteration (design 4.2): the state Y moves to Y⁺ = Y
// + α(X − Z), and a history of changes, kept in fp32, corrects it. Contract with backend.hpp; the CPU twins
// are declared here.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/base/views.hpp"

namespace ntpgeo {

/// The vectors of a splitting step, each of the state's size N.
struct SplittingStep {
    Vector x, z;             ///< the two proximal points, fp64
    Vector y;                ///< the state; becomes Y⁺ (fp64)
    Vector residual, moved;  ///< in: g and Y⁺ of the step before; out: of this one (fp64)
    Vector residual_change,
        moved_change;  ///< out: the differences, fp32; data null where there was no step before
};

/// Products of a history's rows.
struct RowDots {
    std::vector<double> with_row, with_vector;  ///< [w]
};

namespace splitting_cpu {

/// g = relaxation·(x − z), y ← y + g, and the differences from the step before. Returns ‖g‖², over fixed
/// blocks in a fixed order.
double splitting_step(double relaxation, const SplittingStep& step);

/// with_row[q] = ⟨rows[q], rows[row]⟩ and with_vector[q] = ⟨rows[q], x⟩ in one pass over the rows, over fixed
/// blocks in a fixed order. rows [w, N] fp32; x [N] fp64.
RowDots row_dots(Matrix rows, std::int64_t row, Vector x);

/// y −= Σ_q coefficients[q]·rows[q]. rows [w, N] fp32; y [N] fp64.
void subtract_rows(const std::vector<double>& coefficients, Matrix rows, Vector y);

}  // namespace splitting_cpu
}  // namespace ntpgeo
