#include "kernels/team/team_sums.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/team/tree_sum.hpp"

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

}  // namespace ntpgeo
