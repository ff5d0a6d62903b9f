// Windows as keys of one or several words, whose order is that of their tokens.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/counting/counting.hpp"

namespace ntpgeo::counting_cpu {

/// A number of 64·W bits, its least significant word first.
template <int W>
struct alignas(W == 2 ? 16 : 8) Key {
    std::array<std::uint64_t, W> words;

    // Not the array's own, which calls memcmp.
    bool operator==(const Key& other) const {
        std::uint64_t differing = 0;
        for (int i = 0; i < W; ++i) differing |= words[i] ^ other.words[i];
        return differing == 0;
    }
    bool operator<(const Key& other) const {
        for (int i = W - 1; i > 0; --i)
            if (words[i] != other.words[i]) return words[i] < other.words[i];
        return words[0] < other.words[0];
    }
};

/// Bits that tell so many tokens apart.
inline int bits_for(std::int64_t tokens) {
    return std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(tokens - 1))));
}

/// Of N + 1 tokens; a billion where it is more.
inline std::int64_t window_bits(std::int64_t vocab_size, std::int64_t context_length) {
    constexpr std::int64_t billion = 1'000'000'000;
    return context_length < billion / 32 ? bits_for(vocab_size) * (context_length + 1) : billion;
}

/// How N + 1 tokens lie in a key: the first in its highest bits, the next one in its lowest.
template <int W>
class Packing {
  public:
    /// For `most` windows at a time.
    Packing(std::int64_t vocab_size, std::int64_t context_length, std::int64_t most)
        : bits_(bits_for(vocab_size)),
          length_(context_length),
          below_head_(bits_ * (length_ + 1) - std::min<std::int64_t>({bits_ * length_, bits_for(most), 16})) {
        for (std::int64_t bit = 0; bit < bits_ * (length_ + 1); ++bit)
            used_.words[bit / 64] |= std::uint64_t{1} << bit % 64;
    }

    /// The window that ends with `token`, after the one that ended a token before.
    [[nodiscard]] Key<W> after(const Key<W>& before, std::int32_t token) const {
        Key<W> key;
        for (int i = W - 1; i > 0; --i)
            key.words[i] = (before.words[i] << bits_ | before.words[i - 1] >> (64 - bits_)) & used_.words[i];
        key.words[0] = (before.words[0] << bits_ | static_cast<std::uint32_t>(token)) & used_.words[0];
        return key;
    }
    [[nodiscard]] std::int32_t next_token(const Key<W>& key) const {
        return static_cast<std::int32_t>(key.words[0] & token_mask());
    }
    [[nodiscard]] bool same_context(const Key<W>& a, const Key<W>& b) const {
        for (int i = 1; i < W; ++i)
            if (a.words[i] != b.words[i]) return false;
        return (a.words[0] ^ b.words[0]) >> bits_ == 0;
    }
    void context_tokens(const Key<W>& key, std::int32_t* tokens) const {
        for (std::int64_t i = 0; i < length_; ++i)
            tokens[i] = static_cast<std::int32_t>(bits_from(key, bits_ * (length_ - i)) & token_mask());
    }

    /// A number below `heads` that grows with the key and is one for all windows of a context.
    [[nodiscard]] std::uint64_t head(const Key<W>& key) const { return bits_from(key, below_head_); }
    [[nodiscard]] std::int64_t heads() const {
        return std::int64_t{1} << (bits_ * (length_ + 1) - below_head_);
    }

    /// Calls take(key) for each window that ends at one of the places begin .. end−1.
    template <class Take>
    void pack(const TextIds& text, std::int64_t begin, std::int64_t end, const Take& take) const {
        constexpr std::int64_t at_once = std::int64_t{1} << 14;
        std::vector<std::int32_t> ids(static_cast<std::size_t>(at_once));
        std::int64_t from = std::max<std::int64_t>(begin - length_, 0);
        auto document = std::upper_bound(text.document_ends.begin(), text.document_ends.end(), from);
        std::int64_t clean = 0;  // tokens before this place that may stand in a window that ends there
        Key<W> key{};
        while (from < end) {
            const std::span<std::int32_t> part =
                std::span(ids).first(static_cast<std::size_t>(std::min(at_once, end - from)));
            text.ids.read(from, part);
            for (std::size_t i = 0; i < part.size(); ++i, ++from) {
                if (from == *document) {
                    clean = 0;
                    ++document;
                }
                if (part[i] < 0) {
                    clean = 0;
                    continue;
                }
                key = after(key, part[i]);
                if (++clean > length_ && from >= begin) take(key);
            }
        }
    }

  private:
    [[nodiscard]] std::uint64_t token_mask() const { return (std::uint64_t{1} << bits_) - 1; }
    /// 64 of a key's bits, those from `bit` on.
    [[nodiscard]] static std::uint64_t bits_from(const Key<W>& key, std::int64_t bit) {
        const std::int64_t word = bit / 64, shift = bit % 64;
        std::uint64_t bits = key.words[word] >> shift;
        if (shift > 0 && word + 1 < W) bits |= key.words[word + 1] << (64 - shift);
        return bits;
    }

    std::int64_t bits_, length_;
    std::int64_t below_head_;  ///< bits below those that a head is made of, 16 or fewer
    Key<W> used_{};            ///< those of the N + 1 tokens
};

}  // namespace ntpgeo::counting_cpu
