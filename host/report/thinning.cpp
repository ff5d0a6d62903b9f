#include "host/report/thinning.hpp"

#include <algorithm>
#include <cmath>

namespace ntpgeo {

std::vector<std::size_t> thin(std::span<const double> positions, std::span<const double> values,
                              std::size_t limit) {
    std::vector<std::size_t> present;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!std::isnan(values[i])) present.push_back(i);
    }
    if (present.size() <= limit) return present;

    const std::size_t intervals = limit / 4;
    const auto interval_of = [&](std::size_t i) {
        const auto interval = static_cast<std::size_t>(positions[i] * static_cast<double>(intervals));
        return std::min(interval, intervals - 1);  // position 1 belongs to the last interval
    };
    std::vector<std::size_t> kept;
    for (auto begin = present.begin(); begin != present.end();) {
        const std::size_t interval = interval_of(*begin);
        const auto end =
            std::find_if(begin, present.end(), [&](std::size_t i) { return interval_of(i) != interval; });
        const auto [least, greatest] = std::minmax_element(
            begin, end, [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
        std::vector<std::size_t> chosen = {*begin, *(end - 1), *least, *greatest};
        std::sort(chosen.begin(), chosen.end());
        chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
        kept.insert(kept.end(), chosen.begin(), chosen.end());
        begin = end;
    }
    return kept;
}

}  // namespace ntpgeo
