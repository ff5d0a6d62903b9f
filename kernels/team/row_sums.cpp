#include "kernels/team/row_sums.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace ntpgeo {
namespace {

/// first, first + step, … below `end`.
std::vector<int> every(int first, int step, int end) {
    std::vector<int> chosen;
    chosen.reserve(static_cast<std::size_t>((end - first + step - 1) / step));
    for (int k = first; k < end; k += step) chosen.push_back(k);
    return chosen;
}

std::vector<std::int64_t> offsets_of(const std::vector<std::int64_t>& counts) {
    std::vector<std::int64_t> sums{0};
    for (const std::int64_t count : counts) sums.push_back(sums.back() + count);
    return sums;
}

}  // namespace

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

void RowSums::begin_finish(std::int64_t count) {
    const TeamSums& sums = sums_;
    // Of one rank all at once go to where the sum is wanted, which saves a way through memory.
    if (sums.team().size() == 1 && count == sums.shards().count && is_one_sum(count)) return;
    push(count);
    if (sums.team().size() == 1) return;
    if (sums.order() == SumOrder::fast) {
        const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
        const Vector whole = vector_of(partial_.root(adding));
        sent_.make_room(whole.size * bytes_of(real_));
        sent_.put(whole, 0);
        begun_ = Pass{};
        return;
    }
    const std::int64_t subtrees = std::ssize(partial_.nodes());
    begun_ = ranks_that_add_first() > 1 ? pass_within_machines(subtrees) : pass_to_owners(subtrees);
    send(partial_, *begun_);
}

void RowSums::finish(Vector own, std::int64_t count) {
    const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
    if (!begun_) begin_finish(count);
    Team& team = sums_.team();
    if (team.size() == 1 && partial_.nodes().empty()) {
        vectors_.add_pairwise(coming(0, sums_.shards().count), own);
    } else if (team.size() == 1) {
        vectors_.copy(vector_of(partial_.root(adding)), own);
    } else if (sums_.order() == SumOrder::fast) {
        received_.make_room(own.size * bytes_of(real_));
        team.sum_scatter(sent_.where(), real_, width_, sent_.data(), sums_.shards().offsets(rows_),
                         received_.data());
        received_.take(0, own);
    } else {
        TreeSum<Piece> sum = receive(*begun_);
        if (ranks_that_add_first() > 1) {
            const Pass last = pass_to_owners(std::ssize(sum.nodes()));
            send(sum, last);
            sum = receive(last);
        }
        vectors_.copy(vector_of(sum.root(adding)), own);
        give_back(sum.nodes().front().value.array);
    }
    for (const auto& node : partial_.nodes()) give_back(node.value.array);
    partial_.nodes().clear();
    begun_.reset();
    shard_ = sums_.first_shard();
}

int RowSums::ranks_that_add_first() const {
    const Team& team = sums_.team();
    return team.ranks_a_machine() == team.size() ? 1 : team.ranks_a_machine();
}

RowSums::Pass RowSums::pass_within_machines(std::int64_t subtrees) const {
    const int ranks = sums_.team().size(), each = ranks_that_add_first(),
              first = sums_.team().rank() / each * each;
    std::vector<Partner> here;
    here.reserve(static_cast<std::size_t>(each));
    for (int k = 0; k < each; ++k)
        here.push_back(
            {first + k, subtrees_of(sums_.shards(), first + k, first + k + 1), every(k, each, ranks)});
    return pass_of(subtrees, every(0, 1, ranks), std::move(here));
}

RowSums::Pass RowSums::pass_to_owners(std::int64_t subtrees) const {
    const int ranks = sums_.team().size(), each = ranks_that_add_first();
    const std::vector<int> owners = every(sums_.team().rank() % each, each, ranks);
    std::vector<Partner> partners;
    partners.reserve(owners.size());
    for (const int rank : owners)
        partners.push_back(
            {rank, subtrees_of(sums_.shards(), rank / each * each, (rank / each + 1) * each), {rank}});
    return pass_of(subtrees, owners, std::move(partners));
}

RowSums::Pass RowSums::pass_of(std::int64_t subtrees, std::vector<int> owners,
                               std::vector<Partner> partners) const {
    const std::vector<std::int64_t> at = sums_.shards().offsets(rows_);
    const auto rows_of = [&](const std::vector<int>& some) {
        std::int64_t rows = 0;
        for (const int k : some) rows += at[k + 1] - at[k];
        return rows;
    };
    Pass pass{std::move(owners), std::move(partners), 0, {}, {}};
    std::vector<std::int64_t> sent(at.size() - 1, 0), received(sent);
    for (const Partner& partner : pass.partners) {
        sent[partner.rank] = subtrees * rows_of(partner.owners);
        if (partner.rank == sums_.team().rank()) pass.own_rows = rows_of(partner.owners);
    }
    for (const Partner& partner : pass.partners)
        received[partner.rank] = std::ssize(partner.places) * pass.own_rows;
    pass.send_at = offsets_of(sent);
    pass.receive_at = offsets_of(received);
    return pass;
}

void RowSums::send(TreeSum<Piece>& from, const Pass& pass) {
    const std::int64_t row_bytes = width_ * bytes_of(real_);
    const std::vector<std::int64_t> at = sums_.shards().offsets(rows_);
    sent_.make_room(pass.send_at.back() * row_bytes);
    received_.make_room(pass.receive_at.back() * row_bytes);
    std::vector<std::int64_t> row_of(at.size(), 0);  // where an owner's begin in a subtree
    for (std::int64_t k = 0, row = 0; k < std::ssize(pass.owners); ++k) {
        row_of[pass.owners[k]] = row;
        row += at[pass.owners[k] + 1] - at[pass.owners[k]];
    }
    // To each partner its rows of every subtree, one subtree's after the other's.
    std::int64_t byte = 0;
    for (const Partner& partner : pass.partners)
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
    from.nodes().clear();
}

TreeSum<RowSums::Piece> RowSums::receive(const Pass& pass) {
    const std::int64_t row_bytes = width_ * bytes_of(real_);
    sums_.team().exchange(sent_.where(), row_bytes, sent_.data(), pass.send_at, received_.data(),
                          pass.receive_at);
    const auto adding = [this](Piece& left, const Piece& right) { add(left, right); };
    TreeSum<Piece> sum;
    std::int64_t byte = 0;
    for (const Partner& partner : pass.partners)
        for (const TreeNode& place : partner.places) {
            const Piece piece{take_array(), pass.own_rows * width_};
            received_.take(byte, vector_of(piece));
            byte += pass.own_rows * row_bytes;
            sum.push(place, piece, adding);
        }
    return sum;
}

}  // namespace ntpgeo
