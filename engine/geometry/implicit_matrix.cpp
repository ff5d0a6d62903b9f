#include "engine/geometry/implicit_matrix.hpp"

#include <algorithm>

namespace ntpgeo {
namespace {

Array fp64_block(Memory& memory, std::int64_t rows, std::int64_t columns) {
    return {memory, rows * columns * bytes_of(Real::fp64)};
}

/// [rows, columns] with `diagonal` on its diagonal and 0 elsewhere.
Array diagonal_matrix(Memory& memory, std::int64_t rows, const std::vector<double>& diagonal) {
    const auto columns = static_cast<std::int64_t>(diagonal.size());
    std::vector<double> matrix(static_cast<std::size_t>(rows * columns), 0.0);
    for (std::int64_t k = 0; k < columns; ++k) matrix[k * columns + k] = diagonal[k];
    return upload_array(memory, matrix);
}

}  // namespace

void FactoredMatrix::times(Matrix x, Matrix y) const {
    if (!right_) return place_.backend.multiply(plain, 1, left_, x, 0, y);
    const Array inner(place_.memory, left_.columns * x.columns * bytes_of(Real::fp64));
    const Matrix projected = inner.matrix(Real::fp64, left_.columns, x.columns);
    place_.backend.multiply(a_transposed, 1, *right_, x, 0, projected);
    place_.backend.multiply(plain, 1, left_, projected, 0, y);
}

double FactoredMatrix::operations() const {
    const auto entries = [](Matrix a) {
        return static_cast<double>(a.rows) * static_cast<double>(a.columns);
    };
    return 2 * (entries(left_) + (right_ ? entries(*right_) : 0.0));
}

void FactoredMatrix::transposed_times(Matrix y, Matrix x) const {
    if (!right_) return place_.backend.multiply(a_transposed, 1, left_, y, 0, x);
    const Array inner(place_.memory, left_.columns * y.columns * bytes_of(Real::fp64));
    const Matrix projected = inner.matrix(Real::fp64, left_.columns, y.columns);
    place_.backend.multiply(a_transposed, 1, left_, y, 0, projected);
    place_.backend.multiply(plain, 1, *right_, projected, 0, x);
}

void LowRankPart::times(Matrix x, Matrix y) const {
    logits_.times(x, y);
    backend_.pattern_times(labels_, sparse_part_, -1, x, y);
}

void LowRankPart::transposed_times(Matrix y, Matrix x) const {
    logits_.transposed_times(y, x);
    backend_.pattern_transposed_times(labels_, sparse_part_, -1, y, x);
}

void CentredSupport::centre(Matrix y) const {
    const Array mean(place_.memory, y.columns * bytes_of(Real::fp64));
    place_.backend.column_means(y, mean.vector(Real::fp64, y.columns));
    place_.backend.subtract_row(mean.vector(Real::fp64, y.columns), y);
}

void CentredSupport::times(Matrix x, Matrix y) const {
    place_.backend.fill_zero(y.flat());
    place_.backend.pattern_times(labels_, nullptr, 1, x, y);
    centre(y);
}

void CentredSupport::transposed_times(Matrix y, Matrix x) const {
    const Array copy(place_.memory, y.rows * y.columns * bytes_of(Real::fp64));
    const Matrix centred = copy.matrix(Real::fp64, y.rows, y.columns);
    place_.backend.copy(y.flat(), centred.flat());
    centre(centred);
    place_.backend.fill_zero(x.flat());
    place_.backend.pattern_transposed_times(labels_, nullptr, 1, centred, x);
}

Array leading_columns(const Place& place, Matrix matrix, std::int64_t count) {
    // A product with the first columns of the identity, in which every sum has one term that is not 0.
    const Array choice = diagonal_matrix(place.memory, matrix.columns,
                                         std::vector<double>(static_cast<std::size_t>(count), 1.0));
    Array chosen = fp64_block(place.memory, matrix.rows, count);
    place.backend.multiply(plain, 1, matrix, choice.matrix(Real::fp64, matrix.columns, count), 0,
                           chosen.matrix(Real::fp64, matrix.rows, count));
    return chosen;
}

Directions complete_directions(Backend& backend, const ImplicitMatrix& matrix, Matrix vectors,
                               bool vectors_are_left, const std::vector<double>& values, std::int64_t count) {
    Directions result;
    count = std::min(count, static_cast<std::int64_t>(values.size()));
    result.values.assign(values.begin(), values.begin() + count);
    if (count == 0) return result;

    Array known = leading_columns(backend, vectors, count);
    const Matrix chosen = known.matrix(Real::fp64, vectors.rows, count);
    const std::int64_t other_rows = vectors_are_left ? matrix.columns() : matrix.rows();
    const Array image = fp64_block(backend, other_rows, count);
    const Matrix mapped = image.matrix(Real::fp64, other_rows, count);
    vectors_are_left ? matrix.transposed_times(chosen, mapped) : matrix.times(chosen, mapped);
    std::vector<double> inverse(result.values);
    for (double& value : inverse) value = 1 / value;
    const Array scale = diagonal_matrix(backend, count, inverse);
    Array other = fp64_block(backend, other_rows, count);
    backend.multiply(plain, 1, mapped, scale.matrix(Real::fp64, count, count), 0,
                     other.matrix(Real::fp64, other_rows, count));
    result.left = std::move(vectors_are_left ? known : other);
    result.right = std::move(vectors_are_left ? other : known);
    return result;
}

std::vector<double> direction_strengths(const Place& place, const ImplicitMatrix& matrix,
                                        const Directions& directions) {
    const std::int64_t count = directions.count();
    if (count == 0) return {};
    const Array image = fp64_block(place.memory, matrix.rows(), count),
                products = fp64_block(place.memory, count, count);
    const Matrix mapped = image.matrix(Real::fp64, matrix.rows(), count);
    matrix.times(directions.right.matrix(Real::fp64, matrix.columns(), count), mapped);
    place.backend.multiply(a_transposed, 1, directions.left.matrix(Real::fp64, matrix.rows(), count), mapped,
                           0, products.matrix(Real::fp64, count, count));
    const auto host = download_array<double>(place.backend, products.data(), count * count);
    std::vector<double> strengths(static_cast<std::size_t>(count));
    for (std::int64_t k = 0; k < count; ++k) strengths[k] = host[k * count + k];
    return strengths;
}

DirectionMemory direction_memory(const LabelsView& labels, std::int64_t vectors, std::int64_t count,
                                 std::int64_t dim) {
    const std::int64_t both = labels.vocab_size + labels.contexts;
    return {8 * both * count, 8 * (both + vectors + 2 * count + 1) * count,
            8 * (labels.vocab_size + dim + count) * count};
}

}  // namespace ntpgeo
