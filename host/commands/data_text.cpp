#include "host/commands/data_text.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "engine/data/counting.hpp"
#include "engine/data/synthetic.hpp"
#include "host/commands/dataset_summary.hpp"
#include "host/files/file_error.hpp"
#include "host/files/text.hpp"

namespace ntpgeo {
namespace {

std::string plural(std::int64_t count, const char* noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// Vocabulary, ids and windows of a corpus; `lines` gets a description of what was kept.
Dataset count_corpus(Corpus corpus, std::optional<std::int64_t> vocab_size, OutsideTokens outside,
                     const NgramOptions& options, std::string& lines) {
    Vocabulary vocabulary = rank_vocabulary(corpus, vocab_size, outside);
    const std::int64_t words =
        static_cast<std::int64_t>(vocabulary.tokens.size()) - (vocabulary.has_unknown ? 1 : 0);
    lines += fmt::format("{:<12}{} of {}, {:.2f} % of the text{}\n", "vocabulary", words,
                         plural(corpus.table.size(), "distinct token"),
                         percent(vocabulary.occurrences_inside, vocabulary.occurrences),
                         vocabulary.has_unknown ? "; <unk> for the rest" : "");
    encode(vocabulary, corpus.tokens);
    NgramDataset result =
        count_ngrams(corpus.tokens, corpus.document_ends, std::move(vocabulary.tokens), options);
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
    return source + ", weights " + name_of(ngrams.weights);
}

}  // namespace

Dataset count_text(const std::vector<std::string>& files, const TextSettings& settings, std::string& lines) {
    Corpus corpus;
    for (const std::string& file : files) {
        const std::string name = file == "-" ? "the standard input" : printable(std::filesystem::path(file));
        append_text(read_text(file), settings.text, name, corpus);
    }
    lines +=
        fmt::format("{:<12}{}, {}, {}\n", "text", plural(static_cast<std::int64_t>(files.size()), "file"),
                    plural(static_cast<std::int64_t>(corpus.document_ends.size()), "document"),
                    plural(static_cast<std::int64_t>(corpus.tokens.size()), "token"));
    Dataset dataset =
        count_corpus(std::move(corpus), settings.vocab_size, settings.outside, settings.ngrams, lines);
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
        count_corpus(std::move(corpus), std::nullopt, OutsideTokens::skip, settings.ngrams, lines);
    dataset.source = fmt::format("stories: {} stories, context {}, seed {}", settings.stories,
                                 settings.ngrams.context_length, settings.seed);
    return dataset;
}

}  // namespace ntpgeo
