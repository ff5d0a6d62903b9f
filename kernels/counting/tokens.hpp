// A text's ids, wherever they lie.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace ntpgeo {

/// The ids of a text that need not lie in memory.
class TokenSequence {
  public:
    TokenSequence() = default;
    TokenSequence(const TokenSequence&) = delete;
    TokenSequence& operator=(const TokenSequence&) = delete;
    virtual ~TokenSequence() = default;

    [[nodiscard]] virtual std::int64_t size() const = 0;
    /// Copies ids begin .. begin + out.size() − 1; −1 is a token that stands in no window. Several threads
    /// may call it at once.
    virtual void read(std::int64_t begin, std::span<std::int32_t> out) const = 0;
};

/// Ids of a caller's, in host memory.
class TokensInMemory : public TokenSequence {
  public:
    explicit TokensInMemory(std::span<const std::int32_t> ids) : ids_(ids) {}

    [[nodiscard]] std::int64_t size() const override { return static_cast<std::int64_t>(ids_.size()); }
    void read(std::int64_t begin, std::span<std::int32_t> out) const override {
        std::copy_n(ids_.begin() + begin, out.size(), out.begin());
    }

  private:
    std::span<const std::int32_t> ids_;
};

}  // namespace ntpgeo
