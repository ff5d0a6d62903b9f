#include "kernels/team/team_sums.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

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

std::string TeamSums::from(int rank, const std::string& bytes) const {
    const std::int64_t size = values(std::ssize(bytes))[static_cast<std::size_t>(rank)];
    std::string all = bytes;
    all.resize(static_cast<std::size_t>(size));
    std::vector<std::int64_t> at(static_cast<std::size_t>(team_.size()) + 1, size);
    std::fill_n(at.begin(), rank + 1, 0);  // all of it is that rank's
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
                 std::int64_t rows, std::int64_t width, std::optional<Real> given)
    : sums_(sums),
      memory_(memory),
      vectors_(vectors),
      real_(real),
      given_(given.value_or(real)),
      rows_(rows),
      width_(width),
      sent_(sums.team(), memory, vectors),
      received_(sums.team(), memory, vectors),
      shard_(sums.first_shard()) {}

std::size_t RowSums::take_array() {
    if (free_.empty()) {
        arrays_.emplace_back(memory_, rows_ * width_ * bytes_of(real_));
        return arrays_.size() - 1;
    }
    const std::size_t array = free_.back();
    free_.pop_back();
    return array;
}

Vector RowSums::next(std::int64_t k) {
    const std::int64_t size = rows_ * width_;
    if (adds_in_place()) {
        while (std::ssize(next_) <= k) next_.push_back(take_array());
        return vector_of({next_[static_cast<std::size_t>(k)], size});
    }
    while (std::ssize(given_arrays_) <= k) given_arrays_.emplace_back(memory_, size * bytes_of(given_));
    return given_arrays_[static_cast<std::size_t>(k)].vector(given_, size);
}

std::vector<Vector> RowSums::coming(std::int64_t k, std::int64_t count) {
    std::vector<Vector> parts;
    for (std::int64_t i = k; i < k + count; ++i) parts.push_back(next(i));
    return parts;
}

RowSums::Piece RowSums::sum_of(std::int64_t k, std::int64_t count) {
    const Piece sum{adds_in_place() ? next_[static_cast<std::size_t>(k)] : take_array(), rows_ * width_};
    if (!adds_in_place() || count > 1) vectors_.add_pairwise(coming(k, count), vector_of(sum));
    if (adds_in_place())
        for (std::int64_t i = k + 1; i < k + count; ++i) give_back(next_[static_cast<std::size_t>(i)]);
    return sum;
}

void RowSums::add(Piece& left, const Piece& right) {
    vectors_.axpy(1, vector_of(right), vector_of(left));
    give_back(right.array);
}

std::int64_t RowSums::subtree_at(std::int64_t shard, std::int64_t left) {
    std::int64_t shards = 1;
    while (shard % (2 * shards) == 0 && 2 * shards <= std::min(left, VectorOperations::most_parts))
        shards *= 2;
    return shards;
}

std::int64_t RowSums::bytes(std::int64_t shards, std::int64_t at_once, std::int64_t size, Real real,
                            Real given) {
    const auto waiting = [](std::int64_t shard) {  // subtrees that wait for their other halves
        return std::popcount(static_cast<std::uint64_t>(shard));
    };
    const bool in_place = real == given;
    std::int64_t sums = 0;
    for (std::int64_t first = 0; first < shards; first += at_once) {
        const std::int64_t here = std::min(at_once, shards - first);
        if (in_place) sums = std::max(sums, waiting(first) + here);
        if (in_place || (here == shards && is_one_sum(shards))) continue;
        for (std::int64_t s = first; s < first + here; s += subtree_at(s, first + here - s))
            sums = std::max<std::int64_t>(sums, waiting(s) + 1);
    }
    return size * (sums * bytes_of(real) + (in_place ? 0 : std::min(at_once, shards) * bytes_of(given)));
}

void RowSums::push(std::int64_t count) {
    const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
    for (std::int64_t k = 0; k < count;) {
        const std::int64_t shards = subtree_at(shard_, count - k);
        partial_.push({std::countr_zero(static_cast<std::uint64_t>(shards)), shard_ / shards},
                      sum_of(k, shards), adding);
        shard_ += shards;
        k += shards;
    }
    next_.erase(next_.begin(), next_.begin() + std::min(count, std::ssize(next_)));
}

