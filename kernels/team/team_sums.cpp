#include "kernels/team/team_sums.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace ntpgeo {
namespace {

void add_numbers(double& left, const double& right) {
    left += right;
}

}  // namespace

std::vector<double> TeamSums::numbers(const std::vector<double>& own, std::int64_t n) const {
    std::vector<double> all(static_cast<std::size_t>(shards_.count * n)), sums;
    std::copy(own.begin(), own.end(), all.begin() + first_shard() * n);
    team_.gather(Where::host, n * static_cast<std::int64_t>(sizeof(double)), all.data(),
                 shards_.offsets(shards_.count));
    for (std::int64_t i = 0; i < n; ++i) {
        TreeSum<double> sum;
        for (std::int64_t s = 0; s < shards_.count; ++s) sum.push({0, s}, all[s * n + i], add_numbers);
        sums.push_back(sum.root(add_numbers));
    }
    return sums;
}

std::vector<std::int64_t> TeamSums::values(std::int64_t own) const {
    std::vector<std::int64_t> all(static_cast<std::size_t>(team_.size())), one_each(all.size() + 1);
    std::iota(one_each.begin(), one_each.end(), std::int64_t{0});
    all[static_cast<std::size_t>(team_.rank())] = own;
    team_.gather(Where::host, sizeof own, all.data(), one_each);
    return all;
}

std::int64_t TeamSums::largest(std::int64_t value) const {
    const std::vector<std::int64_t> all = values(value);
    return *std::max_element(all.begin(), all.end());
}

std::string TeamSums::from_first(const std::string& bytes) const {
    const std::int64_t size = values(std::ssize(bytes))[0];
    std::string all = bytes;
    all.resize(static_cast<std::size_t>(size));
    std::vector<std::int64_t> at(static_cast<std::size_t>(team_.size()) + 1, size);
    at[0] = 0;  // all of it is the first rank's
    team_.gather(Where::host, 1, all.data(), at);
    return all;
}

void TeamSums::require_same(const std::string& what, const std::string& bytes) const {
    const bool same = from_first(bytes) == bytes;
    const std::vector<std::int64_t> all = values(std::int64_t{same});
    const auto other = std::find(all.begin(), all.end(), 0);
    if (other != all.end())
        throw InputError("rank " + std::to_string(other - all.begin()) + " has another " + what +
                         " than rank 0; every rank needs the same");
}

RowSums::RowSums(const TeamSums& sums, Memory& memory, VectorOperations& vectors, Real real,
                 std::int64_t rows, std::int64_t width)
    : sums_(sums),
      memory_(memory),
      vectors_(vectors),
      real_(real),
      rows_(rows),
      width_(width),
      sent_(sums.team(), memory, vectors),
      received_(sums.team(), memory, vectors),
      shard_(sums.first_shard()),
      next_(take_array()) {}

std::size_t RowSums::take_array() {
    if (free_.empty()) {
        arrays_.emplace_back(memory_, rows_ * width_ * bytes_of(real_));
        return arrays_.size() - 1;
    }
    const std::size_t array = free_.back();
    free_.pop_back();
    return array;
}

Vector RowSums::next() {
    return vector_of({next_, rows_ * width_});
}

void RowSums::add(Piece& left, const Piece& right) {
    vectors_.axpy(1, vector_of(right), vector_of(left));
    give_back(right.array);
}

void RowSums::push() {
    const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
    partial_.push({0, shard_++}, {next_, rows_ * width_}, adding);
    next_ = take_array();
}

void RowSums::finish(Vector own) {
    const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
    if (sums_.team().size() == 1) {
        vectors_.copy(vector_of(partial_.root(adding)), own);
    } else if (sums_.order() == SumOrder::fast) {
        const Vector whole = vector_of(partial_.root(adding));
        sent_.make_room(whole.size * bytes_of(real_));
        received_.make_room(own.size * bytes_of(real_));
        sent_.put(whole, 0);
        sums_.team().sum_scatter(sent_.where(), real_, width_, sent_.data(), sums_.shards().offsets(rows_),
                                 received_.data());
        received_.take(0, own);
    } else {
        exchange(own);
    }
    for (const auto& node : partial_.nodes()) give_back(node.value.array);
    partial_.nodes().clear();
    shard_ = sums_.first_shard();
}

void RowSums::exchange(Vector own) {
    const std::int64_t row_bytes = width_ * bytes_of(real_), own_rows = own.size / width_;
    const std::vector<std::int64_t> at = sums_.shards().offsets(rows_);
    const int ranks = sums_.team().size();
    const auto nodes = std::ssize(partial_.nodes());
    // To each rank its rows of every subtree, one subtree's after the other's.
    std::vector<std::int64_t> send_at{0}, receive_at{0};
    std::vector<std::vector<TreeNode>> theirs;
    for (int k = 0; k < ranks; ++k) {
        theirs.push_back(subtrees_of(sums_.shards(), k));
        send_at.push_back(send_at.back() + nodes * (at[k + 1] - at[k]));
        receive_at.push_back(receive_at.back() + std::ssize(theirs.back()) * own_rows);
    }
    sent_.make_room(send_at.back() * row_bytes);
    received_.make_room(receive_at.back() * row_bytes);
    for (int k = 0; k < ranks; ++k)
        for (std::int64_t node = 0; node < nodes; ++node) {
            const Vector all = vector_of(partial_.nodes()[static_cast<std::size_t>(node)].value);
            sent_.put({static_cast<char*>(all.data) + at[k] * row_bytes, real_, (at[k + 1] - at[k]) * width_},
                      (send_at[k] + node * (at[k + 1] - at[k])) * row_bytes);
        }
    sums_.team().exchange(sent_.where(), row_bytes, sent_.data(), send_at, received_.data(), receive_at);
    const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
    TreeSum<Piece> sum;
    std::int64_t byte = 0;
    for (const std::vector<TreeNode>& places : theirs)
        for (const TreeNode& place : places) {
            const Piece piece{take_array(), own.size};
            received_.take(byte, vector_of(piece));
            byte += own_rows * row_bytes;
            sum.push(place, piece, adding);
        }
    vectors_.copy(vector_of(sum.root(adding)), own);
    give_back(sum.nodes().front().value.array);
}

}  // namespace ntpgeo
