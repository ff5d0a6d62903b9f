#include "engine/exact/threshold.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

namespace ntpgeo {
namespace {

constexpr double unit_roundoff = 0x1p-53;
constexpr double counted_in_rank = 1e-6;
constexpr double kept_in_factors = 1e-12;
// The eigenvectors of a Gram matrix are right to about 2^-53 (σ₁/σ)².
constexpr double known_to_gram = 1e-3;

double root(double square) {
    return std::sqrt(std::max(square, 0.0));
}

// σ − τ of the σ that exceed τ.
std::vector<double> shrunk(const std::vector<double>& squares, double tau) {
    std::vector<double> values;
    for (const double square : squares) {
        if (!(root(square) > tau)) break;
        values.push_back(root(square) - tau);
    }
    return values;
}

// How many exceed `share` of the largest.
std::int64_t over_largest(const std::vector<double>& values, double share) {
    const double least = values.empty() ? 0 : share * *std::max_element(values.begin(), values.end());
    return std::count_if(values.begin(), values.end(), [&](double value) { return value > least; });
}

}  // namespace

DenseSpectrum::DenseSpectrum(const SolverRows& rows, ThresholdBy by)
    : rows_(rows),
      backend_(rows.backend()),
      shorter_(rows.shorter()),
      longer_(rows.longer()),
      by_words_(rows.by_words()),
      by_(by),
      products_(rows) {}

DenseSpectrum::DenseSpectrum(std::unique_ptr<SolverRows> own, ThresholdBy by) : DenseSpectrum(*own, by) {
    own_rows_ = std::move(own);
}

DenseSpectrum::DenseSpectrum(Backend& backend, std::int64_t rows, std::int64_t vocab, ThresholdBy by)
    : DenseSpectrum(std::make_unique<SolverRows>(backend, rows, vocab), by) {}

std::int64_t DenseSpectrum::bytes(std::int64_t rows, std::int64_t vocab) {
    const std::int64_t shorter = std::min(rows, vocab), longer = std::max(rows, vocab);
    // What is kept: two decompositions, a map, vectors, what a threshold by products has beside them, and the
    // products with few vectors. And what decompose takes: the products with all and the copy that QR makes
    // of them, a factor of the shorter side, R and its decomposition. A GPU's solvers have work space of
    // their own.
    return (10 * shorter + 2 * longer) * shorter * 8 + longer * (shorter / 2) * 8 + 3 * (shorter + 2) * 8;
}

Matrix DenseSpectrum::room(Array& array, Real real, std::int64_t rows, std::int64_t columns) {
    const std::int64_t bytes = rows * columns * bytes_of(Real::fp64);
    if (array.bytes() < bytes) array = Array(backend_, bytes);
    return array.matrix(real, rows, columns);
}

void DenseSpectrum::decompose_gram(const SharedMatrix& a, Vectors& to) {
    to.real = a.own.real;
    const Matrix gram = room(to.rows, to.real, shorter_, shorter_);
    const Matrix values = room(to.values, to.real, 1, shorter_);
    rows_.gram(a, gram);
    // All decompose it, so that nobody waits; ranks on other processors may find other bits.
    to.squares = rows_.from_first(backend_.decompose_symmetric(gram, values.flat()));
    rows_.from_first(gram.flat());
    rows_.from_first(values.flat());
}

Matrix DenseSpectrum::take(const Vectors& basis, const SpectralMap& map, std::int64_t count, Real real) {
    room(half_, real, shorter_, shorter_);
    const Matrix vectors = half_.matrix(real, shorter_, count);
    backend_.take_eigenvectors(rows_of(basis), values_of(basis), map, vectors);
    return vectors;
}

void DenseSpectrum::filter(const Vectors& basis, const SpectralMap& map, std::int64_t count,
                           const SharedMatrix& a, Matrix out) {
    if (count == 0) return backend_.fill_zero(out.flat());
    filter_by(take(basis, map, count, a.own.real), a, out);
}

void DenseSpectrum::remember_and_filter(const SpectralMap& map, Matrix a, Matrix out) {
    const SharedMatrix all = collect(a);
    decompose_gram(all, last_);
    filter(last_, map, shorter_, all, out);
}

// Shared rows of the contexts' side go through the map alone, whose rows are shared as well: vectors would
// have every rank make all of the inner matrix.
void DenseSpectrum::filter_by(Matrix half, const SharedMatrix& a, Matrix out) {
    const std::int64_t count = half.columns;
    const Real real = a.own.real;
    if (2 * count < shorter_ && (by_words_ || !rows_.has_shards())) {
        const std::int64_t longer = by_words_ ? a.own.rows : longer_;
        room(inner_, real, longer, (shorter_ - 1) / 2);
        if (by_words_) {
            const Matrix inner = inner_.matrix(real, longer, count);
            rows_.multiply_rows(plain, 1, a.own, half, 0, inner);
            rows_.multiply_rows(b_transposed, 1, inner, half, 0, out);
        } else {
            const Matrix inner = inner_.matrix(real, count, longer);
            backend_.multiply(a_transposed, 1, half, a.own, 0, inner);
            backend_.multiply(plain, 1, half, inner, 0, out);
        }
        return;
    }
    const Matrix map = room(map_, real, shorter_, shorter_);
    backend_.gram(half, false, map);
    rows_.multiply(1, a, map, 0, out);
}

void DenseSpectrum::decompose_to_threshold(const SharedMatrix& a, double tau, Vectors& to) {
    decompose_gram(a, to);
    products_.expect(std::accumulate(to.squares.begin(), to.squares.end(), 0.0));
    values_ = shrunk(to.squares, tau);
}

// What own_ holds is of use only to what follows a decomposition at once.
bool DenseSpectrum::threshold_by_products(const SharedMatrix& a, double tau, Matrix x) {
    if (by_ == ThresholdBy::decomposition) return false;
    const Real real = a.own.real;
    const std::optional<ProductPlan> plan = products_.plan(tau, real);
    if (!plan ||
        (by_ == ThresholdBy::prediction && !backend_.products_are_faster(real, shorter_, plan->products())))
        return false;
    const auto square = [&](Array& array) { return room(array, real, shorter_, shorter_); };
    if (!products_.apply(*plan, {square(map_), square(half_), square(own_.rows), square(spare_)}, a, tau, x))
        return false;
    ++made_by_products_;
    return true;
}

void DenseSpectrum::threshold(Matrix a, double tau, Matrix x, Remember remember) {
    const SharedMatrix all = collect(a);
    if (remember == Remember::no && threshold_by_products(all, tau, x)) return;
    decompose_to_threshold(all, tau, last_);
    filter(last_, {SpectralMap::Kind::shrink, tau}, std::ssize(values_), all, x);
}

// Each of the two is the other's fp32 copy: no further memory.
void DenseSpectrum::threshold_in_fp32(Matrix a, double tau, Matrix x) {
    const Matrix from{x.data, Real::fp32, a.rows, a.columns}, to{a.data, Real::fp32, a.rows, a.columns};
    backend_.copy(a.flat(), from.flat());
    const SharedMatrix all = collect(from);
    if (!threshold_by_products(all, tau, to)) {
        decompose_to_threshold(all, tau, own_);
        filter(own_, {SpectralMap::Kind::shrink, tau}, std::ssize(values_), all, to);
    }
    backend_.copy(to.flat(), x.flat());
}

double DenseSpectrum::nuclear_norm() const {
    return std::accumulate(values_.begin(), values_.end(), 0.0);
}

double DenseSpectrum::nuclear_norm_rounding() const {
    double inverses = 0, square = 0;
    for (std::size_t k = 0; k < values_.size(); ++k) inverses += 1 / root(last_.squares[k]);
    for (const double value : last_.squares) square += std::max(value, 0.0);
    return unit_roundoff * inverses *
           (8 * static_cast<double>(shorter_) * last_.squares[0] + static_cast<double>(longer_ + 2) * square);
}

std::int64_t DenseSpectrum::rank() const {
    return over_largest(values_, counted_in_rank);
}

double gram_norm_bound(double largest_eigenvalue, std::int64_t n, std::int64_t summed, double square) {
    const double products = static_cast<double>(summed + 2) * unit_roundoff;
    return root(std::max(largest_eigenvalue, 0.0) * (1 + 8 * static_cast<double>(n) * unit_roundoff) +
                2 * products / (1 - products) * square);
}

SpectralNorm DenseSpectrum::spectral_norm(Matrix m, double square) {
    decompose_gram(collect(m), own_);
    const double largest = own_.squares[0];
    const double bound = gram_norm_bound(largest, shorter_, longer_, square);
    return {bound, bound - root(largest)};
}

void DenseSpectrum::clip(Matrix m, Matrix clipped) {
    filter(own_, {SpectralMap::Kind::clip}, shorter_, collect(m), clipped);
}

void DenseSpectrum::times(Matrix a, Matrix vectors, Matrix out) {
    backend_.multiply(by_words_ ? plain : a_transposed, 1, a, vectors, 0, out);
}

void DenseSpectrum::queue_lengths(const Vectors& basis, const SharedMatrix& a, Matrix work) {
    if (rows_.has_shards()) {
        shared_figures_ = shared_lengths(basis, a, work);
        shared_figures_.push_back(rows_.dot(a.own.flat(), a.own.flat()));
        shared_figures_.resize(shared_figures_.size() + 2);
        return;
    }
    const Matrix products{work.data, Real::fp64, longer_, shorter_};
    times(a.own, take(basis, {}, shorter_, Real::fp64), products);
    room(figures_, Real::fp64, 1, shorter_ + 3);
    backend_.column_squares(products, figures_.vector(Real::fp64, shorter_));
    backend_.dot_into(a.own.flat(), a.own.flat(), figures_.as<double>() + shorter_);
}

// On the words' side every shard has a share of each length; on the contexts' every rank has the lengths of
// as many vectors as it has rows.
std::vector<double> DenseSpectrum::shared_lengths(const Vectors& basis, const SharedMatrix& a, Matrix work) {
    room(figures_, Real::fp64, 1, shorter_ + 3);
    if (by_words_) {
        rows_.multiply_rows(plain, 1, a.own, take(basis, {}, shorter_, Real::fp64), 0, work);
        return rows_.sums_of(shorter_, [&](const RowRange& piece) {
            backend_.column_squares(SolverRows::piece_of(work, piece), figures_.vector(Real::fp64, shorter_));
            return download_array<double>(backend_, figures_.data(), shorter_);
        });
    }
    // The basis has a vector a row, that of the least value first.
    const Matrix vectors = rows_.own_rows(rows_of(basis)), squares = room(figures_, Real::fp64, shorter_, 1);
    rows_.multiply_rows(plain, 1, vectors, a.all, 0, work);
    for (std::int64_t k = 0; k < work.rows; ++k) {
        const Vector image{work.as<double>() + k * work.columns, Real::fp64, work.columns};
        backend_.dot_into(image, image, rows_.own_rows(squares).as<double>() + k);
    }
    rows_.share(squares);
    std::vector<double> lengths = download_array<double>(backend_, figures_.data(), shorter_);
    std::reverse(lengths.begin(), lengths.end());
    return lengths;
}

void DenseSpectrum::queue_beside(int k, Vector x, Vector y) {
    if (rows_.has_shards())
        shared_figures_[shorter_ + 1 + k] = rows_.dot(x, y);
    else
        backend_.dot_into(x, y, figures_.as<double>() + shorter_ + 1 + k);
}

DenseSpectrum::Lengths DenseSpectrum::queued_lengths(std::int64_t beside) const {
    std::vector<double> figures = shared_figures_;
    if (rows_.has_shards())
        figures.resize(static_cast<std::size_t>(shorter_ + 1 + beside));
    else
        figures = download_array<double>(backend_, figures_.data(), shorter_ + 1 + beside);
    const auto end = figures.begin() + shorter_;
    Lengths result{{}, *end, {end + 1, figures.end()}};
    std::transform(figures.begin(), end, std::back_inserter(result.of_vectors), root);
    return result;
}

void DenseSpectrum::queue_norm(Matrix z, Basis basis, Matrix work) {
    const bool own = basis == Basis::own || last_.squares.empty();
    const SharedMatrix all = collect(z);
    if (own) decompose_gram(all, own_);
    queue_lengths(own ? own_ : last_, all, work);
}

DenseSpectrum::QueuedNorm DenseSpectrum::queued_norm(std::int64_t beside) const {
    const Lengths lengths = queued_lengths(beside);
    return {norm_from(lengths), lengths.square, lengths.beside};
}

NuclearNorm DenseSpectrum::norm_from(const Lengths& lengths) const {
    const double sum = std::accumulate(lengths.of_vectors.begin(), lengths.of_vectors.end(), 0.0);
    // The products' rounding, the vectors' deviation from an orthonormal basis, and the sums of squares,
    // which are of rows at most.
    const double norm = root(lengths.square);
    const auto n = static_cast<double>(shorter_), rows = static_cast<double>(longer_);
    NuclearNorm result;
    result.bound =
        sum * (1 + (rows + 2) * unit_roundoff) + norm * unit_roundoff * (n * n + 16 * n * std::sqrt(n));
    result.rank = over_largest(lengths.of_vectors, counted_in_rank);
    return result;
}

SingularFactors DenseSpectrum::decompose(Matrix z, Matrix work) {
    if (rows_.has_shards()) return decompose_at_first(z);
    queue_norm(z, Basis::own, work);
    const Lengths lengths = queued_lengths();
    SingularFactors result = decompose_from(own_, lengths.of_vectors, z, work);
    result.norm = norm_from(lengths);
    return result;
}

SingularFactors DenseSpectrum::decompose_at_first(Matrix z) {
    const std::vector<double> rows = rows_.on_first(z);
    SingularFactors factors;
    rows_.at_first([&] {
        const Array whole = upload_array(backend_, rows), work(backend_, rows_.rows() * rows_.vocab() * 8);
        const auto matrix = [&](const Array& array) {
            return array.matrix(Real::fp64, rows_.rows(), rows_.vocab());
        };
        factors = DenseSpectrum(backend_, rows_.rows(), rows_.vocab()).decompose(matrix(whole), matrix(work));
    });
    const std::vector<double> norm =
        rows_.from_first({factors.norm.bound, static_cast<double>(factors.norm.rank)});
    factors.norm = {norm[0], static_cast<std::int64_t>(norm[1])};
    return factors;
}

// With V the eigenvectors of Z's Gram matrix, Z V = Q R and R = A S Bᵀ: Z = (Q A) S (V B)ᵀ. The columns of
// Z V are all but orthogonal where σ is large, but only QR keeps what is left of the small ones apart.
SingularFactors DenseSpectrum::decompose_from(const Vectors& basis, const std::vector<double>& sizes,
                                              Matrix z, Matrix work) {
    const double least = kept_in_factors * *std::max_element(sizes.begin(), sizes.end());
    std::int64_t kept = shorter_;
    while (kept > 0 && !(sizes[kept - 1] > least)) --kept;
    if (kept == 0) return {};
    const Array longer(backend_, longer_ * kept * 8), shorter(backend_, shorter_ * kept * 8),
        small(backend_, kept * kept * 8), left(backend_, kept * kept * 8), right(backend_, kept * kept * 8);
    const Matrix v = take(basis, {}, kept, Real::fp64), q{work.data, Real::fp64, longer_, kept},
                 products = longer.matrix(Real::fp64, longer_, kept);
    times(z, v, products);
    backend_.copy(products.flat(), q.flat());
    backend_.orthonormalise(q);
    const auto square = [&](const Array& array) { return array.matrix(Real::fp64, kept, kept); };
    backend_.multiply(a_transposed, 1, q, products, 0, square(small));
    const std::vector<double> sigma = backend_.small_svd(square(small), square(left), square(right));

    const std::int64_t rank = over_largest(sigma, kept_in_factors);
    SingularFactors result;
    result.sigma.assign(sigma.begin(), sigma.begin() + rank);
    // √σ_k times `side` times the k-th vector of R, whose entries are those of `vector`, on the host.
    const auto factor = [&](Matrix side, const Array& out, const auto& vector) {
        std::vector<double> scaled(static_cast<std::size_t>(kept * rank));
        for (std::int64_t i = 0; i < kept; ++i)
            for (std::int64_t k = 0; k < rank; ++k)
                scaled[i * rank + k] = std::sqrt(result.sigma[k]) * vector(i, k);
        backend_.upload(scaled.data(), small.data(), kept * rank * 8);
        backend_.multiply(plain, 1, side, small.matrix(Real::fp64, kept, rank), 0,
                          out.matrix(Real::fp64, side.rows, rank));
        return download_array<double>(backend_, out.data(), side.rows * rank);
    };
    const auto on_left = download_array<double>(backend_, left.data(), kept * kept),
               on_right = download_array<double>(backend_, right.data(), kept * kept);
    std::vector<double> on_longer =
        factor(q, longer, [&](std::int64_t i, std::int64_t k) { return on_left[i * kept + k]; });
    std::vector<double> on_shorter =
        factor(v, shorter, [&](std::int64_t i, std::int64_t k) { return on_right[k * kept + i]; });
    result.words = std::move(by_words_ ? on_shorter : on_longer);
    result.contexts = std::move(by_words_ ? on_longer : on_shorter);
    return result;
}

// The Gram matrix tells N where every singular value is either large or, by the products' lengths, 0.
// Elsewhere it takes the factors.
double DenseSpectrum::polar(Matrix a, Matrix n, Matrix work) {
    queue_norm(a, Basis::own, work);
    const std::vector<double> sigma = queued_lengths().of_vectors;
    const auto is_large = [&](double value) { return value > known_to_gram * sigma[0]; };
    const auto large = std::find_if_not(sigma.begin(), sigma.end(), is_large) - sigma.begin();
    const bool rest_is_zero = std::all_of(sigma.begin() + large, sigma.end(),
                                          [&](double value) { return value <= kept_in_factors * sigma[0]; });
    if (rest_is_zero) {
        std::vector<double> roots;
        for (auto value = sigma.begin(); value != sigma.begin() + large; ++value)
            roots.push_back(std::sqrt(1 / *value));
        const Array factors = upload_array(backend_, roots);
        const Matrix half = take(own_, {}, large, Real::fp64);
        backend_.scale_lines(factors.vector(Real::fp64, large), true, half);
        filter_by(half, {a}, n);
        return std::accumulate(sigma.begin(), sigma.begin() + large, 0.0);
    }
    const SingularFactors factors = decompose_from(own_, sigma, a, work);
    const auto side = [&](std::vector<double> factor) {
        for (std::size_t i = 0; i < factor.size(); ++i)
            factor[i] /= std::sqrt(factors.sigma[i % factors.sigma.size()]);
        return upload_array(backend_, factor);
    };
    const Array words = side(factors.words), contexts = side(factors.contexts);
    backend_.multiply(b_transposed, 1, contexts.matrix(Real::fp64, n.rows, factors.rank()),
                      words.matrix(Real::fp64, n.columns, factors.rank()), 0, n);
    return std::accumulate(factors.sigma.begin(), factors.sigma.end(), 0.0);
}

}  // namespace ntpgeo
