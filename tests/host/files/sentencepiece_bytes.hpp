// A SentencePiece model, byte by byte after the library's protocol buffer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/host/files/scratch.hpp"

namespace ntpgeo {

/// Field `number` of bytes, fewer than 128.
inline std::string bytes_field(int number, const std::string& bytes) {
    return static_cast<char>(number << 3 | 2) + std::string(1, static_cast<char>(bytes.size())) + bytes;
}

/// A unigram model of `<unk>`, id 0, and pieces of one score, with the library's defaults for all else.
inline std::string sentencepiece_bytes(const std::vector<std::string>& pieces) {
    constexpr char score_tag = 2 << 3 | 5, type_tag = 3 << 3, unknown = 2;
    std::string model = bytes_field(1, bytes_field(1, "<unk>") + type_tag + unknown);
    for (const std::string& piece : pieces)
        model += bytes_field(1, bytes_field(1, piece) + score_tag + bytes_of(std::vector<float>{-1}));
    return model;
}

}  // namespace ntpgeo
