// From text to a dataset (design 2.3): the tokenisers alone, and all of `data text` from file to file. The
// text is the stories' small grammar, a few MB of ASCII English with about 150 distinct words.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

#include "bench/subjects.hpp"
#include "engine/data/counting.hpp"
#include "engine/data/synthetic.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/text.hpp"

namespace ntpgeo::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t story_count = 20000;

/// The text in memory and in a temporary folder, which goes with it.
struct StoryText {
    StoryText()
        : text(write_stories(story_count, 0)),
          folder(fs::temp_directory_path() / fmt::format("ntpgeo-bench-{}", getpid())) {
        fs::create_directory(folder);
        write_file_atomically(folder / "stories.txt", text);
    }
    ~StoryText() {
        std::error_code ignored;
        fs::remove_all(folder, ignored);
    }
    StoryText(const StoryText&) = delete;
    StoryText& operator=(const StoryText&) = delete;

    std::string text;
    fs::path folder;
};

StoryText& story_text() {
    return keep_setup<StoryText>("text", [] { return std::make_unique<StoryText>(); });
}

void report(benchmark::State& state, std::size_t tokens, std::size_t bytes) {
    state.counters["tokens_per_second"] =
        benchmark::Counter(static_cast<double>(tokens), benchmark::Counter::kIsIterationInvariantRate);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void cut(benchmark::State& state, TokenKind tokens) {
    const StoryText& stories = story_text();
    std::size_t count = 0;
    for ([[maybe_unused]] auto _ : state) {
        Corpus corpus;
        append_text(stories.text, {tokens, DocumentKind::file, false}, "stories", corpus);
        count = corpus.tokens.size();
    }
    report(state, count, stories.text.size());
}

void make_dataset(benchmark::State& state, TokenKind tokens, std::int64_t context_length) {
    const StoryText& stories = story_text();
    std::size_t count = 0;
    for ([[maybe_unused]] auto _ : state) {
        Corpus corpus;
        append_text(read_text((stories.folder / "stories.txt").string()), {tokens, DocumentKind::line, false},
                    "stories", corpus);
        Vocabulary vocabulary = rank_vocabulary(corpus, std::nullopt, OutsideTokens::skip);
        encode(vocabulary, corpus.tokens);
        NgramOptions options;
        options.context_length = context_length;
        CpuCountingOperations counting;
        NgramDataset result = count_ngrams(counting, TokensInMemory(corpus.tokens), corpus.document_ends,
                                           std::move(vocabulary.tokens), options);
        result.dataset.source = "stories";
        check_dataset(result.dataset, "stories");
        write_dataset(stories.folder / "stories.safetensors", result.dataset);
        count = corpus.tokens.size();
    }
    report(state, count, stories.text.size());
}

template <class Body>
void register_text_case(const std::string& name, Body body) {
    register_case(name, body)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime()
        ->MinTime(0.3)
        ->Repetitions(3)
        ->DisplayAggregatesOnly();
}

}  // namespace

void register_text() {
    constexpr std::pair<const char*, TokenKind> kinds[] = {
        {"word", TokenKind::word}, {"char", TokenKind::character}, {"byte", TokenKind::byte}};
    for (const auto& [name, tokens] : kinds)
        register_text_case(fmt::format("text_tokens/{}", name),
                           [tokens = tokens](benchmark::State& state) { cut(state, tokens); });
    for (const auto& [name, tokens] : kinds) {
        const std::int64_t context_length = tokens == TokenKind::word ? 2 : 6;
        register_text_case(fmt::format("text_dataset/{}/context:{}", name, context_length),
                           [tokens = tokens, context_length](benchmark::State& state) {
                               make_dataset(state, tokens, context_length);
                           });
    }
}

}  // namespace ntpgeo::bench
