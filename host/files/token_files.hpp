// Files of token ids as one text that does not lie in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "host/files/token_format.hpp"
#include "kernels/counting/counting.hpp"
#include "kernels/counting/tokens.hpp"

namespace ntpgeo {

/// What a look at all ids has found.
struct IdSurvey {
    std::int64_t greatest = -1;     ///< of all ids, the end of text among them
    std::int64_t ends_of_text = 0;  ///< how often that one occurs
};

/// The ids of files, one behind the other, read where they lie, a stretch at a time; the end of text is read
/// as −1. A file goes on where the one before it ends, as shards do; a Megatron pair has documents of its
/// own.
class TokenFiles : public TokenSequence {
  public:
    /// Opens them as `open_ids` does.
    TokenFiles(const std::vector<std::filesystem::path>& paths, const TokenFileOptions& options);

    /// Reads all of them. Throws InputError, naming file and byte, for an id that is negative, or not below
    /// `vocab_size` (2³¹ − 1 where that is empty); the end of text may be any. `progress` is called now and
    /// then.
    [[nodiscard]] IdSurvey survey(std::optional<std::int64_t> vocab_size,
                                  const std::function<void(const CountingProgress&)>& progress = nullptr);

    /// [D] strictly increasing; the last one is size().
    [[nodiscard]] const std::vector<std::int64_t>& document_ends() const { return document_ends_; }
    [[nodiscard]] const std::vector<StoredIds>& files() const { return files_; }

    [[nodiscard]] std::int64_t size() const override { return starts_.back(); }
    /// Throws as `survey` does, for its bound or the greatest id that it found, where a file was written to
    /// since.
    void read(std::int64_t begin, std::span<std::int32_t> out) const override;

  private:
    void read_from(std::size_t file, std::int64_t begin, std::span<std::int32_t> out, IdSurvey& survey) const;

    std::vector<StoredIds> files_;
    std::vector<std::int64_t> starts_ = {0};  ///< [files + 1] ids before each file
    std::vector<std::int64_t> document_ends_;
    std::optional<std::int64_t> end_of_text_;
    std::int64_t bound_;  ///< every id but the end of text is below it
};

}  // namespace ntpgeo
