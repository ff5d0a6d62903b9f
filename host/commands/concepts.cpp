// ntpgeo concepts --data DS [RUN | --words FILE [--contexts FILE]] (design 2.1): words and contexts by the
// signs of the leading singular directions.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/geometry/concepts.hpp"
#include "engine/geometry/settings.hpp"
#include "engine/geometry/spectrum.hpp"
#include "engine/machine/device.hpp"
#include "engine/machine/memory.hpp"
#include "engine/runs/record_cost.hpp"
#include "host/commands/commands.hpp"
#include "host/commands/setting_flags.hpp"
#include "host/commands/subject.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "host/files/text.hpp"
#include "host/run/rehearsal.hpp"
#include "host/terminal/numbers.hpp"
#include "host/terminal/terminal.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// A concept space and which matrix it is of.
struct Concepts {
    std::string matrix;                     ///< "centred support matrix", "centred logits" or "centred words"
    std::string words_name, contexts_name;  ///< where W and H come from, "" where there are none
    ConceptSpace space;                     ///< its contexts are empty where the matrix's columns are none
    std::vector<bool> never_follow;         ///< [V]: the words that follow no context stand apart
};

using Json = nlohmann::ordered_json;

constexpr std::int64_t ends_shown = 8, contexts_shown = 4, ends_listed = 20;
constexpr std::size_t clusters_shown = 12;

/// One side of the space: its points, and how one of them is written.
struct Side {
    const char* name;
    const std::vector<double>& points;  ///< [n, K]; none where there is no such side
    std::function<std::string(std::int64_t)> shown;
    std::int64_t most;               ///< written on one line
    const char* separator;           ///< between two of them
    const std::vector<bool>& apart;  ///< which of the points stand apart; empty where none do
};

const std::vector<bool> no_points;

Side words_of(const Concepts& concepts, const Dataset& dataset) {
    return {
        "words", concepts.space.words, [&](std::int64_t id) { return shown_word(dataset, id); }, ends_shown,
        " ",     concepts.never_follow};
}
Side contexts_of(const Concepts& concepts, const Dataset& dataset) {
    return {"contexts",
            concepts.space.contexts,
            [&](std::int64_t j) { return shown_context(dataset, j); },
            contexts_shown,
            " | ",
            no_points};
}

/// The first of `members` on one line.
std::string first_of(const std::vector<std::int64_t>& members, const Side& side) {
    if (members.empty()) return "(none)";
    std::vector<std::string> names;
    for (std::size_t i = 0; i < std::min(members.size(), static_cast<std::size_t>(side.most)); ++i)
        names.push_back(side.shown(members[i]));
    const bool cut = members.size() > names.size();
    return fmt::format("{}{}{}", fmt::join(names, side.separator), cut ? side.separator : "",
                       cut ? "..." : "");
}

std::string clusters_text(const Side& side, const std::vector<double>& values) {
    std::vector<Orthant> clusters = orthants(side.points, values, side.apart);
    std::string apart;
    if (const auto found = std::find_if(clusters.begin(), clusters.end(),
                                        [](const Orthant& cluster) { return cluster.apart; });
        found != clusters.end()) {
        apart = fmt::format("{} that follow no context: {}   {}\n", side.name, found->members.size(),
                            first_of(found->members, side));
        clusters.erase(found);
    }
    const std::size_t shown = std::min(clusters.size(), clusters_shown);
    std::string text = fmt::format("\n{} by signs: {} pattern{}{}\n", side.name, clusters.size(),
                                   clusters.size() == 1 ? "" : "s",
                                   shown < clusters.size() ? fmt::format(", the {} largest", shown) : "");
    for (std::size_t c = 0; c < shown; ++c)
        text += fmt::format("  {}  {:>8}   {}\n", clusters[c].signs, clusters[c].members.size(),
                            first_of(clusters[c].members, side));
    return text + apart;
}

