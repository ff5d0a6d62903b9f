// Text after it was cut: a long row of token numbers with the documents' edges, and the distinct tokens'
// bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

}  // namespace ntpgeo
