#include "host/commands/data_sets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/data/counting.hpp"
#include "engine/data/synthetic.hpp"
#include "host/commands/counting_on.hpp"
#include "host/files/file_error.hpp"
#include "host/files/sentencepiece.hpp"
#include "host/files/text.hpp"
#include "host/files/token_files.hpp"
#include "host/files/vocabulary_file.hpp"
#include "host/terminal/numbers.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// The windows of ids; `lines` gets what was kept of them. `inside` says what the windows that are counted
/// lie in.
Dataset count_windows(const TokenSequence& ids, const std::vector<std::int64_t>& document_ends,
                      std::vector<std::string> vocabulary, const NgramOptions& options, const CountingOn& on,
                      const char* inside, std::string& lines) {
    if (on.rehearsal) {
        lines +=
            rehearse_counting(on, ids, document_ends, static_cast<std::int64_t>(vocabulary.size()), options);
        return {};
    }
    NgramDataset result = count_on(on, ids, document_ends, std::move(vocabulary), options, lines);
    lines += fmt::format("{:<12}{} of {} kept ({:.2f} %); {} inside {}\n", "windows", result.windows_kept,
                         result.windows_seen, percent(result.windows_kept, result.windows_seen),
                         result.windows_counted, inside);
    lines += fmt::format("{:<12}{} of {} kept, with {:.2f} % of the windows inside\n", "contexts",
                         result.dataset.contexts(), result.contexts_seen,
                         percent(result.windows_kept, result.windows_counted));
    lines += fmt::format(
        "{:<12}{:.6f} nats over the windows that are kept{}\n", "next token", result.entropy_kept,
        result.entropy_counted ? fmt::format(", {:.6f} over those inside {}", *result.entropy_counted, inside)
                               : "");
    return std::move(result.dataset);
}

/// The windows of a corpus, its tokens made ids of the vocabulary; `lines` gets a description of what was
/// kept.
Dataset count_corpus(Corpus corpus, Vocabulary vocabulary, const NgramOptions& options, const CountingOn& on,
                     std::string& lines) {
    const std::int64_t words =
        static_cast<std::int64_t>(vocabulary.tokens.size()) - (vocabulary.has_unknown ? 1 : 0);
    lines += fmt::format("{:<12}{}, {:.2f} % of the text{}\n", "vocabulary",
                         vocabulary.is_given
                             ? plural(words, "token") + " given"
                             : fmt::format("{} of {}", words, plural(corpus.table.size(), "distinct token")),
                         percent(vocabulary.occurrences_inside, vocabulary.occurrences),
                         vocabulary.has_unknown ? "; <unk> for the rest" : "");
    encode(vocabulary, corpus.tokens);
    return count_windows(TokensInMemory(corpus.tokens), corpus.document_ends, std::move(vocabulary.tokens),
                         options, on, "the vocabulary", lines);
}

/// "text: FILE and 2 more".
std::string origin(const char* kind, const std::vector<std::string>& files) {
    std::string source = fmt::format("{}: {}", kind, printable_token(files.front()));
    if (files.size() > 1) source += fmt::format(" and {} more", files.size() - 1);
    return source;
}

/// ", min-count 2, contexts 5, weights empirical", as far as it is asked for.
std::string selection(const NgramOptions& ngrams) {
    std::string source;
    if (ngrams.min_count > 1) source += fmt::format(", min-count {}", ngrams.min_count);
    if (ngrams.max_contexts) source += fmt::format(", contexts {}", *ngrams.max_contexts);
    return source + ", weights " + name_of(ngrams.weights);
}

/// The vocabulary of a file, held against --vocab; empty without a file.
std::vector<std::string> vocabulary_of(const std::string& file, std::optional<std::int64_t> vocab_size) {
    if (file.empty()) return {};
    std::vector<std::string> tokens = read_vocabulary(file);
    const auto found = static_cast<std::int64_t>(tokens.size());
    if (vocab_size && *vocab_size != found)
        throw InputError(fmt::format("{}: has {}; --vocab says {}", printable(std::filesystem::path(file)),
                                     plural(found, "token"), *vocab_size));
    return tokens;
}

std::string source_of(const std::vector<std::string>& files, const TextSettings& settings) {
    std::string source = origin("text", files);
    source +=
        fmt::format("; tokens {}, context {}, documents {}", printable_token(tokens_text(settings.text)),
                    settings.ngrams.context_length, name_of(settings.text.documents));
    if (settings.vocab_size)
        source += fmt::format(", vocab {}, oov {}", *settings.vocab_size, name_of(settings.outside));
    if (!settings.vocab_file.empty())
        source += fmt::format(", vocabulary of {}, oov {}", printable_token(settings.vocab_file),
                              name_of(settings.outside));
    if (settings.text.lowercase) source += ", lowercase";
    if (settings.text.normalize != Normalization::none)
        source += fmt::format(", normalize {}", name_of(settings.text.normalize));
    if (settings.text.invalid != InvalidText::error)
        source += fmt::format(", invalid {}", name_of(settings.text.invalid));
    return source + selection(settings.ngrams);
}

/// The format of the files where they have one, "files" where they have several.
std::string format_text(const TokenFiles& files) {
    const TokenFormat first = files.files().front().format;
    const bool is_one =
        std::ranges::all_of(files.files(), [&](const StoredIds& ids) { return ids.format == first; });
    return is_one ? name_of(first) : "several formats";
}

