#include "host/report/run_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "host/report/svg.hpp"
#include "host/report/text.hpp"
#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

constexpr double kCellWidth = 420.0, kCellSize = 14.0;
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

std::string setting(const ConfigValue& value) {
    const auto number = [](const ConfigNumber& one) {
        return std::visit([](auto each) { return setting(ConfigValue(each)); }, one);
    };
    const auto size = [](const ConfigNumber& one) {
        return std::visit([](auto each) { return static_cast<double>(each); }, one);
    };
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return count_text(*whole);
    if (const auto* real = std::get_if<double>(&value)) return html_markup(number_markup(*real, 4));
    if (const auto* text = std::get_if<std::string>(&value); text != nullptr && !text->empty())
        return escape_text(shorten(*text, kCellWidth, kCellSize));
    if (const auto* range = std::get_if<std::array<ConfigNumber, 2>>(&value)) {
        const auto& [first, last] = *range;
        return size(first) == size(last) ? setting(ConfigValue(size(first)))
                                         : number(first) + " … " + number(last);
    }
    return kAbsentCell;
}

std::string figure_cell(double value, int digits) {
    return std::isnan(value) ? kAbsentCell : html_markup(number_markup(value, digits));
}

std::string name_cell(const std::vector<Run>& runs, std::size_t index) {
    std::string name = "<span class=\"run\">";
    const auto lines =
        std::count_if(runs.begin(), runs.end(), [](const Run& run) { return run.kind != RunKind::limit; });
    if (lines > 1 && runs[index].kind != RunKind::limit) {
        const std::size_t number = run_number(runs, index);
        const std::string colour = run_colour(number);
        SvgWriter swatch;
        swatch.line({1, 6}, {27, 6}, "curve stroke-" + colour);
        swatch.mark({14, 6}, number, 3.6, "mark fill-" + colour);
        name += "<svg class=\"swatch\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">" + swatch.str() + "</svg>";
    }
    return name + "<bdi>" + escape_text(shorten(runs[index].label, kCellWidth, kCellSize)) + "</bdi></span>";
}

std::string run_table(const std::string& caption, const std::vector<Run>& runs,
                      const std::vector<std::size_t>& indices, const std::vector<TableColumn>& columns) {
    if (indices.empty()) return "";
    std::string html = "<div class=\"wide\"><table><caption>" + caption +
                       "</caption>\n<thead><tr><th scope=\"col\">Run</th>";
    for (const TableColumn& column : columns) {
        html += fmt::format("<th scope=\"col\" class=\"{}\">{}</th>", column.kind, column.head);
    }
    html += "</tr></thead>\n<tbody>";
    std::vector<std::pair<std::string, std::string>> rows;
    for (const std::size_t r : indices) {
        std::string cells;
        for (const TableColumn& column : columns) {
            cells += fmt::format("<td class=\"{}\">{}</td>", column.kind, column.cell(runs[r]));
        }
        auto same =
            std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.second == cells; });
        if (same == rows.end()) same = rows.insert(rows.end(), {"", cells});
        same->first += fmt::format("{}{}", same->first.empty() ? "" : " ", name_cell(runs, r));
    }
    for (const auto& [names, cells] : rows)
        html += fmt::format("<tr><th scope=\"row\">{}</th>{}</tr>\n", names, cells);
    return html + "</tbody></table></div>\n";
}

}  // namespace ntpgeo
