#include "host/report/run_labels.hpp"

#include <fmt/format.h>

#include <set>

#include "host/report/palette.hpp"
#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

constexpr double kRunLabelWidth = 118.0, kDataLabelWidth = 64.0, kLabelSize = 12.0;

}  // namespace

std::vector<std::string> short_labels(const std::vector<Run>& runs) {
    std::vector<std::string> labels;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const auto cut = [&](double taken) {
            const std::string& data = runs[i].data_set;
            if (data.empty()) return shorten(runs[i].label, kRunLabelWidth - taken, kLabelSize);
            return shorten(runs[i].label, kRunLabelWidth - 24.0 - taken, kLabelSize) + ", " +
                   shorten(data, kDataLabelWidth, kLabelSize);
        };
        std::string label = cut(0.0);
        if (!seen.insert(label).second) {
            label = fmt::format("{} ({})", cut(26.0), i + 1);
            seen.insert(label);
        }
        labels.push_back(std::move(label));
    }
    return labels;
}

std::size_t run_number(const std::vector<Run>& runs, std::size_t index) {
    const bool limit = runs[index].kind == RunKind::limit;
    std::size_t number = 0;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        const bool other_limit = runs[r].kind == RunKind::limit;
        number += (limit && !other_limit) || (limit == other_limit && r < index) ? 1 : 0;
    }
    return number;
}

std::string run_colour(std::size_t number) {
    return std::to_string(number % kSeriesColours);
}

}  // namespace ntpgeo
