// SentencePiece's models, by the library of that name where this program was built with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ntpgeo {

class SentencePieceModel {
  public:
    /// Throws InputError where `path` is no model, or where there is no library, with what is to be done.
    explicit SentencePieceModel(const std::filesystem::path& path);
    ~SentencePieceModel();
    SentencePieceModel(const SentencePieceModel&) = delete;
    SentencePieceModel& operator=(const SentencePieceModel&) = delete;

    /// Pieces that there are; their ids are below it.
    [[nodiscard]] std::int64_t size() const;

    /// The piece as the model spells it, "▁the".
    [[nodiscard]] const std::string& piece(std::int32_t id) const;

    /// The library counts in 32 bits: bytes that a text may have.
    static constexpr std::size_t longest = std::size_t{1} << 30;

    /// The ids of a text, which is encoded as a whole.
    [[nodiscard]] std::vector<int> encode(std::string_view text) const;

  private:
    struct Library;
    std::unique_ptr<Library> library_;
};

}  // namespace ntpgeo
