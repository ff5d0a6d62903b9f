#include "host/commands/data_info.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "host/files/text.hpp"
#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

constexpr std::size_t classes_shown = 5, examples_shown = 6, words_shown = 12;

struct SizeBin {
    std::int64_t from, to, contexts;
};

/// Support sizes and classes, counted.
struct Figures {
    explicit Figures(const Dataset& dataset) : classes(support_classes(dataset)) {
        least = dataset.support_size(0);
        for (std::int64_t j = 0; j < dataset.contexts(); ++j) {
            const std::int64_t size = dataset.support_size(j);
            least = std::min(least, size);
            most = std::max(most, size);
            std::size_t bin = 0;
            while (size >> (bin + 1) != 0) ++bin;
            for (std::size_t next = bins.size(); next <= bin; ++next) {
                bins.push_back({std::int64_t{1} << next, (std::int64_t{2} << next) - 1, 0});
            }
            ++bins[bin].contexts;
        }
        mean = static_cast<double>(dataset.nnz()) / static_cast<double>(dataset.contexts());
        for (std::int64_t c = 0; c < classes.count(); ++c) {
            if (classes.size[c] < 2) continue;
            shared.push_back(c);
            contexts_in_shared += classes.size[c];
        }
        std::stable_sort(shared.begin(), shared.end(),
                         [&](std::int64_t a, std::int64_t b) { return classes.size[a] > classes.size[b]; });
    }

    std::int64_t least = 0, most = 0;
    double mean = 0;
    std::vector<SizeBin> bins;  ///< powers of two
    SupportClasses classes;
    std::vector<std::int64_t> shared;  ///< classes of two contexts or more, largest first
    std::int64_t contexts_in_shared = 0;
};

std::vector<std::string> context_words(const Dataset& dataset, std::int64_t context) {
    std::vector<std::string> words;
    if (dataset.context_tokens.empty()) return words;
    for (std::int64_t i = context * dataset.context_length; i < (context + 1) * dataset.context_length; ++i) {
        words.push_back(shown_word(dataset, dataset.context_tokens[i]));
    }
    return words;
}

/// The first words of the support of `context`.
std::vector<std::string> support_words(const Dataset& dataset, std::int64_t context) {
    std::vector<std::string> words;
    for (std::int64_t i = dataset.indptr[context];
         i < dataset.indptr[context + 1] && words.size() < words_shown; ++i) {
        words.push_back(shown_word(dataset, dataset.indices[i]));
    }
    return words;
}

/// The first contexts of each of the largest shared classes.
std::vector<std::vector<std::int64_t>> examples(const Dataset& dataset, const Figures& figures) {
    std::vector<std::vector<std::int64_t>> result(std::min(figures.shared.size(), classes_shown));
    std::vector<std::int64_t> place_of(figures.classes.count(), -1);
    for (std::size_t place = 0; place < result.size(); ++place) {
        place_of[figures.shared[place]] = static_cast<std::int64_t>(place);
    }
    for (std::int64_t j = 0; j < dataset.contexts(); ++j) {
        const std::int64_t place = place_of[figures.classes.class_of[j]];
        if (place >= 0 && result[place].size() < examples_shown) result[place].push_back(j);
    }
    return result;
}

std::string summary_of(const Dataset& dataset, const Figures& figures) {
    const double nats = entropy(dataset);
    return fmt::format("{:<12}m = {}, V = {}, nnz = {}\n", "dataset", dataset.contexts(), dataset.vocab_size,
                       dataset.nnz()) +
           fmt::format("{:<12}mean {:.3g} tokens, from {} to {}\n", "supports", figures.mean, figures.least,
                       figures.most) +
           fmt::format("{:<12}{:.6f} nats (perplexity {:.3f})\n", "entropy", nats, std::exp(nats)) +
           fmt::format("{:<12}{} support sets; {} of them shared, by {} contexts ({:.1f} %)\n", "classes",
                       figures.classes.count(), figures.shared.size(), figures.contexts_in_shared,
                       percent(figures.contexts_in_shared, dataset.contexts()));
}

