#include "engine/data/settings.hpp"

#include <fmt/format.h>

#include "engine/settings/parse_number.hpp"

namespace ntpgeo {
namespace {

/// Tokens a support, "LO:HI" or one number for both.
TextField sizes_field(SyntheticOptions& synthetic) {
    TextField field;
    field.get = field.compared = [&synthetic] {
        return synthetic.least_support
                   ? fmt::format("{}:{}", *synthetic.least_support, *synthetic.most_support)
                   : std::string();
    };
    field.set = [&synthetic](std::string_view text) -> std::string {
        const std::size_t colon = text.find(':');
        std::int64_t least = 0, most = 0;
        if (!parse_number(text.substr(0, colon), least) ||
            !parse_number(colon == std::string_view::npos ? text : text.substr(colon + 1), most) ||
            least < 1 || most < least)
            return "is not LO:HI with whole numbers 1 <= LO <= HI";
        synthetic.least_support = least;
        synthetic.most_support = most;
        return "";
    };
    return field;
}

Setting named(std::string_view name, TextField field, std::string help) {
    const std::string metavar = choices_of(field);
    return {.name = name, .field = std::move(field), .help = std::move(help), .metavar = metavar};
}

/// A token's kind by its name, or "spm:MODEL".
TextField tokens_field(TextOptions& text) {
    static const Names<TokenKind> kinds = {{"word", TokenKind::word},
                                           {"char", TokenKind::character},
                                           {"byte", TokenKind::byte},
                                           {"space", TokenKind::space},
                                           {"spm:MODEL", TokenKind::piece}};
    constexpr std::string_view prefix = "spm:";
    TextField field;
    for (const auto& [name, kind] : kinds) field.names.push_back(name);
    field.get = field.compared = [&text, prefix] {
        return text.tokens == TokenKind::piece ? std::string(prefix) + text.model
                                               : name_in(kinds, text.tokens);
    };
    field.set = [&text, prefix](std::string_view given) -> std::string {
        if (!given.starts_with(prefix)) return take_name(kinds, given, text.tokens);
        if (given == prefix) return "names no model; give spm:MODEL, the model's file";
        text.tokens = TokenKind::piece;
        text.model = given.substr(prefix.size());
        return "";
    };
    return field;
}

Setting vocab_file(std::string& file, std::string help) {
    return {.name = "vocab_file", .field = open_field(file), .help = std::move(help), .metavar = "FILE"};
}

struct Unit {
    std::string_view name;
    double bytes;
};
constexpr Unit units[] = {{"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"kB", 1e3},
                          {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12}};

/// Bytes, with a unit or without.
TextField bytes_field(std::optional<std::int64_t>& bytes) {
    TextField field;
    field.get = field.compared = [&bytes] { return bytes ? fmt::format("{}", *bytes) : std::string(); };
    field.set = [&bytes](std::string_view text) -> std::string {
        double unit = 1;
        std::string_view number = text;
        for (const auto& [name, of_it] : units)
            if (text.ends_with(name)) unit = of_it, number.remove_suffix(name.size());
        double value = 0;
        if (!parse_number(number, value) || !(value * unit >= 1) || !(value * unit < 0x1p62))
            return "is no size; give bytes, or a number with kB, MB, GB, TB, KiB, MiB, GiB or TiB: 2GB";
        bytes = static_cast<std::int64_t>(value * unit);
        return "";
    };
    return field;
}

Setting memory(std::optional<std::int64_t>& bytes) {
    return {.name = "memory",
            .field = bytes_field(bytes),
            .help =
                "what this process may take, like 2GB or 512MiB, where a CPU counts (default: three "
                "quarters of what is free). What does not fit lies beside DS while it is counted, in "
                "files without a name; the data set is the same",
            .metavar = "SIZE"};
}

Setting seed(std::uint64_t& value) {
    return {.name = "seed",
            .field = SeedField{&value},
            .help = "the same seed makes the same dataset",
            .metavar = "N"};
}

Setting context(NgramOptions& ngrams) {
    return {.name = "context",
            .field = WholeField{&ngrams.context_length, 1},
            .help = "tokens a context",
            .metavar = "N"};
}
Setting min_count(NgramOptions& ngrams) {
    return {.name = "min_count",
            .field = WholeField{&ngrams.min_count, 1},
            .help = "drop contexts that occur less often",
            .metavar = "C"};
}
Setting contexts(NgramOptions& ngrams) {
    return {.name = "contexts",
            .field = OptionalWholeField{&ngrams.max_contexts},
            .help = "keep the M most frequent contexts (default: all)",
            .metavar = "M"};
}
Setting weights(NgramOptions& ngrams) {
    return named("weights", name_field(ngrams.weights), "how contexts weigh: by their counts, or all alike");
}

}  // namespace

std::vector<Setting> settings_of(TextSettings& text) {
    return {
        named(
            "tokens", tokens_field(text.text),
            "what a token is. word: letters, digits and _ in a row, each with its combining marks, and "
            "format characters between them, or one other character that is no white space; char: a code "
            "point; byte: a byte; space: what stands between white space; spm: a piece of the SentencePiece "
            "model in the file MODEL. A byte order mark at the start of a file is dropped, but byte keeps "
            "it"),
        context(text.ngrams),
        {.name = "vocab",
         .field = OptionalWholeField{&text.vocab_size},
         .help = "keep the V most frequent tokens (default: all)",
         .metavar = "V"},
        vocab_file(text.vocab_file,
                   "take the vocabulary from FILE, a token a line (id = line) or a tokenizer's .json; with "
                   "--oov unk its <unk> stands for the rest"),
        min_count(text.ngrams),
        contexts(text.ngrams),
        weights(text.ngrams),
        named("documents", name_field(text.text.documents),
              "no window crosses from one document into the next"),
        named(
            "oov", name_field(text.outside),
            "tokens outside the vocabulary: skip the windows that hold one, or make them <unk>, the last of "
            "the V tokens (no <unk> where none is outside)"),
        {.name = "lowercase",
         .field = SwitchField{&text.text.lowercase},
         .help = "fold case first (Unicode simple folding); not with --tokens byte"},
        named("normalize", name_field(text.text.normalize),
              "nfc: bring the text into Unicode's composed form NFC first; not with --tokens byte"),
        named("invalid", name_field(text.text.invalid),
              "text that is not UTF-8: refused, or U+FFFD in its place; not with --tokens byte"),
        memory(text.memory),
    };
}

std::vector<Setting> settings_of(TokensSettings& tokens) {
    return {
        named("format", name_field(tokens.files.format),
              "of the files. auto: what their beginnings say; a .bin that says nothing is nanogpt's"),
        named("dtype", name_field(tokens.files.type),
              "the integers of a nanogpt file (auto: uint16); other formats say themselves"),
        {.name = "eot",
         .field = OptionalWholeField{&tokens.files.end_of_text, 0},
         .help = "the id of the end of text: no window holds it, not even as the next token",
         .metavar = "ID"},
        {.name = "vocab",
         .field = OptionalWholeField{&tokens.vocab_size},
         .help =
             "tokens in the vocabulary, ids below V (default: those of --vocab-file, or the greatest id + "
             "1)",
         .metavar = "V"},
        context(tokens.ngrams),
        min_count(tokens.ngrams),
        contexts(tokens.ngrams),
        weights(tokens.ngrams),
        vocab_file(tokens.vocab_file,
                   "names for the ids: a token a line (id = line), or a tokenizer.json or vocab.json"),
        memory(tokens.memory),
    };
}

std::vector<Setting> settings_of(NgramOptions& ngrams) {
    return {context(ngrams), min_count(ngrams), contexts(ngrams), weights(ngrams)};
}

std::vector<Setting> settings_of(StoriesSettings& stories) {
    return {
        {.name = "stories",
         .field = WholeField{&stories.stories, 1},
         .help = "stories to write and count",
         .metavar = "N"},
        context(stories.ngrams),
        seed(stories.seed),
    };
}

std::vector<Setting> settings_of(SyntheticOptions& synthetic) {
    return {
        {.name = "vocab",
         .field = WholeField{&synthetic.vocab_size, 1},
         .help = "tokens in the vocabulary",
         .metavar = "V"},
        {.name = "contexts",
         .field = WholeField{&synthetic.contexts, 1},
         .help = "contexts, spread evenly over the support sets",
         .metavar = "M"},
        {.name = "supports",
         .field = OptionalWholeField{&synthetic.supports},
         .help = "distinct support sets (default 40, or all there are if fewer)",
         .metavar = "N"},
        {.name = "support_size",
         .field = sizes_field(synthetic),
         .help = "tokens a support set, drawn from LO to HI; one number for both (default 2:6, capped at V)",
         .metavar = "LO:HI"},
        {.name = "dirichlet",
         .field = NumberField{&synthetic.dirichlet, NumberRange::positive},
         .help = "concentration of the probabilities on a support; 1: uniform",
         .metavar = "A"},
        named("weights", name_field(synthetic.weights), "how contexts weigh; zipf: 1, 1/2, 1/3, ..."),
        seed(synthetic.seed),
    };
}

std::vector<Setting> settings_of(TopKSettings& topk) {
    return {
        {.name = "vocab",
         .field = OptionalWholeField{&topk.vocab_size},
         .help = "words of the vocabulary (default: as the file's metadata say, or the greatest id + 1)",
         .metavar = "V"},
        named("missing", name_field(topk.missing),
              "what of a context's mass is on words beyond its k. fold: the context weighs as much less; "
              "renormalise: its labels are brought to a sum of 1, its weight stays"),
    };
}

std::string tokens_text(const TextOptions& text) {
    TextOptions copy = text;
    return tokens_field(copy).get();
}

Names<DocumentKind> names_of(DocumentKind) {
    return {
        {"file", DocumentKind::file}, {"line", DocumentKind::line}, {"paragraph", DocumentKind::paragraph}};
}
Names<InvalidText> names_of(InvalidText) {
    return {{"error", InvalidText::error}, {"replace", InvalidText::replace}};
}
Names<Normalization> names_of(Normalization) {
    return {{"none", Normalization::none}, {"nfc", Normalization::nfc}};
}
Names<TokenFormat> names_of(TokenFormat) {
    return {{"auto", TokenFormat::automatic},
            {"nanogpt", TokenFormat::nanogpt},
            {"llmc", TokenFormat::llmc},
            {"megatron", TokenFormat::megatron},
            {"npy", TokenFormat::npy}};
}
Names<IdType> names_of(IdType) {
    return {{"auto", IdType::automatic}, {"uint8", IdType::uint8},   {"int8", IdType::int8},
            {"uint16", IdType::uint16},  {"int16", IdType::int16},   {"uint32", IdType::uint32},
            {"int32", IdType::int32},    {"uint64", IdType::uint64}, {"int64", IdType::int64}};
}
Names<OutsideTokens> names_of(OutsideTokens) {
    return {{"skip", OutsideTokens::skip}, {"unk", OutsideTokens::unknown}};
}
Names<ContextWeights> names_of(ContextWeights) {
    return {{"empirical", ContextWeights::empirical}, {"uniform", ContextWeights::uniform}};
}
Names<SyntheticWeights> names_of(SyntheticWeights) {
    return {{"uniform", SyntheticWeights::uniform}, {"zipf", SyntheticWeights::zipf}};
}

Names<MissingMass> names_of(MissingMass) {
    return {{"fold", MissingMass::fold}, {"renormalise", MissingMass::renormalise}};
}

}  // namespace ntpgeo
