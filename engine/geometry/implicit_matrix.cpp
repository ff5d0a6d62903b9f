#include "engine/geometry/implicit_matrix.hpp"

#include <vector>

namespace ntpgeo {

void FactoredMatrix::times(Matrix x, Matrix y) const {
    if (!right_) return backend_.multiply(plain, 1, left_, x, 0, y);
    const Array inner(backend_, left_.columns * x.columns * bytes_of(Real::fp64));
    const Matrix projected = inner.matrix(Real::fp64, left_.columns, x.columns);
    backend_.multiply(a_transposed, 1, *right_, x, 0, projected);
    backend_.multiply(plain, 1, left_, projected, 0, y);
}

void FactoredMatrix::transposed_times(Matrix y, Matrix x) const {
    if (!right_) return backend_.multiply(a_transposed, 1, left_, y, 0, x);
    const Array inner(backend_, left_.columns * y.columns * bytes_of(Real::fp64));
    const Matrix projected = inner.matrix(Real::fp64, left_.columns, y.columns);
    backend_.multiply(a_transposed, 1, left_, y, 0, projected);
    backend_.multiply(plain, 1, *right_, projected, 0, x);
}

void LowRankPart::times(Matrix x, Matrix y) const {
    logits_.times(x, y);
    backend_.pattern_times(labels_, sparse_part_, -1, x, y);
}

void LowRankPart::transposed_times(Matrix y, Matrix x) const {
    logits_.transposed_times(y, x);
    backend_.pattern_transposed_times(labels_, sparse_part_, -1, y, x);
}

CentredSupport::CentredSupport(Backend& backend, const LabelsView& labels)
    : backend_(backend),
      labels_(labels),
      ones_(upload_array(backend, std::vector<double>(static_cast<std::size_t>(labels.nnz), 1.0))) {}

void CentredSupport::centre(Matrix y) const {
    const Array mean(backend_, y.columns * bytes_of(Real::fp64));
    backend_.column_means(y, mean.vector(Real::fp64, y.columns));
    backend_.subtract_row(mean.vector(Real::fp64, y.columns), y);
}

void CentredSupport::times(Matrix x, Matrix y) const {
    backend_.fill_zero(y.flat());
    backend_.pattern_times(labels_, ones_.as<double>(), 1, x, y);
    centre(y);
}

void CentredSupport::transposed_times(Matrix y, Matrix x) const {
    const Array copy(backend_, y.rows * y.columns * bytes_of(Real::fp64));
    const Matrix centred = copy.matrix(Real::fp64, y.rows, y.columns);
    backend_.copy(y.flat(), centred.flat());
    centre(centred);
    backend_.fill_zero(x.flat());
    backend_.pattern_transposed_times(labels_, ones_.as<double>(), 1, centred, x);
}

}  // namespace ntpgeo
