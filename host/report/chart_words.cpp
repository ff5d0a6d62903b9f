// The words that go with a chart: its element, description and notes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/geometry/rank_correlation.hpp"
#include "host/report/chart.hpp"
#include "host/report/svg.hpp"
#include "host/report/text.hpp"
#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

std::string subject(const Series& series) {
    const std::string run = escape_text(series.run);
    return series.quantity.empty() ? run : run + ", " + html_markup(series.quantity);
}

/// Sentences in the order of their first appearance, each with the series it is true of.
class Grouped {
  public:
    void add(const std::string& sentence, const std::string& subject) {
        auto found = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const auto& group) { return group.first == sentence; });
        if (found == groups_.end()) found = groups_.insert(groups_.end(), {sentence, {}});
        auto& subjects = found->second;
        if (std::find(subjects.begin(), subjects.end(), subject) == subjects.end())
            subjects.push_back(subject);
    }
    void append_to(std::vector<std::string>& notes) const {
        for (const auto& [sentence, subjects] : groups_) {
            notes.push_back(fmt::format("{}: {}.", sentence, fmt::join(subjects, "; ")));
        }
    }

  private:
    std::vector<std::pair<std::string, std::vector<std::string>>> groups_;
};

std::string no_place(Scale scale) {
    switch (scale) {
        case Scale::linear:
            return "too large for the axis";
        case Scale::logarithmic:
            return "0 or negative and have no place on the logarithmic axis";
        case Scale::nines:
            return "1 or more and have no place on the axis";
    }
    return "";
}

}  // namespace

std::vector<std::string> chart_notes(const Chart& chart, const Drawing& drawing) {
    Grouped gaps, thinned;
    for (const Tally& tally : drawing.tallies) {
        const Series& series = chart.series[tally.series];
        const auto count = [](std::size_t number) { return count_text(static_cast<std::int64_t>(number)); };
        if (tally.missing > 0) {
            gaps.add(chart.occasional
                         ? fmt::format("Evaluated at {} of {} records", count(tally.records - tally.missing),
                                       count(tally.records))
                         : fmt::format("Null, and so a gap, at {} of {} records", count(tally.missing),
                                       count(tally.records)),
                     subject(series));
        }
        if (tally.unplaced > 0) {
            gaps.add(fmt::format("A gap where the values are {}, {} of {} records", no_place(chart.scale),
                                 count(tally.unplaced), count(tally.records)),
                     subject(series));
        }
        if (tally.thinned()) {
            // The curves of one run keep different points, so that one sentence gives the range.
            std::size_t least = tally.drawn, most = tally.drawn;
            for (const Tally& other : drawing.tallies) {
                if (chart.series[other.series].run != series.run) continue;
                least = std::min(least, other.drawn);
                most = std::max(most, other.drawn);
            }
            const std::string range = least == most ? "" : count(least) + " to ";
            thinned.add(
                fmt::format("Thinned to {}{} of {} records", range, count(most), count(tally.records)),
                escape_text(series.run));
        }
    }
    std::vector<std::string> notes = chart.notes;
    gaps.append_to(notes);
    thinned.append_to(notes);
    return notes;
}

std::string ranking_words(const std::vector<std::vector<double>>& columns,
                          const std::vector<double>& support_values) {
    std::vector<double> last, values;
    std::vector<std::vector<double>> known;
    for (std::size_t k = 0; k < columns.size(); ++k) {
        if (columns[k].empty() || std::isnan(columns[k].back())) continue;
        if (!support_values.empty() && k >= support_values.size()) break;
        known.push_back(columns[k]);
        last.push_back(columns[k].back());
        values.push_back(support_values.empty() ? -static_cast<double>(k) : support_values[k]);
    }
    std::vector<double> earliness;
    for (const double place : first_at_half(known)) earliness.push_back(-place);
    const auto said = [](const std::optional<double>& correlation) {
        // Rounded first, so that there is no −0.00.
        return correlation ? fixed_text(std::round(*correlation * 100.0) / 100.0 + 0.0, 2)
                           : std::string("none (all of one agree)");
    };
    if (last.size() < 2)
        return " Fewer than two directions have a last strength, so that there is no rank correlation.";
    return fmt::format(
        " In this run, over its {} directions, the rank correlation of the last strength with the singular "
        "value "
        "of S̃ is {}, and that of how early half the last strength was reached is {}: 1 where they go by "
        "the singular value, the largest first.{}",
        last.size(), said(rank_correlation(last, values)), said(rank_correlation(earliness, values)),
        support_values.empty()
            ? " Equal singular values count by their number k: the data set, which would tell "
              "them, is not at hand."
            : "");
}

std::string chart_description(const Chart& chart) {
    std::string description = plain_markup(chart.caption);
    for (const Series& series : chart.series) {
        for (std::size_t i = series.values.size(); i-- > 0;) {
            if (!has_point(chart, series, i)) continue;
            description +=
                fmt::format(" {}{}{}: {} {}.", escape_text(series.run), series.quantity.empty() ? "" : ", ",
                            plain_markup(series.quantity), plain_markup(number_markup(series.values[i], 4)),
                            plain_markup(chart.across.in_words(series.across[i])));
            break;
        }
    }
    return description;
}

std::string inline_svg(const Chart& chart, const Drawing& drawing) {
    std::string title = plain_markup(chart.title);
    if (!chart.of_run.empty()) title += ", " + escape_text(chart.of_run);
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
        "aria-labelledby=\"{}-title {}-description\"><title id=\"{}-title\">{}</title>"
        "<desc id=\"{}-description\">{}</desc>{}</svg>",
        coordinate(drawing.width), coordinate(drawing.height), chart.id, chart.id, chart.id, title, chart.id,
        chart_description(chart), drawing.elements);
}

}  // namespace ntpgeo
