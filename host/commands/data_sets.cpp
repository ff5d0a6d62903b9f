#include "host/commands/data_sets.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "engine/data/counting.hpp"
#include "engine/data/synthetic.hpp"
#include "engine/machine/device.hpp"
#include "host/files/file_error.hpp"
#include "host/files/text.hpp"
#include "host/terminal/numbers.hpp"

namespace ntpgeo {
namespace {

/// count_ngrams on a device, as count_text has it.
NgramDataset count_on(const std::string& device, const Corpus& corpus, std::vector<std::string> vocabulary,
                      const NgramOptions& options, std::string& lines) {
    const TokensInMemory tokens(corpus.tokens);
    const bool open = device == "auto";
    const std::string chosen = !open                              ? device
                               : tokens.size() >= gpu_counts_from ? resolve_device(device)
                                                                  : "cpu";
    CpuCountingOperations on_cpu;
    std::unique_ptr<Backend> on_gpu;
    if (chosen != "cpu") {
        on_gpu = make_backend(chosen);
        const WindowOptions windows{.context_length = options.context_length};
        const TextIds text{tokens, corpus.document_ends, static_cast<std::int64_t>(vocabulary.size())};
        if (open && !on_gpu->why_not_counted(text, windows).empty()) on_gpu.reset();
    }
    if (on_gpu) lines += fmt::format("{:<12}{}\n", "counted on", chosen);
    CountingOperations& counting = on_gpu ? static_cast<CountingOperations&>(*on_gpu) : on_cpu;
    return count_ngrams(counting, tokens, corpus.document_ends, std::move(vocabulary), options);
}

/// Vocabulary, ids and windows of a corpus; `lines` gets a description of what was kept.
Dataset count_corpus(Corpus corpus, std::optional<std::int64_t> vocab_size, OutsideTokens outside,
                     const NgramOptions& options, const std::string& device, std::string& lines) {
    Vocabulary vocabulary = rank_vocabulary(corpus, vocab_size, outside);
    const std::int64_t words =
        static_cast<std::int64_t>(vocabulary.tokens.size()) - (vocabulary.has_unknown ? 1 : 0);
    lines += fmt::format("{:<12}{} of {}, {:.2f} % of the text{}\n", "vocabulary", words,
                         plural(corpus.table.size(), "distinct token"),
                         percent(vocabulary.occurrences_inside, vocabulary.occurrences),
                         vocabulary.has_unknown ? "; <unk> for the rest" : "");
    encode(vocabulary, corpus.tokens);
    NgramDataset result = count_on(device, corpus, std::move(vocabulary.tokens), options, lines);
    lines += fmt::format("{:<12}{} of {} kept ({:.2f} %); {} inside the vocabulary\n", "windows",
                         result.windows_kept, result.windows_seen,
                         percent(result.windows_kept, result.windows_seen), result.windows_counted);
    lines += fmt::format("{:<12}{} of {} kept, with {:.2f} % of the windows inside\n", "contexts",
                         result.dataset.contexts(), result.contexts_seen,
                         percent(result.windows_kept, result.windows_counted));
    return std::move(result.dataset);
}

std::string source_of(const std::vector<std::string>& files, const TextSettings& settings) {
    const NgramOptions& ngrams = settings.ngrams;
    std::string source = fmt::format("text: {}", printable_token(files.front()));
    if (files.size() > 1) source += fmt::format(" and {} more", files.size() - 1);
    source += fmt::format("; tokens {}, context {}, documents {}", name_of(settings.text.tokens),
                          ngrams.context_length, name_of(settings.text.documents));
    if (settings.vocab_size)
        source += fmt::format(", vocab {}, oov {}", *settings.vocab_size, name_of(settings.outside));
    if (ngrams.min_count > 1) source += fmt::format(", min-count {}", ngrams.min_count);
    if (ngrams.max_contexts) source += fmt::format(", contexts {}", *ngrams.max_contexts);
    if (settings.text.lowercase) source += ", lowercase";
    if (settings.text.normalize != Normalization::none)
        source += fmt::format(", normalize {}", name_of(settings.text.normalize));
    return source + ", weights " + name_of(ngrams.weights);
}

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

Dataset count_text(const std::vector<std::string>& files, const TextSettings& settings,
                   const std::string& device, std::string& lines) {
    Corpus corpus;
    for (const std::string& file : files) {
        const std::string name = file == "-" ? "the standard input" : printable(std::filesystem::path(file));
        append_text(read_text(file), settings.text, name, corpus);
    }
    lines +=
        fmt::format("{:<12}{}, {}, {}\n", "text", plural(static_cast<std::int64_t>(files.size()), "file"),
                    plural(static_cast<std::int64_t>(corpus.document_ends.size()), "document"),
                    plural(static_cast<std::int64_t>(corpus.tokens.size()), "token"));
    Dataset dataset = count_corpus(std::move(corpus), settings.vocab_size, settings.outside, settings.ngrams,
                                   device, lines);
    dataset.source = source_of(files, settings);
    return dataset;
}

Dataset make_stories(const StoriesSettings& settings, std::string& lines) {
    Corpus corpus;
    append_text(write_stories(settings.stories, settings.seed), {TokenKind::word, DocumentKind::line, false},
                "stories", corpus);
    lines += fmt::format("{:<12}{}, {}\n", "text",
                         settings.stories == 1 ? "1 story" : fmt::format("{} stories", settings.stories),
                         plural(static_cast<std::int64_t>(corpus.tokens.size()), "token"));
    Dataset dataset =
        count_corpus(std::move(corpus), std::nullopt, OutsideTokens::skip, settings.ngrams, "cpu", lines);
    dataset.source = fmt::format("stories: {} stories, context {}, seed {}", settings.stories,
                                 settings.ngrams.context_length, settings.seed);
    return dataset;
}

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
