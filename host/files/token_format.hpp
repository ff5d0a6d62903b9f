// Files of token ids as others write them: nanoGPT's and llm.c's .bin, Megatron's .bin with its .idx, NumPy's
// .npy.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/data/settings.hpp"
#include "host/files/input_file.hpp"

namespace ntpgeo {

/// The ids of one file, which lie one after the other.
struct StoredIds {
    InputFile file;
    TokenFormat format = TokenFormat::nanogpt;
    IdType type = IdType::uint16;  ///< not automatic
    std::endian order = std::endian::little;
    std::uint64_t offset = 0;  ///< bytes of the file before the first of them
    std::int64_t count = 0;
    std::vector<std::int64_t> document_ends{};  ///< of Megatron: strictly increasing, the last one is count
};

/// Bytes of one id.
std::size_t size_of(IdType type);

/// Opens a file of ids (of Megatron's the .bin, beside which its .idx lies) and holds it against all that its
/// header says. Throws InputError, with the byte where something is not as it must be: an unknown or newer
/// magic or version, a length that is no whole number of ids or not the header's, no ids at all, an array
/// that is not 1-d or not of integers, a dtype that is given where the file has its own.
StoredIds open_ids(const std::filesystem::path& path, const TokenFileOptions& options);

/// The index of a Megatron file whose ids are in `data`: fills in type, count and documents. Throws
/// InputError.
void read_megatron_index(const std::filesystem::path& path, StoredIds& data);

/// Whether the file begins as a Megatron index does, be it of this version or an earlier one; false where
/// there is no file.
bool is_megatron_index(const std::filesystem::path& path);

/// The files that arguments stand for: a file; those that match a pattern with *, ? or [...], by their names'
/// bytes; of Megatron's pairs the .bin, which PREFIX.idx and, where there is no such file, PREFIX stand for,
/// too. A pair that a pattern names twice is taken once. Throws InputError where a pattern matches nothing.
std::vector<std::filesystem::path> token_paths(const std::vector<std::string>& arguments, TokenFormat format);

}  // namespace ntpgeo
