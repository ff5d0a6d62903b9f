#include "host/report/concept_tables.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/geometry/concepts.hpp"
#include "host/files/text.hpp"
#include "host/report/text.hpp"
#include "host/terminal/numbers.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t kDirections = 4, kWordsAnEnd = 6, kStrengths = 16;
constexpr std::size_t kClusters = 6, kWordsACluster = 8;
// A second of work or so: what a product with a block of vectors reads.
constexpr std::int64_t kMostEntries = 2'000'000;

/// The first `most` of the words.
std::string words_cell(const Dataset& dataset, const std::vector<std::int64_t>& words, std::size_t most) {
    std::string cell;
    for (std::size_t i = 0; i < std::min(words.size(), most); ++i) {
        cell += i == 0 ? "" : " ";
        cell += "<span class=\"token\">" + escape_text(shorten(shown_word(dataset, words[i]), 160.0, 13.0)) +
                "</span>";
    }
    return words.size() > most ? cell + " …" : cell;
}

std::string directions_table(const ConceptSpace& space, const Dataset& dataset) {
    const std::vector<bool> never_follow = words_that_never_follow(dataset);
    std::string rows;
    for (std::int64_t k = 0; k < space.count(); ++k) {
        // One more than is shown tells whether there are more.
        const AxisEnds ends = axis_ends(space.words, space.count(), k, kWordsAnEnd + 1, never_follow);
        rows += fmt::format(
            "<tr><th class=\"number\">{}</th><td class=\"number\">{}{}</td><td class=\"text\">{}</td>"
            "<td class=\"text\">{}</td></tr>\n",
            k + 1, html_markup(number_markup(space.values[k], 4)), space.tied[k] ? "\u00A0*" : "",
            words_cell(dataset, ends.positive, kWordsAnEnd), words_cell(dataset, ends.negative, kWordsAnEnd));
    }
    return "<div class=\"wide\"><table><thead><tr><th></th><th class=\"number\">Singular "
           "value</th><th>Furthest on the + "
           "side</th><th>Furthest on the − side</th></tr></thead>\n<tbody>\n" +
           rows + "</tbody></table></div>\n";
}

std::string clusters_table(const ConceptSpace& space, const Dataset& dataset) {
    const std::vector<Orthant> clusters =
        orthants(space.words, space.values, words_that_never_follow(dataset));
    std::string rows, apart;
    std::size_t shown = 0, patterns = 0;
    for (const Orthant& cluster : clusters) {
        patterns += cluster.apart ? 0 : 1;
        if (!cluster.apart && shown == kClusters) continue;
        shown += cluster.apart ? 0 : 1;
        std::string signs;
        for (const char sign : cluster.signs) signs += sign == '-' ? "−" : std::string(1, sign);
        (cluster.apart ? apart : rows) +=
            fmt::format("<tr><th>{}</th><td class=\"number\">{}</td><td class=\"text\">{}</td></tr>\n",
                        cluster.apart ? "never follow" : "<code>" + signs + "</code>",
                        count_text(static_cast<std::int64_t>(cluster.members.size())),
                        words_cell(dataset, cluster.members, kWordsACluster));
    }
    return fmt::format(
        "<div class=\"wide\"><table><thead><tr><th>Signs</th><th class=\"number\">Words</th><th>Nearest the "
        "centre ({} of {} patterns)</th></tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
        shown, patterns, rows + apart);
}

/// Both tables of one matrix; nothing where its entries are all 0.
std::string matrix_part(const std::string& title, const ConceptSpace& space, const Dataset& dataset) {
    if (space.count() == 0) return "";
    const bool tied = std::find(space.tied.begin(), space.tied.end(), true) != space.tied.end();
    return "<h3>" + title + "</h3>\n<div class=\"concepts\">\n" + directions_table(space, dataset) +
           clusters_table(space, dataset) + "</div>\n" +
           (tied ? "<p class=\"note\">* The singular value equals a neighbour's: any rotation of their "
                   "directions would do as "
                   "well.</p>\n"
                 : "");
}

