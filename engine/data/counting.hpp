// From text to a dataset (design 2.3): tokens as numbers with the documents' edges, the vocabulary by
// frequency, windows of N context tokens and the next one, counted exactly.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/dataset.hpp"
#include "kernels/counting/counting.hpp"

namespace ntpgeo {

/// Distinct byte strings, numbered from 0 in order of first appearance. One copy of each is kept, in one
/// block.
class TokenTable {
  public:
    /// The number of `bytes`, which is added where it is new. Throws InputError past 2³¹ − 1 distinct tokens.
    std::int32_t intern(std::string_view bytes);

    /// The bytes of token `number`; valid until the next `intern`.
    [[nodiscard]] std::string_view bytes(std::int32_t number) const {
        return std::string_view(block_).substr(starts_[number], starts_[number + 1] - starts_[number]);
    }
    [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(starts_.size()) - 1; }

  private:
    struct Slot {
        std::uint32_t tag;
        std::int32_t number;  ///< −1: free
    };
    void grow();

    std::string block_;                        ///< the tokens' bytes, one after the other
    std::vector<std::uint64_t> starts_ = {0};  ///< [size+1] offsets into block_
    std::vector<Slot> slots_;                  ///< open addressing; a power of two, at most half full
};

/// A text as token numbers. Memory: 4 bytes a token, and the distinct tokens once.
struct Corpus {
    std::vector<std::int32_t> tokens;         ///< [T] numbers of `table`, document after document
    std::vector<std::int64_t> document_ends;  ///< [D] strictly increasing; the last one is T
    TokenTable table;

    /// Ends the current document. One without tokens is nothing, and leaves no trace (design 2.3).
    void end_document();
};

/// What becomes of a token outside the vocabulary: the windows that hold it are not counted, or it becomes
/// `<unk>`.
enum class OutsideTokens { skip, unknown };

struct Vocabulary {
    std::vector<std::string> tokens;  ///< [V] bytes of each token; id = rank
    std::vector<std::int32_t> id_of;  ///< [distinct tokens of the corpus] id, or −1: outside the vocabulary
    std::int64_t occurrences = 0;     ///< T, tokens in the corpus
    std::int64_t occurrences_inside =
        0;                     ///< of those, the ones that are a token of the vocabulary other than `<unk>`
    bool is_given = false;     ///< not ranked
    bool has_unknown = false;  ///< an id, in a ranked vocabulary the last, stands for all others: `<unk>`
};

/// The `size` most frequent tokens of the corpus (all of them where empty), ties by bytes ascending.
/// With OutsideTokens::unknown the size − 1 most frequent are kept and id size − 1 stands for all others.
/// Where no token is left outside (no size given, or a size above the number of distinct tokens) there is
/// nothing for `<unk>` to stand for, and it is left out: a word that no context is ever followed by would
/// only shift the geometry. A token that the text writes `<unk>` is one of those it stands for. Throws
/// InputError where size < 1 or the corpus is empty.
Vocabulary rank_vocabulary(const Corpus& corpus, std::optional<std::int64_t> size, OutsideTokens outside);

/// The vocabulary of the tokens `given`, ids in their order. With OutsideTokens::unknown its `<unk>` stands
/// for all others. Throws InputError, `where` being the vocabulary's origin, where that is not there, where a
/// token is given twice, and where the corpus is empty.
Vocabulary given_vocabulary(const Corpus& corpus, std::vector<std::string> given, OutsideTokens outside,
                            const std::string& where);

/// Replaces token numbers of the corpus by vocabulary ids, in place; −1 where a token is outside.
void encode(const Vocabulary& vocabulary, std::vector<std::int32_t>& tokens);

/// How a context weighs in the loss: by its count among the kept ones, or all alike.
enum class ContextWeights { empirical, uniform };

struct NgramOptions {
    std::int64_t context_length = 2;  ///< N, tokens a context
    std::int64_t min_count = 1;       ///< contexts seen less often are dropped
    std::optional<std::int64_t> max_contexts =
        std::nullopt;  ///< M: of the others, the most frequent; all where empty
    ContextWeights weights = ContextWeights::empirical;
};

/// A dataset and what was kept on the way to it.
struct NgramDataset {
    Dataset dataset;
    std::int64_t windows_seen = 0;     ///< every window that fits into a document
    std::int64_t windows_counted = 0;  ///< of those, the ones with no token outside the vocabulary
    std::int64_t windows_kept = 0;     ///< of those, the ones whose context was kept
    std::int64_t contexts_seen = 0;    ///< distinct contexts among the counted windows
    /// Of the next token, in nats: the mean over the counted windows, where WindowCounts has it, and over the
    /// kept ones.
    std::optional<double> entropy_counted;
    double entropy_kept = 0;
};

/// Counts every window of `ids` [T] (vocabulary ids, −1: outside) that lies in one document; document i is
/// ids[document_ends[i−1] .. document_ends[i]). Contexts with a total below min_count are dropped, then all
/// but the max_contexts most frequent (ties by token ids, lexicographic); the dataset keeps that order. p =
/// count / total; weights total / Σ totals kept, or 1/m. `vocabulary` [V] becomes the dataset's. Exact, on
/// every backend to the bit; memory as in CountingOperations, and on a CPU as `means` say. Throws InputError
/// for an option below 1, and where no window or no context is left, with the reason.
NgramDataset count_ngrams(CountingOperations& counting, const TokenSequence& ids,
                          std::span<const std::int64_t> document_ends, std::vector<std::string> vocabulary,
                          const NgramOptions& options, const CountingMeans& means = {});

}  // namespace ntpgeo