std::string direction_text(const Concepts& concepts, std::int64_t k, const Side& words,
                           const Side& contexts) {
    const ConceptSpace& space = concepts.space;
    std::string text =
        fmt::format("\ndirection {}   singular value {:.6g}{}\n", k + 1, space.values[k],
                    space.tied[k] ? "   (equal to a neighbour's: any rotation of theirs would do)" : "");
    for (const Side& side : {words, contexts}) {
        if (side.points.empty()) continue;
        // One more than fits tells whether there are more.
        const AxisEnds ends = axis_ends(side.points, space.count(), k, side.most + 1, side.apart);
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
    const AxisEnds ends = axis_ends(side.points, space.count(), k, ends_listed, side.apart);
    return {{"positive", list(ends.positive)},
            {"negative", list(ends.negative)},
            {"noise", coordinate_noise(side.points, space.count(), side.apart)[k]}};
}

Json clusters_json(const Side& side, const std::vector<double>& values) {
    if (side.points.empty()) return nullptr;
    Json clusters = Json::array();
    for (const Orthant& orthant : orthants(side.points, values, side.apart)) {
        Json nearest = Json::array();
        for (std::size_t i = 0; i < std::min(orthant.members.size(), static_cast<std::size_t>(ends_listed));
             ++i)
            nearest.push_back(side.shown(orthant.members[i]));
        clusters.push_back({{"signs", orthant.signs},
                            {"size", orthant.members.size()},
                            {"members", orthant.members},
                            {"nearest", nearest}});
        if (!side.apart.empty()) clusters.back()["never_follow"] = orthant.apart;
    }
    return clusters;
}

/// Tables: of each direction the words (and contexts) furthest out at both ends, and of the largest clusters
/// the members nearest the centre.
std::string concepts_text(const Concepts& concepts, const Dataset& dataset) {
    const ConceptSpace& space = concepts.space;
    const Side words = words_of(concepts, dataset), contexts = contexts_of(concepts, dataset);
    std::string text = fmt::format("{:<12}{}, V = {}, m = {}\n", "matrix", concepts.matrix,
                                   dataset.vocab_size, dataset.contexts());
    if (!concepts.words_name.empty())
        text += fmt::format("{:<12}{}\n", "words", printable(std::string_view(concepts.words_name)));
    if (!concepts.contexts_name.empty())
        text += fmt::format("{:<12}{}\n", "contexts", printable(std::string_view(concepts.contexts_name)));
    text += fmt::format("{:<12}{} leading, singular values {:.6g} to {:.6g}\n", "directions", space.count(),
                        space.values.front(), space.values.back());
    text += fmt::format("{:<12}0: the square is below a fifth of its mean over the direction\n", "signs");
    for (std::int64_t k = 0; k < space.count(); ++k) text += direction_text(concepts, k, words, contexts);
    text += clusters_text(words, space.values);
    if (!space.contexts.empty()) text += clusters_text(contexts, space.values);
    return text;
}

/// One object: matrix, words, contexts (null where there are none), vocab_size, context_count, residual,
/// directions [{value, tied, words {positive, negative [{id, word, coordinate}], noise (below it a coordinate
/// has sign 0)}, contexts (the same, or null)}], word_clusters [{signs, size, members (ids, nearest first),
/// nearest (the first of them, readable), never_follow (whether they are the words that follow no context)}]
/// and context_clusters (the same without never_follow, or null).
Json concepts_json(const Concepts& concepts, const Dataset& dataset) {
    const ConceptSpace& space = concepts.space;
    const Side words = words_of(concepts, dataset), contexts = contexts_of(concepts, dataset);
    const auto name_or_null = [](const std::string& name) {
        return name.empty() ? Json(nullptr) : Json(text_of_path(name));
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

struct ConceptOptions {
    SubjectOptions subject;
    ConceptSettings settings;
    SettingFlags flags;
    bool json = false, dry_run = false;
};

/// Where the bytes would go, and about how long it would take. Throws InputError where they are not there.
void rehearse_concepts(Backend& backend, const Dataset& dataset, const Subject* subject,
                       std::int64_t directions) {
    const std::int64_t vocab = dataset.vocab_size, contexts = dataset.contexts(),
                       dim = subject != nullptr ? subject->words.columns : 0;
    const bool has_contexts = subject == nullptr || !subject->contexts_name.empty();
    const std::int64_t columns = has_contexts ? contexts : dim,
                       factors = (vocab + (has_contexts ? contexts : 0)) * dim;
    const double product =
        2 * static_cast<double>(subject != nullptr ? factors : dataset.nnz() + vocab);  // with one vector
    const std::int64_t given = subject != nullptr ? factors * bytes_of(Real::fp64) : labels_bytes(dataset);
    const std::int64_t sought = leading_spectrum_bytes(vocab, columns, directions + 1) +
                                (vocab + columns) * directions * bytes_of(Real::fp64);
    print_problem(dataset, backend.device(), available_memory(backend));
    print_bytes("matrix", given, concept_matrix_name(subject != nullptr, subject != nullptr && has_contexts));
    print_bytes("directions", sought, fmt::format("at most, while {} are sought", directions));
    std::fflush(stdout);
    require_memory(backend, given + sought, "concepts");
    const double operations = leading_spectrum_operations(vocab, columns, directions + 1, product,
                                                          std::numeric_limits<double>::infinity());
    print_line("time", "about " + duration_text(operations / operations_per_second(backend)) +
                           ", or some times that where singular values lie close together");
    print_line("written", "nothing: a dry run");
}

Concepts of_supports(Backend& backend, const Dataset& dataset, std::int64_t count) {
    return {concept_matrix_name(false, false), "", "", support_concepts(backend, dataset, count),
            words_that_never_follow(dataset)};
}

Concepts of_subject(Backend& backend, const Subject& subject, const Dataset& dataset, std::int64_t count) {
    return {
        concept_matrix_name(true, !subject.contexts_name.empty()), subject.words_name, subject.contexts_name,
        factor_concepts(backend, subject.words.values, subject.contexts.values, subject.words.columns, count),
        words_that_never_follow(dataset)};
}

void show_concepts(const ConceptOptions& options) {
    const SubjectOptions& given = options.subject;
    const bool has_subject = given.run || given.words || given.contexts;
    if (!has_subject && (!given.data || given.data->empty()))
        throw InputError(
            "concepts: --data is missing; name the data set, or give a RUN, which knows its own");
    ConceptSettings settings = options.settings;
    options.flags.apply(settings_of(settings));
    check(settings_of(settings), "");
    const std::string device = resolve_device(settings.device);
    Subject subject;
    if (has_subject) subject = read_subject(given, "concepts", true);
    const Dataset dataset = has_subject ? read_dataset_of(subject) : read_dataset(*given.data);
    if (has_subject) check_shapes(subject, dataset);
    const auto backend = make_backend(device);
    if (options.dry_run)
        return rehearse_concepts(*backend, dataset, has_subject ? &subject : nullptr, settings.directions);
    const Concepts concepts = has_subject ? of_subject(*backend, subject, dataset, settings.directions)
                                          : of_supports(*backend, dataset, settings.directions);
    require_directions(concepts.space, has_subject, !subject.contexts_name.empty());
    if (options.json)
        fmt::print("{}\n", concepts_json(concepts, dataset)
                               .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    else
        fmt::print("{}", concepts_text(concepts, dataset));
}

}  // namespace

void add_concepts_command(Command& program) {
    auto options = std::make_shared<ConceptOptions>();
    Command verb = program.add_command("concepts",
                                       "Group words and contexts by the signs of the leading singular "
                                       "directions: of the data set's supports, or "
                                       "of a run's or any network's W and H");
    add_subject_options(verb, options->subject);
    const std::vector<Setting> settings = settings_of(options->settings);
    options->flags.add(verb, settings, SettingFlags::Checked::numbers, 0, 0);
    verb.add_flag("--json", options->json, "One JSON object instead of the tables, with every member");
    options->flags.add(verb, settings, SettingFlags::Checked::numbers, 1);
    verb.add_flag("--dry-run", options->dry_run,
                  "Say where memory would go and about how long it would take");
    verb.on_call([options] { show_concepts(*options); });
}

}  // namespace ntpgeo
