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

constexpr std::int64_t kDirections = 4, kWordsAnEnd = 6;
constexpr std::size_t kClusters = 6, kWordsACluster = 8;
constexpr std::size_t kMostRuns = 2;
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
    std::string rows;
    for (std::int64_t k = 0; k < space.count(); ++k) {
        // One more than is shown tells whether there are more.
        const AxisEnds ends = axis_ends(space.words, space.count(), k, kWordsAnEnd + 1);
        rows += fmt::format(
            "<tr><th class=\"number\">{}</th><td class=\"number\">{}{}</td><td class=\"text\">{}</td>"
            "<td class=\"text\">{}</td></tr>\n",
            k + 1, html_markup(number_markup(space.values[k], 4)), space.tied[k] ? "\u00A0*" : "",
            words_cell(dataset, ends.positive, kWordsAnEnd), words_cell(dataset, ends.negative, kWordsAnEnd));
    }
    return "<div class=\"wide\"><table><thead><tr><th></th><th class=\"number\">σ</th><th>Furthest on the + "
           "side</th><th>Furthest on the − side</th></tr></thead>\n<tbody>\n" +
           rows + "</tbody></table></div>\n";
}

std::string clusters_table(const ConceptSpace& space, const Dataset& dataset) {
    const std::vector<Orthant> clusters = orthants(space.words, space.values);
    const std::size_t shown = std::min(clusters.size(), kClusters);
    std::string rows;
    for (std::size_t c = 0; c < shown; ++c) {
        std::string signs;
        for (const char sign : clusters[c].signs) signs += sign == '-' ? "−" : std::string(1, sign);
        rows += fmt::format(
            "<tr><th><code>{}</code></th><td class=\"number\">{}</td><td class=\"text\">{}</td></tr>\n",
            signs, count_text(static_cast<std::int64_t>(clusters[c].members.size())),
            words_cell(dataset, clusters[c].members, kWordsACluster));
    }
    return fmt::format(
        "<div class=\"wide\"><table><thead><tr><th>Signs</th><th class=\"number\">Words</th><th>Nearest the "
        "centre ({} of {} patterns)</th></tr></thead>\n<tbody>\n{}</tbody></table></div>\n",
        shown, clusters.size(), rows);
}

/// Both tables of one matrix; nothing where its entries are all 0.
std::string matrix_part(const std::string& title, const ConceptSpace& space, const Dataset& dataset) {
    if (space.count() == 0) return "";
    const bool tied = std::find(space.tied.begin(), space.tied.end(), true) != space.tied.end();
    return "<h3>" + title + "</h3>\n<div class=\"concepts\">\n" + directions_table(space, dataset) +
           clusters_table(space, dataset) + "</div>\n" +
           (tied ? "<p class=\"note\">* σ equals a neighbour's: any rotation of their directions would do as "
                   "well.</p>\n"
                 : "");
}

/// The parts of one data set; `of_data` ends each heading.
std::string data_set_part(const DataSet& data_set, const std::vector<Run>& runs, const Dataset& dataset,
                          const std::string& of_data, std::vector<std::string>& reasons) {
    const auto backend = make_cpu_backend();
    std::string html =
        matrix_part("S\u0303" + of_data, support_concepts(*backend, dataset, kDirections), dataset);
    std::size_t shown = 0;
    for (const std::size_t r : data_set.runs) {
        if (runs[r].kind != RunKind::training || !has_result(runs[r])) continue;
        const std::string name = isolated_name(runs[r].label);
        if (shown == kMostRuns) {
            reasons.push_back(
                fmt::format("Concepts are shown of the first {} training runs on a data set.", kMostRuns));
            break;
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
            ++shown;
        } catch (const InputError& error) {
            reasons.push_back("No concepts of " + name + ": " + escape_text(error.what()) + ".");
        }
    }
    return html;
}

}  // namespace

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
            "grouped by the signs of their coordinates along all of them, the largest groups first.</p>\n" +
            tables.html;
    }
    return tables;
}

}  // namespace ntpgeo
