// What stands in for the library where there is none.
#include "host/files/sentencepiece.hpp"

#include "kernels/base/status.hpp"

namespace ntpgeo {

struct SentencePieceModel::Library {};

SentencePieceModel::SentencePieceModel(const std::filesystem::path&) {
    throw InputError(
        "--tokens spm: this ntpgeo was built without SentencePiece; install libsentencepiece-dev and "
        "build it again, or give the ids of Python's sentencepiece to 'data tokens'");
}

SentencePieceModel::~SentencePieceModel() = default;

std::int64_t SentencePieceModel::size() const {
    return 0;
}

const std::string& SentencePieceModel::piece(std::int32_t) const {
    throw Failure("no SentencePiece model is open");
}

std::vector<int> SentencePieceModel::encode(std::string_view) const {
    throw Failure("no SentencePiece model is open");
}

}  // namespace ntpgeo