void RowSums::finish(Vector own, std::int64_t count) {
    const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
    const bool is_alone = sums_.team().size() == 1;
    // All at once go to where the sum is wanted, which saves a way through memory.
    if (is_alone && count == sums_.shards().count && is_one_sum(count))
        return vectors_.add_pairwise(coming(0, count), own);
    push(count);
    if (is_alone) {
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
    const Team& team = sums_.team();
    const int ranks = team.size(), each = team.ranks_a_machine() == ranks ? 1 : team.ranks_a_machine(),
              place = team.rank() % each, machine = team.rank() / each;
    const auto every = [&](int first, int step) {
        std::vector<int> chosen;
        chosen.reserve(static_cast<std::size_t>((ranks - first + step - 1) / step));
        for (int k = first; k < ranks; k += step) chosen.push_back(k);
        return chosen;
    };
    TreeSum<Piece> sum = std::move(partial_);
    std::vector<int> owners = every(0, 1);
    if (each > 1) {
        std::vector<Partner> here;
        for (int k = 0; k < each; ++k) {
            const int rank = machine * each + k;
            here.push_back({rank, subtrees_of(sums_.shards(), rank, rank + 1), every(k, each)});
        }
        sum = pass(sum, owners, here);
        owners = every(place, each);
    }
    std::vector<Partner> partners;
    partners.reserve(owners.size());
    for (const int rank : owners)
        partners.push_back(
            {rank, subtrees_of(sums_.shards(), rank / each * each, (rank / each + 1) * each), {rank}});
    sum = pass(sum, owners, partners);
    const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
    vectors_.copy(vector_of(sum.root(adding)), own);
    give_back(sum.nodes().front().value.array);
    partial_.nodes().clear();
}

TreeSum<RowSums::Piece> RowSums::pass(TreeSum<Piece>& from, const std::vector<int>& owners,
                                      const std::vector<Partner>& partners) {
    const std::int64_t row_bytes = width_ * bytes_of(real_);
    const std::vector<std::int64_t> at = sums_.shards().offsets(rows_);
    const int ranks = sums_.team().size();
    const auto nodes = std::ssize(from.nodes());
    const auto rows_of = [&](const std::vector<int>& some) {
        std::int64_t rows = 0;
        for (const int k : some) rows += at[k + 1] - at[k];
        return rows;
    };
    std::vector<std::int64_t> send(static_cast<std::size_t>(ranks), 0), receive(send);
    std::int64_t own_rows = 0;
    for (const Partner& partner : partners) {
        send[partner.rank] = nodes * rows_of(partner.owners);
        if (partner.rank == sums_.team().rank()) own_rows = rows_of(partner.owners);
    }
    for (const Partner& partner : partners) receive[partner.rank] = std::ssize(partner.places) * own_rows;
    const auto offsets = [](const std::vector<std::int64_t>& counts) {
        std::vector<std::int64_t> sums{0};
        for (const std::int64_t count : counts) sums.push_back(sums.back() + count);
        return sums;
    };
    const std::vector<std::int64_t> send_at = offsets(send), receive_at = offsets(receive);
    sent_.make_room(send_at.back() * row_bytes);
    received_.make_room(receive_at.back() * row_bytes);
    std::vector<std::int64_t> row_of(static_cast<std::size_t>(ranks),
                                     0);  // where an owner's begin in a subtree
    for (std::int64_t k = 0, row = 0; k < std::ssize(owners); ++k) {
        row_of[owners[k]] = row;
        row += at[owners[k] + 1] - at[owners[k]];
    }
    // To each partner its rows of every subtree, one subtree's after the other's.
    std::int64_t byte = 0;
    for (const Partner& partner : partners)
        for (const auto& node : from.nodes()) {
            const Vector all = vector_of(node.value);
            for (const int owner : partner.owners) {
                const std::int64_t rows = at[owner + 1] - at[owner];
                sent_.put({static_cast<char*>(all.data) + row_of[owner] * row_bytes, real_, rows * width_},
                          byte);
                byte += rows * row_bytes;
            }
        }
    for (const auto& node : from.nodes()) give_back(node.value.array);
    sums_.team().exchange(sent_.where(), row_bytes, sent_.data(), send_at, received_.data(), receive_at);
    const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
    TreeSum<Piece> sum;
    byte = 0;
    for (const Partner& partner : partners)
        for (const TreeNode& place : partner.places) {
            const Piece piece{take_array(), own_rows * width_};
            received_.take(byte, vector_of(piece));
            byte += own_rows * row_bytes;
            sum.push(place, piece, adding);
        }
    return sum;
}

}  // namespace ntpgeo
