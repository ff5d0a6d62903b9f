// The JSON header of a safetensors file, parsed and checked on its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/files/safetensors.hpp"

namespace ntpgeo {

struct SafetensorsHeader {
    std::map<std::string, std::string> metadata;
    std::map<std::string, TensorInfo> tensors;
};

/// The largest header that is read, as in the reference implementation.
constexpr std::uint64_t largest_safetensors_header = 100'000'000;

/// Bytes of a tensor; nothing where the dtype is unknown, a dimension negative, the size above 2^63 − 1 bits
/// or no whole number of bytes.
std::optional<std::uint64_t> tensor_bytes(const std::string& dtype, const std::vector<std::int64_t>& shape);

/// Parses the header `text` of the file that messages call `name`, whose data section has `data_size` bytes.
/// Throws InputError unless the tensors fill that section exactly, without gap or overlap.
SafetensorsHeader parse_safetensors_header(const std::string& text, std::uint64_t data_size,
                                           const std::string& name);

}  // namespace ntpgeo
