#include "engine/geometry/entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/base/status.hpp"

namespace ntpgeo {

void require_measurable(std::span<const double> values, std::int64_t rows, std::int64_t columns,
                        const std::string& name) {
    constexpr double largest_entry = 1e70;
    if (rows < 1 || columns < 1)
        throw InputError(fmt::format("{}: has shape [{}, {}]; it must have at least one row and one column",
                                     name, rows, columns));
    const auto bad = std::find_if(values.begin(), values.end(),
                                  [](double value) { return !(std::abs(value) <= largest_entry); });
    if (bad == values.end()) return;
    const std::int64_t position = bad - values.begin();
    const std::string allowed =
        std::isfinite(*bad) ? fmt::format("at most {} in absolute value", largest_entry) : "finite";
    throw InputError(fmt::format("{}: the entry [{}, {}] is {}; every entry must be {}", name,
                                 position / columns, position % columns, *bad, allowed));
}

}  // namespace ntpgeo
