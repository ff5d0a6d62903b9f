#include "host/commands/concept_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "host/files/shown_words.hpp"

namespace ntpgeo {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t ends_shown = 8, contexts_shown = 4, ends_listed = 20;
constexpr std::size_t clusters_shown = 12;

/// One side of the space: its points, and how one of them is written.
struct Side {
    const char* name;
    const std::vector<double>& points;  ///< [n, K]; none where there is no such side
    std::function<std::string(std::int64_t)> shown;
    std::int64_t most;      ///< written on one line
    const char* separator;  ///< between two of them
};

Side words_of(const Concepts& concepts, const Dataset& dataset) {
    return {"words", concepts.space.words, [&](std::int64_t id) { return shown_word(dataset, id); },
            ends_shown, " "};
}
Side contexts_of(const Concepts& concepts, const Dataset& dataset) {
    return {"contexts", concepts.space.contexts, [&](std::int64_t j) { return shown_context(dataset, j); },
            contexts_shown, " | "};
}

/// The first of `members` on one line.
std::string first_of(const std::vector<std::int64_t>& members, const Side& side) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < std::min(members.size(), static_cast<std::size_t>(side.most)); ++i)
        names.push_back(side.shown(members[i]));
    const bool cut = members.size() > names.size();
    return fmt::format("{}{}{}", fmt::join(names, side.separator), cut ? side.separator : "",
                       cut ? "..." : "");
}

std::string clusters_text(const Side& side, const std::vector<double>& values) {
    const std::vector<Orthant> clusters = orthants(side.points, values);
    const std::size_t shown = std::min(clusters.size(), clusters_shown);
    std::string text = fmt::format("\n{} by signs: {} pattern{}{}\n", side.name, clusters.size(),
                                   clusters.size() == 1 ? "" : "s",
                                   shown < clusters.size() ? fmt::format(", the {} largest", shown) : "");
    for (std::size_t c = 0; c < shown; ++c)
        text += fmt::format("  {}  {:>8}   {}\n", clusters[c].signs, clusters[c].members.size(),
                            first_of(clusters[c].members, side));
    return text;
}

std::string direction_text(const Concepts& concepts, std::int64_t k, const Side& words,
                           const Side& contexts) {
    const ConceptSpace& space = concepts.space;
    std::string text =
        fmt::format("\ndirection {}   sigma {:.6g}{}\n", k + 1, space.values[k],
                    space.tied[k] ? "   (equal to a neighbour's: any rotation of theirs would do)" : "");
    for (const Side& side : {words, contexts}) {
        if (side.points.empty()) continue;
        // One more than fits tells whether there are more.
        const AxisEnds ends = axis_ends(side.points, space.count(), k, side.most + 1);
        text += fmt::format("  {:<8}  +  {}\n  {:<8}  -  {}\n", side.name, first_of(ends.positive, side), "",
                            first_of(ends.negative, side));
    }
    return text;
}

Json ends_json(const Side& side, const ConceptSpace& space, std::int64_t k, const char* name) {
    if (side.points.empty()) return nullptr;
    const auto list = [&](const std::vector<std::int64_t>& members) {
        Json entries = Json::array();
        for (const std::int64_t i : members)
            entries.push_back(
                {{"id", i}, {name, side.shown(i)}, {"coordinate", side.points[i * space.count() + k]}});
        return entries;
    };
    const AxisEnds ends = axis_ends(side.points, space.count(), k, ends_listed);
    return {{"positive", list(ends.positive)}, {"negative", list(ends.negative)}};
}

Json clusters_json(const Side& side, const std::vector<double>& values) {
    if (side.points.empty()) return nullptr;
    Json clusters = Json::array();
    for (const Orthant& orthant : orthants(side.points, values)) {
        Json nearest = Json::array();
        for (std::size_t i = 0; i < std::min(orthant.members.size(), static_cast<std::size_t>(ends_listed));
             ++i)
            nearest.push_back(side.shown(orthant.members[i]));
        clusters.push_back({{"signs", orthant.signs},
                            {"size", orthant.members.size()},
                            {"members", orthant.members},
                            {"nearest", nearest}});
    }
    return clusters;
}

}  // namespace

std::string concepts_text(const Concepts& concepts, const Dataset& dataset) {
    const ConceptSpace& space = concepts.space;
    const Side words = words_of(concepts, dataset), contexts = contexts_of(concepts, dataset);
    std::string text = fmt::format("{:<12}{}, V = {}, m = {}\n", "matrix", concepts.matrix,
                                   dataset.vocab_size, dataset.contexts());
    if (!concepts.words_name.empty()) text += fmt::format("{:<12}{}\n", "words", concepts.words_name);
    if (!concepts.contexts_name.empty())
        text += fmt::format("{:<12}{}\n", "contexts", concepts.contexts_name);
    text += fmt::format("{:<12}{} leading, sigma {:.6g} to {:.6g}\n", "directions", space.count(),
                        space.values.front(), space.values.back());
    for (std::int64_t k = 0; k < space.count(); ++k) text += direction_text(concepts, k, words, contexts);
    text += clusters_text(words, space.values);
    if (!space.contexts.empty()) text += clusters_text(contexts, space.values);
    return text;
}

Json concepts_json(const Concepts& concepts, const Dataset& dataset) {
    const ConceptSpace& space = concepts.space;
    const Side words = words_of(concepts, dataset), contexts = contexts_of(concepts, dataset);
    const auto name_or_null = [](const std::string& name) {
        return name.empty() ? Json(nullptr) : Json(name);
    };
    Json json;
    json["matrix"] = concepts.matrix;
    json["words"] = name_or_null(concepts.words_name);
    json["contexts"] = name_or_null(concepts.contexts_name);
    json["vocab_size"] = dataset.vocab_size;
    json["context_count"] = dataset.contexts();
    json["residual"] = space.residual;
    json["directions"] = Json::array();
    for (std::int64_t k = 0; k < space.count(); ++k)
        json["directions"].push_back({{"value", space.values[k]},
                                      {"tied", static_cast<bool>(space.tied[k])},
                                      {"words", ends_json(words, space, k, "word")},
                                      {"contexts", ends_json(contexts, space, k, "context")}});
    json["word_clusters"] = clusters_json(words, space.values);
    json["context_clusters"] = clusters_json(contexts, space.values);
    return json;
}

}  // namespace ntpgeo