std::string class_text(const Dataset& dataset, const Figures& figures, std::int64_t one,
                       const std::vector<std::int64_t>& members) {
    const std::int64_t first = figures.classes.first[one];
    const bool support_is_cut = dataset.support_size(first) > static_cast<std::int64_t>(words_shown);
    const bool members_are_cut = figures.classes.size[one] > static_cast<std::int64_t>(members.size());
    std::vector<std::string> names;
    names.reserve(members.size());
    for (const std::int64_t context : members) {
        names.push_back(shown_context(dataset, context));
    }
    return fmt::format("{:>8} contexts   {}{}\n{:>17}-> {}{}\n", figures.classes.size[one],
                       fmt::join(names, " | "), members_are_cut ? " | ..." : "", "",
                       fmt::join(support_words(dataset, first), " "), support_is_cut ? " ..." : "");
}

}  // namespace

std::string summary_text(const Dataset& dataset) {
    return summary_of(dataset, Figures(dataset));
}

std::string info_text(const Dataset& dataset) {
    const Figures figures(dataset);
    std::string text;
    if (!dataset.source.empty()) text += fmt::format("{:<12}{}\n", "source", printable_token(dataset.source));
    if (dataset.context_length > 0)
        text += fmt::format("{:<12}{} tokens\n", "context", dataset.context_length);
    text += summary_of(dataset, figures);
    text += "\nsupport size     contexts\n";
    for (const SizeBin& bin : figures.bins) {
        const std::string range =
            bin.from == bin.to ? fmt::to_string(bin.from) : fmt::format("{}-{}", bin.from, bin.to);
        text += fmt::format("{:<12}{:>13}  {:>5.1f} %\n", range, bin.contexts,
                            percent(bin.contexts, dataset.contexts()));
    }
    if (figures.shared.empty()) return text;
    text += "\nlargest classes\n";
    const auto members = examples(dataset, figures);
    for (std::size_t place = 0; place < members.size(); ++place) {
        text += class_text(dataset, figures, figures.shared[place], members[place]);
    }
    return text;
}

nlohmann::ordered_json info_json(const Dataset& dataset) {
    using Json = nlohmann::ordered_json;
    const Figures figures(dataset);
    const double nats = entropy(dataset);
    Json json;
    json["source"] = printable_token(dataset.source);
    json["vocab_size"] = dataset.vocab_size;
    json["contexts"] = dataset.contexts();
    json["nnz"] = dataset.nnz();
    json["context_length"] = dataset.context_length > 0 ? Json(dataset.context_length) : Json();
    json["windows"] =
        dataset.counts.empty()
            ? Json()
            : Json(std::accumulate(dataset.counts.begin(), dataset.counts.end(), std::int64_t{0}));
    json["entropy"] = nats;
    json["perplexity"] = std::exp(nats);
    Json histogram = Json::array();
    for (const SizeBin& bin : figures.bins) {
        histogram.push_back({{"from", bin.from}, {"to", bin.to}, {"contexts", bin.contexts}});
    }
    json["support_size"] = {
        {"min", figures.least}, {"mean", figures.mean}, {"max", figures.most}, {"histogram", histogram}};
    Json largest = Json::array();
    const auto members = examples(dataset, figures);
    for (std::size_t place = 0; place < members.size(); ++place) {
        const std::int64_t one = figures.shared[place];
        const std::int64_t first = figures.classes.first[one];
        Json shown = Json::array();
        for (const std::int64_t context : members[place]) {
            shown.push_back({{"context", context}, {"tokens", context_words(dataset, context)}});
        }
        largest.push_back({{"contexts", figures.classes.size[one]},
                           {"support_size", dataset.support_size(first)},
                           {"support", support_words(dataset, first)},
                           {"examples", shown}});
    }
    json["support_classes"] = {{"count", figures.classes.count()},
                               {"shared", figures.shared.size()},
                               {"contexts_in_shared", figures.contexts_in_shared},
                               {"largest", largest}};
    return json;
}

}  // namespace ntpgeo
