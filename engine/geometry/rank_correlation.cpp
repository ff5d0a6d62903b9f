#include "engine/geometry/rank_correlation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace ntpgeo {
namespace {

constexpr double equal_values = 1e-9;

double largest_magnitude(const std::vector<double>& values) {
    double largest = 0;
    for (const double value : values) largest = std::max(largest, std::abs(value));
    return largest;
}

/// The rank of each value less the mean rank; 0 for all where all agree.
std::vector<double> centred_ranks(const std::vector<double>& values) {
    const double unit = equal_values * largest_magnitude(values);
    const auto place = [&](std::size_t i) { return unit > 0 ? std::round(values[i] / unit) : 0.0; };
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t i, std::size_t k) { return place(i) < place(k); });
    std::vector<double> ranks(values.size());
    const double mean = 0.5 * (static_cast<double>(values.size()) - 1);
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        while (end < order.size() && place(order[end]) == place(order[begin])) ++end;
        for (std::size_t i = begin; i < end; ++i)
            ranks[order[i]] = 0.5 * static_cast<double>(begin + end - 1) - mean;
    }
    return ranks;
}

}  // namespace

std::optional<double> rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) throw std::invalid_argument("rank_correlation: the lengths differ");
    if (a.empty()) return std::nullopt;
    const std::vector<double> x = centred_ranks(a), y = centred_ranks(b);
    const auto inner = [](const std::vector<double>& u, const std::vector<double>& v) {
        return std::inner_product(u.begin(), u.end(), v.begin(), 0.0);
    };
    // Ranks are multiples of a half: what agrees throughout is exactly 0.
    const double square = inner(x, x) * inner(y, y);
    if (square == 0) return std::nullopt;
    return inner(x, y) / std::sqrt(square);
}

std::vector<double> first_at_half(const std::vector<std::vector<double>>& columns) {
    double largest = 0;
    for (const auto& column : columns)
        if (!column.empty()) largest = std::fmax(largest, std::abs(column.back()));
    std::vector<double> places;
    for (const auto& column : columns) {
        auto found = column.end();
        if (!column.empty() && column.back() > equal_values * largest)
            found = std::find_if(column.begin(), column.end(),
                                 [&](double value) { return value >= 0.5 * column.back(); });
        places.push_back(static_cast<double>(found - column.begin()));
    }
    return places;
}

}  // namespace ntpgeo
