#include "engine/exact/solver_rows.hpp"

#include <algorithm>
#include <cstring>

#include "kernels/base/status.hpp"
#include "kernels/team/first_rank.hpp"

namespace ntpgeo {
SolverRows::SolverRows(Backend& backend, const TeamSums* sums, std::int64_t rows, std::int64_t vocab)
    : backend_(backend), sums_(sums), rows_(rows), vocab_(vocab), own_{0, rows} {
    if (!sums) {
        pieces_ = {own_};
        return;
    }
    const std::int64_t shards = sums->shards().count;
    if (shards > shorter())
        throw InputError("shards: " + std::to_string(shards) + " are more than the " +
                         std::to_string(shorter()) +
                         (by_words() ? " words of the data set" : " rows that are solved for"));
    own_ = sums->own(rows);
    for (std::int64_t s = sums->first_shard(); s < sums->end_shard(); ++s) {
        const RowRange piece = sums->shards().of_shard(rows, s);
        pieces_.push_back({piece.first - own_.first, piece.end - own_.first});
    }
    parcel_ = std::make_unique<Parcel>(sums->team(), backend, backend);
}

LabelsView SolverRows::rows_of(const LabelsView& all, std::int64_t first, std::int64_t rows) {
    LabelsView part = all;
    part.contexts = rows;
    part.indptr += first;
    part.context_probs += first;
    return part;
}

LabelsView SolverRows::own_labels(const LabelsView& all) const {
    return rows_of(all, own_.first, own_.size());
}

LabelsView SolverRows::labels_of(const RowRange& piece, const LabelsView& all) const {
    return rows_of(all, own_.first + piece.first, piece.size());
}

Matrix SolverRows::piece_of(Matrix own, const RowRange& piece) {
    return rows_from(own, piece.first, piece.size());
}

Matrix SolverRows::own_rows(Matrix whole) const {
    return rows_from(whole, own_.first, own_.size());
}

std::vector<double> SolverRows::sums_of(std::int64_t count, const NumbersOf& numbers) const {
    if (!sums_) return numbers(pieces_[0]);
    std::vector<double> own;
    for (const RowRange& piece : pieces_) {
        const std::vector<double> some = numbers(piece);
        own.insert(own.end(), some.begin(), some.end());
    }
    return sums_->numbers(own, count);
}

double SolverRows::dot(Vector x, Vector y) const {
    const auto part = [&](const Vector& v, const RowRange& piece) {
        return Vector{static_cast<char*>(v.data) + piece.first * vocab_ * bytes_of(v.real), v.real,
                      piece.size() * vocab_};
    };
    return sums_of(1, [&](const RowRange& piece) {
        return std::vector<double>{backend_.dot(part(x, piece), part(y, piece))};
    })[0];
}

RowSums& SolverRows::matrix_sums(Real real) const {
    std::unique_ptr<RowSums>& sums = real == Real::fp64 ? sums_fp64_ : sums_fp32_;
    if (!sums) sums = std::make_unique<RowSums>(*sums_, backend_, backend_, real, shorter(), shorter());
    return *sums;
}

void SolverRows::add_up(Matrix out,
                        const std::function<void(const RowRange& piece, Matrix out)>& write) const {
    if (!sums_) return write(pieces_[0], out);
    RowSums& sums = matrix_sums(out.real);
    for (const RowRange& piece : pieces_) {
        write(piece, {sums.next().data, out.real, out.rows, out.columns});
        sums.push();
    }
    const RowRange own = sums_->own(out.rows);
    sums.finish(rows_from(out, own.first, own.size()).flat());
    share(out);
}

SharedMatrix SolverRows::collect(Matrix own, Array& room) const {
    if (!sums_ || by_words()) return {own};
    if (sums_->team().size() == 1) return {own, own};
    const std::int64_t bytes = rows_ * vocab_ * bytes_of(Real::fp64);
    if (room.bytes() < bytes) room = Array(backend_, bytes);
    const Matrix all = room.matrix(own.real, rows_, vocab_);
    backend_.copy(own.flat(), own_rows(all).flat());
    share(all);
    return {own, all};
}

void SolverRows::gram(const SharedMatrix& a, Matrix out) const {
    if (!sums_) return backend_.gram(a.own, by_words(), out);
    if (by_words())
        return add_up(
            out, [&](const RowRange& piece, Matrix to) { backend_.gram(piece_of(a.own, piece), true, to); });
    cross(a.own, a, out);
}

void SolverRows::multiply(double alpha, const SharedMatrix& a, Matrix symmetric, double beta,
                          Matrix out) const {
    if (by_words())
        multiply_rows(plain, alpha, a.own, symmetric, beta, out);
    else if (!sums_)
        backend_.multiply(plain, alpha, symmetric, a.own, beta, out);
    else
        multiply_rows(plain, alpha, own_rows(symmetric), a.all, beta, out);
}

void SolverRows::multiply_rows(const Product& product, double alpha, Matrix a, Matrix right, double beta,
                               Matrix out) const {
    for (const RowRange& piece : pieces_)
        backend_.multiply(product, alpha, piece_of(a, piece), right, beta, piece_of(out, piece));
}

void SolverRows::cross(Matrix b, const SharedMatrix& a, Matrix out) const {
    if (by_words())
        return add_up(out, [&](const RowRange& piece, Matrix to) {
            backend_.multiply(a_transposed, 1, piece_of(b, piece), piece_of(a.own, piece), 0, to);
        });
    if (!sums_) return backend_.multiply(b_transposed, 1, b, a.own, 0, out);
    multiply_rows(b_transposed, 1, b, a.all, 0, own_rows(out));
    share(out);
}

void SolverRows::share(Matrix whole) const {
    if (!sums_ || sums_->team().size() == 1) return;
    const InRegion region(backend_, Region::ranks);
    const std::int64_t row_bytes = whole.columns * bytes_of(whole.real);
    const RowRange own = sums_->own(whole.rows);
    parcel_->make_room(whole.rows * row_bytes);
    parcel_->put(rows_from(whole, own.first, own.size()).flat(), own.first * row_bytes);
    sums_->team().gather(parcel_->where(), row_bytes, parcel_->data(), sums_->shards().offsets(whole.rows));
    parcel_->take(0, whole.flat());
}

void SolverRows::from_first(Vector x) const {
    if (!sums_ || sums_->team().size() == 1) return;
    const InRegion region(backend_, Region::ranks);
    std::vector<std::int64_t> at(static_cast<std::size_t>(sums_->team().size()) + 1, x.size);
    at[0] = 0;  // all of it is the first rank's
    parcel_->make_room(x.size * bytes_of(x.real));
    if (is_first()) parcel_->put(x, 0);
    sums_->team().gather(parcel_->where(), bytes_of(x.real), parcel_->data(), at);
    if (!is_first()) parcel_->take(0, x);
}

std::vector<double> SolverRows::from_first(const std::vector<double>& numbers) const {
    if (!sums_ || sums_->team().size() == 1) return numbers;
    std::string bytes(numbers.size() * sizeof(double), '\0');
    if (!numbers.empty()) std::memcpy(bytes.data(), numbers.data(), bytes.size());
    bytes = sums_->from_first(bytes);
    std::vector<double> all(bytes.size() / sizeof(double));
    if (!all.empty()) std::memcpy(all.data(), bytes.data(), bytes.size());
    return all;
}

std::vector<double> SolverRows::on_first(Matrix own) const {
    if (!sums_) return download_array<double>(backend_, own.data, own.rows * own.columns);
    const std::vector<std::byte> bytes = on_first_rank(
        sums_->team(), backend_, own.data, own.columns * bytes_of(own.real), sums_->shards().offsets(rows_));
    std::vector<double> all(bytes.size() / sizeof(double));
    if (!all.empty()) std::memcpy(all.data(), bytes.data(), bytes.size());
    return all;
}

void SolverRows::upload_own(const std::vector<double>& all, Matrix own) const {
    backend_.upload(all.data() + own_.first * vocab_, own.data, size() * 8);
}

void SolverRows::at_first(const std::function<void()>& work) const {
    sums_ ? first_rank_does(sums_->team(), work) : work();
}

std::int64_t SolverRows::bytes(std::int64_t rows, std::int64_t vocab, std::int64_t shards) {
    if (shards == 0) return 0;
    const std::int64_t shorter = std::min(rows, vocab);
    if (vocab > rows) return 8 * rows * vocab;
    return 2 * RowSums::bytes(shards, 1, shorter * shorter, Real::fp64, Real::fp64);
}

}  // namespace ntpgeo
