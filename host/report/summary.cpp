#include "host/report/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "host/report/catalogue.hpp"
#include "host/report/svg.hpp"
#include "host/report/text.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

constexpr const char* kAbsent = "<span class=\"absent\">–</span>";
constexpr std::string_view kNumber = "number", kWord = "word", kText = "text";
constexpr double kCellWidth = 420.0, kCellSize = 14.0;

/// The value at a path of keys, or null where any of them is missing.
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

/// A setting as HTML: numbers as numbers, strings escaped, a pair of numbers as a range; a dash for anything
/// else.
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
    return kAbsent;
}

/// One key of all stages in order, equal neighbours once: "adam → lbfgs".
template <class Text>
std::string over_stages(const Run& run, Text text) {
    const json& stages = at(run.config, {"stages"});
    std::string joined, last;
    if (stages.is_array()) {
        for (const json& stage : stages) {
            std::string now = text(stage);
            if (now == last) continue;
            joined += (joined.empty() ? "" : " → ") + now;
            last = std::move(now);
        }
    }
    return joined.empty() ? kAbsent : joined;
}

std::string learning_rate(const json& stage) {
    std::string rate = setting(at(stage, {"lr"}));
    const json& schedule = at(stage, {"lr_schedule"});
    if (schedule.is_string() && schedule != "constant") rate += fmt::format(" {}", setting(schedule));
    return rate;
}

std::string total_steps(const Run& run) {
    const json& stages = at(run.config, {"stages"});
    double total = 0.0;
    if (!stages.is_array()) return kAbsent;
    for (const json& stage : stages) {
        const json& steps = at(stage, {"steps"});
        if (!steps.is_number()) return kAbsent;
        total += steps.get<double>();
    }
    return total >= 0.0 && total < 9e15 ? count_text(static_cast<std::int64_t>(total)) : kAbsent;
}

std::string precision(const Run& run) {
    std::string products =
        over_stages(run, [](const json& stage) { return setting(at(stage, {"precision"})); });
    const std::string master = setting(at(run.config, {"master"}));
    if (master == kAbsent || master == products) return products;
    return products + ", master " + master;
}

std::string data_set(const Run& run) {
    const json& source = at(run.config, {"dataset", "source"});
    if (source.is_string() && !source.get_ref<const std::string&>().empty()) return setting(source);
    return setting(at(run.config, {"dataset", "path"}));
}

std::string figure(double value, int digits) {
    return std::isnan(value) ? kAbsent : html_markup(number_markup(value, digits));
}

/// The run's name, with its line and mark as the figures draw them where there are several.
std::string name_of(const std::vector<Run>& runs, std::size_t index) {
    std::string name = "<span class=\"run\">";
    if (runs.size() > 1) {
        const std::string colour = run_colour(index);
        SvgWriter swatch;
        swatch.line({1, 6}, {27, 6}, "curve stroke-" + colour);
        swatch.mark({14, 6}, index, 3.6, "mark fill-" + colour);
        name += "<svg class=\"swatch\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">" + swatch.str() + "</svg>";
    }
    return name + "<bdi>" + escape_text(shorten(runs[index].label, kCellWidth, kCellSize)) + "</bdi></span>";
}

struct Column {
    std::string head;
    std::string_view
        kind;  ///< class of its cells: numbers on the right, text that may wrap, words that may not
    std::vector<std::string> cells;
};

std::string table(const std::string& caption, const std::vector<Run>& runs,
                  const std::vector<Column>& columns) {
    std::string html = "<div class=\"wide\"><table><caption>" + caption +
                       "</caption>\n<thead><tr><th scope=\"col\">Run</th>";
    for (const Column& column : columns) {
        html += fmt::format("<th scope=\"col\" class=\"{}\">{}</th>", column.kind, column.head);
    }
    html += "</tr></thead>\n<tbody>";
    // Runs that agree in every cell share a row.
    std::vector<std::pair<std::string, std::string>> rows;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        std::string cells;
        for (const Column& column : columns) {
            cells += fmt::format("<td class=\"{}\">{}</td>", column.kind, column.cells[r]);
        }
        auto same =
            std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.second == cells; });
        if (same == rows.end()) same = rows.insert(rows.end(), {"", cells});
        same->first += fmt::format("{}{}", same->first.empty() ? "" : " ", name_of(runs, r));
    }
    for (const auto& [names, cells] : rows)
        html += fmt::format("<tr><th scope=\"row\">{}</th>{}</tr>\n", names, cells);
    return html + "</tbody></table></div>\n";
}

}  // namespace

std::string summary_tables(const std::vector<Run>& runs) {
    const auto column = [&](const std::string& head, std::string_view kind, auto cell) {
        Column made{head, kind, {}};
        for (const Run& run : runs) made.cells.push_back(cell(run));
        return made;
    };
    const auto from_config = [&](const std::string& head, std::string_view kind,
                                 std::initializer_list<const char*> path) {
        return column(head, kind, [&](const Run& run) { return setting(at(run.config, path)); });
    };
    const auto from_stages = [&](const std::string& head, const char* key) {
        return column(head, kWord, [key](const Run& run) {
            return over_stages(run, [key](const json& stage) { return setting(at(stage, {key})); });
        });
    };
    const auto from_record = [&](const std::string& head, const char* key, int digits) {
        return column(head, kNumber, [=](const Run& run) { return figure(run.last(key), digits); });
    };
    const auto entropy = [](const Run& run) {
        const double last = run.last("entropy");
        return std::isnan(last) ? setting(at(run.config, {"dataset", "entropy"})) : figure(last, 6);
    };
    const std::vector<Column> data = {
        column("Data set", kText, data_set),
        from_config("Words <i>V</i>", kNumber, {"dataset", "vocab_size"}),
        from_config("Contexts <i>m</i>", kNumber, {"dataset", "contexts"}),
        from_config("Support entries", kNumber, {"dataset", "nnz"}),
        column("Entropy <i>H</i>, nats", kNumber, entropy),
    };
    const std::vector<Column> training = {
        from_config("Dimension <i>d</i>", kNumber, {"dim"}),
        from_stages("Optimizer", "optimizer"),
        column("Learning rate", kWord, [](const Run& run) { return over_stages(run, learning_rate); }),
        from_stages("<i>λ</i>", "lambda"),
        column("Precision", kWord, precision),
        from_config("Device", kWord, {"device"}),
        column("Steps", kNumber, total_steps),
    };
    const std::vector<Column> standing = {
        column("Step", kNumber, [](const Run& run) { return count_text(run.steps.back()); }),
        from_record("Excess loss", "excess_loss", 4),
        from_record("Dominance", "dominance", 4),
        from_record("Alignment with S\u0303", "alignment_proxy", 6),
        from_record("with <i>L</i><sub>mm</sub>", "alignment_limit", 6),
        from_record("Collapse", "collapse", 4),
        from_record("Least margin", "min_margin", 4),
        column("Time", kNumber,
               [](const Run& run) {
                   const double seconds = run.last("time_s");
                   return std::isnan(seconds) ? std::string(kAbsent) : duration_text(seconds);
               }),
    };
    return table("Data", runs, data) + table("Training", runs, training) +
           table("At the last record", runs, standing);
}

}  // namespace ntpgeo