/// The parts of one data set; `of_data` ends each heading.
std::string data_set_part(const DataSet& data_set, const std::vector<Run>& runs, const Dataset& dataset,
                          const std::string& of_data, std::vector<std::string>& reasons) {
    const auto backend = make_cpu_backend();
    std::string html =
        matrix_part("S\u0303" + of_data, support_concepts(*backend, dataset, kDirections), dataset);
    for (const std::size_t r : data_set.runs) {
        if (runs[r].kind != RunKind::training) continue;
        const std::string name = isolated_name(runs[r].label);
        if (!has_result(runs[r])) {
            reasons.push_back("No concepts of " + name + ": " + no_result_reason(runs[r]) + ".");
            continue;
        }
        try {
            const std::int64_t entries = result_entries(runs[r]);
            if (entries == 0 || entries > kMostEntries) {
                reasons.push_back("No concepts of " + name + ": its W and H are too large for that.");
                continue;
            }
            const RunResult result = read_result(runs[r], dataset);
            const std::int64_t dim = result.words.columns;
            html += matrix_part(
                fmt::format("W\u0304Hᵀ where {} ended{}", name, of_data),
                factor_concepts(*backend, result.words.values, result.contexts.values, dim, kDirections),
                dataset);
        } catch (const InputError& error) {
            reasons.push_back("No concepts of " + name + ": " + escape_text(error.what()) + ".");
        }
    }
    return html;
}

}  // namespace

std::vector<std::vector<double>> direction_values(const std::vector<Run>& runs, DataSetFiles& data_sets) {
    std::vector<std::vector<double>> values(runs.size());
    const auto backend = make_cpu_backend();
    for (std::size_t d = 0; d < data_sets.size(); ++d) {
        if (data_sets[d].nnz > kMostEntries) continue;
        const Dataset* const dataset = data_sets.read(d);
        if (dataset == nullptr || dataset->nnz() > kMostEntries) continue;
        const ConceptSpace space = support_concepts(*backend, *dataset, kStrengths);
        for (const std::size_t r : data_sets[d].runs) values[r] = space.values;
    }
    return values;
}

ConceptTables concept_tables(const std::vector<Run>& runs, DataSetFiles& data_sets) {
    ConceptTables tables;
    for (std::size_t d = 0; d < data_sets.size(); ++d) {
        const DataSet& data_set = data_sets[d];
        const std::string name = isolated_name(data_set.name);
        const auto leave_out = [&](const std::string& reason) {
            tables.reasons.push_back(fmt::format("No concepts of {}: {}.", name, reason));
        };
        const bool too_large = data_set.nnz > kMostEntries;  // to be read at all
        const Dataset* const dataset = too_large ? nullptr : data_sets.read(d);
        if (too_large || (dataset != nullptr && dataset->nnz() > kMostEntries))
            leave_out(fmt::format("its supports have more than {} entries", count_text(kMostEntries)));
        else if (dataset == nullptr)
            leave_out(data_sets.reason(d));
        else if (dataset->vocab.empty())
            leave_out("it does not know its words");
        else
            tables.html += data_set_part(data_set, runs, *dataset, data_sets.size() > 1 ? ": " + name : "",
                                         tables.reasons);
    }
    if (!tables.html.empty()) {
        tables.html =
            "<h2>Concepts</h2>\n<p>Words told apart by the leading singular directions, of the supports and "
            "of "
            "what training made of them: the words furthest out at both ends of each direction, and the "
            "words "
            "grouped by the signs of their coordinates along all of them, the largest groups first. A "
            "coordinate "
            "has sign 0 where its square is below a fifth of its mean over the direction, as where centring "
            "alone "
            "has moved the word; the words that follow no context stand apart. Runs of <code>limit</code> "
            "and "
            "<code>path</code> are not shown here: <code>ntpgeo concepts RUN</code> does.</p>\n" +
            tables.html;
    }
    return tables;
}

}  // namespace ntpgeo
