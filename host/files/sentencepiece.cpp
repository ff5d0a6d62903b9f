#include "host/files/sentencepiece.hpp"

#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

struct SentencePieceModel::Library {
    sentencepiece::SentencePieceProcessor processor;
};

SentencePieceModel::SentencePieceModel(const std::filesystem::path& path)
    : library_(std::make_unique<Library>()) {
    // The library's own words for a file that is missing or broken are of several lines.
    if (const auto status = library_->processor.LoadFromSerializedProto(read_file(path)); !status.ok())
        throw InputError(fmt::format("{}: is no SentencePiece model", printable(path)));
}

SentencePieceModel::~SentencePieceModel() = default;

std::int64_t SentencePieceModel::size() const {
    return library_->processor.GetPieceSize();
}

const std::string& SentencePieceModel::piece(std::int32_t id) const {
    return library_->processor.IdToPiece(id);
}

std::vector<int> SentencePieceModel::encode(std::string_view text) const {
    std::vector<int> ids;
    if (const auto status = library_->processor.Encode({text.data(), text.size()}, &ids); !status.ok())
        throw Failure("SentencePiece cannot encode the text: " + escaped(status.ToString()));
    return ids;
}

}  // namespace ntpgeo
