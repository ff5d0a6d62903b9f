// `ntpgeo data text` and `ntpgeo data stories`: both count windows of tokens.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/data/counting.hpp"
#include "engine/data/synthetic.hpp"
#include "host/commands/data_verbs.hpp"
#include "host/commands/dataset_summary.hpp"
#include "host/commands/option_checks.hpp"
#include "host/files/file_error.hpp"
#include "host/files/text.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

void add_context_option(CLI::App& verb, NgramOptions& options) {
    verb.add_option("--context", options.context_length, "tokens a context")
        ->transform(whole_number(1))
        ->type_name("N")
        ->capture_default_str();
}

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

struct TextCommand {
    std::vector<std::string> files;
    std::string output, tokens = "word", documents = "file", weights = "empirical", oov = "skip",
                        invalid = "error";
    std::optional<std::int64_t> vocab_size;
    bool lowercase = false;
    NgramOptions options;
};

void check_files(const TextCommand& command) {
    if (std::count(command.files.begin(), command.files.end(), "-") > 1) {
        throw InputError("the standard input, '-', can be read only once");
    }
    for (const std::string& file : command.files) {
        std::error_code error;
        if (file != "-" && std::filesystem::equivalent(file, command.output, error)) {
            throw InputError(fmt::format("-o {}: would replace the text it is made from; give another name",
                                         printable(std::filesystem::path(file))));
        }
    }
}

std::string source_of(const TextCommand& command) {
    std::string source = fmt::format("text: {}", printable_token(command.files.front()));
    if (command.files.size() > 1) source += fmt::format(" and {} more", command.files.size() - 1);
    source += fmt::format("; tokens {}, context {}, documents {}", command.tokens,
                          command.options.context_length, command.documents);
    if (command.vocab_size) source += fmt::format(", vocab {}, oov {}", *command.vocab_size, command.oov);
    if (command.options.min_count > 1) source += fmt::format(", min-count {}", command.options.min_count);
    if (command.options.max_contexts) source += fmt::format(", contexts {}", *command.options.max_contexts);
    if (command.lowercase) source += ", lowercase";
    return source + ", weights " + command.weights;
}

void run_text(TextCommand& command) {
    require_writable(command.output);
    check_files(command);
    const TextOptions text_options{command.tokens == "word"   ? TokenKind::word
                                   : command.tokens == "char" ? TokenKind::character
                                                              : TokenKind::byte,
                                   command.documents == "line" ? DocumentKind::line : DocumentKind::file,
                                   command.lowercase};
    Corpus corpus;
    for (const std::string& file : command.files) {
        const std::string name = file == "-" ? "the standard input" : printable(std::filesystem::path(file));
        append_text(read_text(file), text_options, name, corpus);
    }
    std::string lines = fmt::format(
        "{:<12}{}, {}, {}\n", "text", plural(static_cast<std::int64_t>(command.files.size()), "file"),
        plural(static_cast<std::int64_t>(corpus.document_ends.size()), "document"),
        plural(static_cast<std::int64_t>(corpus.tokens.size()), "token"));
    command.options.weights =
        command.weights == "uniform" ? ContextWeights::uniform : ContextWeights::empirical;
    const OutsideTokens outside = command.oov == "unk" ? OutsideTokens::unknown : OutsideTokens::skip;
    Dataset dataset = count_corpus(std::move(corpus), command.vocab_size, outside, command.options, lines);
    dataset.source = source_of(command);
    deliver_dataset(dataset, command.output, lines);
}

struct StoriesCommand {
    std::string output;
    std::int64_t stories = 5000;
    std::uint64_t seed = 0;
    NgramOptions options;
};

void run_stories(const StoriesCommand& command) {
    require_writable(command.output);
    std::string lines;
    Dataset dataset = make_stories(command.stories, command.seed, command.options, lines);
    deliver_dataset(dataset, command.output, lines);
}

}  // namespace

void add_data_text(CLI::App& data) {
    const auto command = std::make_shared<TextCommand>();
    CLI::App* verb = data.add_subcommand("text", "Contexts and next tokens, counted in text");
    verb->add_option("files", command->files, "UTF-8 text; - is the standard input")
        ->required()
        ->type_name("FILE");
    add_output_option(*verb, command->output);
    verb->add_option("--tokens", command->tokens, "what a token is")
        ->check(one_of({"word", "char", "byte"}, {"spm:"}))
        ->type_name("word|char|byte")
        ->capture_default_str();
    add_context_option(*verb, command->options);
    verb->add_option("--vocab", command->vocab_size, "keep the V most frequent tokens (default: all)")
        ->transform(whole_number(1))
        ->type_name("V");
    verb->add_option("--min-count", command->options.min_count, "drop contexts that occur less often")
        ->transform(whole_number(1))
        ->type_name("C")
        ->capture_default_str();
    verb->add_option("--contexts", command->options.max_contexts,
                     "keep the M most frequent contexts (default: all)")
        ->transform(whole_number(1))
        ->type_name("M");
    verb->add_option("--weights", command->weights, "how contexts weigh: by their counts, or all alike")
        ->check(one_of({"empirical", "uniform"}))
        ->type_name("empirical|uniform")
        ->capture_default_str();
    verb->add_option("--documents", command->documents, "no window crosses from one document into the next")
        ->check(one_of({"file", "line"}, {"paragraph"}))
        ->type_name("file|line")
        ->capture_default_str();
    verb->add_option("--oov", command->oov,
                     "tokens outside the vocabulary: skip the windows that hold one, or make them <unk>, the "
                     "last of the "
                     "V tokens (no <unk> where none is outside)")
        ->check(one_of({"skip", "unk"}))
        ->type_name("skip|unk")
        ->capture_default_str();
    verb->add_flag("--lowercase", command->lowercase, "fold case first (Unicode simple folding)");
    verb->add_option("--invalid", command->invalid, "text that is not UTF-8")
        ->check(one_of({"error"}, {"replace"}))
        ->type_name("error")
        ->capture_default_str();
    verb->callback([command] { run_text(*command); });
}

Dataset make_stories(std::int64_t stories, std::uint64_t seed, const NgramOptions& options,
                     std::string& lines) {
    Corpus corpus;
    append_text(write_stories(stories, seed), {TokenKind::word, DocumentKind::line, false}, "stories",
                corpus);
    lines +=
        fmt::format("{:<12}{}, {}\n", "text", stories == 1 ? "1 story" : fmt::format("{} stories", stories),
                    plural(static_cast<std::int64_t>(corpus.tokens.size()), "token"));
    Dataset dataset = count_corpus(std::move(corpus), std::nullopt, OutsideTokens::skip, options, lines);
    dataset.source =
        fmt::format("stories: {} stories, context {}, seed {}", stories, options.context_length, seed);
    return dataset;
}

void add_data_stories(CLI::App& data) {
    const auto command = std::make_shared<StoriesCommand>();
    CLI::App* verb = data.add_subcommand(
        "stories", "Stories from a small grammar, in which many contexts share a support");
    add_output_option(*verb, command->output);
    verb->add_option("--stories", command->stories, "stories to write and count")
        ->transform(whole_number(1))
        ->type_name("N")
        ->capture_default_str();
    add_context_option(*verb, command->options);
    add_seed_option(*verb, command->seed);
    verb->callback([command] { run_stories(*command); });
}

}  // namespace ntpgeo
