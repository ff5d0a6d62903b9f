#include "host/report/run_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "host/report/run_labels.hpp"
#include "host/report/svg.hpp"
#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

constexpr double kCellWidth = 420.0, kCellSize = 14.0;

}  // namespace

const json& at(const json& object, std::initializer_list<const char*> path) {
    static const json kNull;
    const json* value = &object;
    for (const char* key : path) {
        if (!value->is_object()) return kNull;
        const auto found = value->find(key);
        if (found == value->end()) return kNull;
        value = &*found;
    }
    return *value;
}

std::string setting(const json& value) {
    if (value.is_number_integer()) return count_text(value.get<std::int64_t>());
    if (value.is_number()) return html_markup(number_markup(value.get<double>(), 4));
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (!text.empty()) return escape_text(shorten(text, kCellWidth, kCellSize));
    }
    if (value.is_array() && value.size() == 2 && value[0].is_number() && value[1].is_number()) {
        return value[0] == value[1] ? setting(value[0].get<double>())
                                    : setting(value[0]) + " … " + setting(value[1]);
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
