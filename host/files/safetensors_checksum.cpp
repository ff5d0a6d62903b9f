// The checksums that the program's own files carry in their metadata (design 2.2): a tensor's bytes each have
// one, so that who reads some of the tensors reads and hashes those alone, and once.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "host/files/checksum.hpp"
#include "host/files/safetensors.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

constexpr const char* header_key = "checksum";
constexpr std::string_view key_beginning = "checksum.";

/// Of {"metadata": {…}, "tensors": {NAME: [DTYPE, SHAPE]}} as JSON without blanks, keys sorted by their
/// bytes: so it stays the same where another program writes the same header in another order.
std::string header_checksum(std::map<std::string, std::string> metadata, const json& tensors) {
    metadata.erase(header_key);
    const std::string text = json{{"metadata", metadata}, {"tensors", tensors}}.dump(
        -1, ' ', false, json::error_handler_t::replace);
    return hash_of(std::as_bytes(std::span(text)));
}

}  // namespace

std::string checksum_key(const std::string& tensor) {
    return std::string(key_beginning) + tensor;
}

std::map<std::string, std::string> with_checksums(const std::vector<TensorToWrite>& tensors,
                                                  std::map<std::string, std::string> metadata) {
    json list = json::object();
    for (const TensorToWrite& tensor : tensors) {
        metadata[checksum_key(tensor.name)] = hash_of(tensor.bytes);
        list[tensor.name] = {tensor.dtype, tensor.shape};
    }
    metadata[header_key] = header_checksum(metadata, list);
    return metadata;
}

void check_header_checksum(const SafetensorsHeader& header, const std::string& name) {
    const auto written = header.metadata.find(header_key);
    // The key itself may be what is damaged.
    const auto tensors_own = header.metadata.lower_bound(std::string(key_beginning));
    const bool has_others =
        tensors_own != header.metadata.end() && tensors_own->first.starts_with(key_beginning);
    if (written == header.metadata.end() && !has_others) return;
    json list = json::object();
    for (const auto& [tensor, info] : header.tensors) list[tensor] = {info.dtype, info.shape};
    if (written == header.metadata.end() || written->second != header_checksum(header.metadata, list))
        throw InputError(
            fmt::format("{}: its header does not match its checksum: the file is damaged", name));
}

}  // namespace ntpgeo