std::string source_of(const std::vector<std::string>& files, const TokensSettings& settings,
                      const TokenFiles& opened) {
    std::string source = origin("tokens", files) + fmt::format("; {}", format_text(opened));
    if (settings.files.type != IdType::automatic)
        source += fmt::format(" of {}", name_of(settings.files.type));
    source += fmt::format(", context {}", settings.ngrams.context_length);
    if (settings.files.end_of_text) source += fmt::format(", eot {}", *settings.files.end_of_text);
    if (settings.vocab_size) source += fmt::format(", vocab {}", *settings.vocab_size);
    return source + selection(settings.ngrams);
}

}  // namespace

Dataset count_text(const std::vector<std::string>& files, const TextSettings& settings, const CountingOn& on,
                   std::string& lines) {
    std::vector<std::string> given = vocabulary_of(settings.vocab_file, settings.vocab_size);
    std::optional<SentencePieceModel> model;
    if (settings.text.tokens == TokenKind::piece) model.emplace(settings.text.model);
    Corpus corpus;
    for (const std::string& file : files) {
        const std::string name = file == "-" ? "the standard input" : printable(std::filesystem::path(file));
        append_text(read_text(file), settings.text, name, corpus, model ? &*model : nullptr);
    }
    lines +=
        fmt::format("{:<12}{}, {}, {}\n", "text", plural(static_cast<std::int64_t>(files.size()), "file"),
                    plural(static_cast<std::int64_t>(corpus.document_ends.size()), "document"),
                    plural(static_cast<std::int64_t>(corpus.tokens.size()), "token"));
    Vocabulary vocabulary = given.empty()
                                ? rank_vocabulary(corpus, settings.vocab_size, settings.outside)
                                : given_vocabulary(corpus, std::move(given), settings.outside,
                                                   printable(std::filesystem::path(settings.vocab_file)));
    Dataset dataset = count_corpus(std::move(corpus), std::move(vocabulary), settings.ngrams, on, lines);
    dataset.source = source_of(files, settings);
    return dataset;
}

Dataset count_tokens(const std::vector<std::string>& files, const TokensSettings& settings,
                     const CountingOn& on, std::string& lines) {
    constexpr std::int64_t most_tokens = std::numeric_limits<std::int32_t>::max();
    std::vector<std::string> names = vocabulary_of(settings.vocab_file, settings.vocab_size);
    std::optional<std::int64_t> size = settings.vocab_size;
    if (!names.empty()) size = static_cast<std::int64_t>(names.size());
    if (size && *size > most_tokens)
        throw InputError(fmt::format("--vocab: {} is more than {}", *size, most_tokens));
    TokenFiles ids(token_paths(files, settings.files.format), settings.files);
    const IdSurvey survey = ids.survey(size, counting_line());
    if (!size && survey.greatest >= most_tokens)
        throw InputError(
            fmt::format("--eot {} is the greatest id, and a vocabulary has at most {} tokens; give "
                        "--vocab",
                        survey.greatest, most_tokens));
    const bool has_names = !names.empty();
    names.resize(static_cast<std::size_t>(size.value_or(survey.greatest + 1)));

    lines += fmt::format("{:<12}{} ({}), {}, {}\n", "text",
                         plural(static_cast<std::int64_t>(ids.files().size()), "file"), format_text(ids),
                         plural(static_cast<std::int64_t>(ids.document_ends().size()), "document"),
                         plural(ids.size(), "token"));
    lines += fmt::format(
        "{:<12}{}, the greatest id is {}{}\n", "vocabulary",
        plural(static_cast<std::int64_t>(names.size()), "token"), survey.greatest,
        settings.files.end_of_text
            ? fmt::format("; the end of text, {}, {} times", *settings.files.end_of_text, survey.ends_of_text)
            : "");
    Dataset dataset =
        count_windows(ids, ids.document_ends(), std::move(names), settings.ngrams, on, "one text", lines);
    if (!has_names) dataset.vocab.clear();
    dataset.source = source_of(files, settings, ids);
    return dataset;
}

Corpus corpus_of_stories(const std::string& text) {
    Corpus corpus;
    append_text(text, {TokenKind::word, DocumentKind::line, false}, "stories", corpus);
    return corpus;
}

Dataset make_stories(const StoriesSettings& settings, std::string& lines) {
    Corpus corpus = corpus_of_stories(write_stories(settings.stories, settings.seed));
    lines += fmt::format("{:<12}{}, {}\n", "text",
                         settings.stories == 1 ? "1 story" : fmt::format("{} stories", settings.stories),
                         plural(static_cast<std::int64_t>(corpus.tokens.size()), "token"));
    Vocabulary vocabulary = rank_vocabulary(corpus, std::nullopt, OutsideTokens::skip);
    Dataset dataset = count_corpus(std::move(corpus), std::move(vocabulary), settings.ngrams,
                                   {.device = "cpu", .folder = {}, .memory = {}}, lines);
    dataset.source = fmt::format("stories: {} stories, context {}, seed {}", settings.stories,
                                 settings.ngrams.context_length, settings.seed);
    return dataset;
}

}  // namespace ntpgeo
