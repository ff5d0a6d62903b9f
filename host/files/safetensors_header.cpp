// The JSON header of a safetensors file, parsed and checked on its own.
#include "host/files/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

// Every dtype of the format, so that a file may hold tensors that nobody here reads.
std::int64_t bits_of(std::string_view dtype) {
    static constexpr std::array<std::pair<std::string_view, std::int64_t>, 21> table{{
        {"BOOL", 8},  {"U8", 8},      {"I8", 8},      {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F8_E8M0", 8},
        {"F4", 4},    {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U16", 16},    {"I16", 16},    {"F16", 16},
        {"BF16", 16}, {"U32", 32},    {"I32", 32},    {"F32", 32},    {"U64", 64},    {"I64", 64},
        {"F64", 64},  {"C64", 64},    {"C128", 128},
    }};
    const auto found =
        std::find_if(table.begin(), table.end(), [&](auto& row) { return row.first == dtype; });
    return found == table.end() ? 0 : found->second;
}

// JSON keeps the last of two equal keys in silence, so keys are watched while parsing; so is the depth, which
// is bounded before hostile nesting can cost memory.
json parse_json(const std::string& text, const std::string& name) {
    constexpr int deepest = 4;
    // The parser takes a 0 for the text's end, and would not look at what follows.
    if (const std::size_t zero = text.find('\0'); zero != std::string::npos)
        throw InputError(
            fmt::format("{}: its header is not valid JSON (at byte {} of the header)", name, zero + 1));
    std::vector<std::set<std::string>> keys;
    const auto watch = [&](int depth, json::parse_event_t event, const json& value) {
        if (depth > deepest) throw InputError(fmt::format("{}: its header is nested too deeply", name));
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
            throw InputError(fmt::format("{}: its header has the name '{}' twice; names must be distinct",
                                         name,
                                         printable(std::string_view(value.get_ref<const std::string&>()))));
        }
        return true;
    };
    try {
        return json::parse(text, watch);
    } catch (const json::parse_error& error) {
        throw InputError(
            fmt::format("{}: its header is not valid JSON (at byte {} of the header)", name, error.byte));
    } catch (const json::exception&) {
        throw InputError(fmt::format("{}: its header is not valid JSON", name));
    }
}

std::optional<std::int64_t> as_size(const json& value) {
    if (!value.is_number_unsigned()) return std::nullopt;
    const auto size = value.get<std::uint64_t>();
    if (size > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<std::int64_t>(size);
}

std::optional<std::vector<std::int64_t>> as_sizes(const json& entry, const char* key) {
    const auto found = entry.find(key);
    if (found == entry.end() || !found->is_array()) return std::nullopt;
    std::vector<std::int64_t> sizes;
    for (const json& item : *found) {
        const auto size = as_size(item);
        if (!size) return std::nullopt;
        sizes.push_back(*size);
    }
    return sizes;
}

TensorInfo parse_tensor(const json& entry, const std::string& where) {
    if (!entry.is_object()) throw InputError(fmt::format("{} is not described by a JSON object", where));
    const auto dtype = entry.find("dtype");
    if (dtype == entry.end() || !dtype->is_string()) {
        throw InputError(fmt::format("{} has no dtype", where));
    }
    TensorInfo info;
    info.dtype = dtype->get<std::string>();
    if (bits_of(info.dtype) == 0) {
        throw InputError(
            fmt::format("{} has the unknown dtype '{}'", where, printable(std::string_view(info.dtype))));
    }
    const auto shape = as_sizes(entry, "shape");
    if (!shape) {
        throw InputError(fmt::format("{}: its shape must be an array of integers from 0 to 2^63-1", where));
    }
    info.shape = *shape;
    const auto offsets = as_sizes(entry, "data_offsets");
    if (!offsets || offsets->size() != 2 || (*offsets)[0] > (*offsets)[1]) {
        throw InputError(fmt::format("{}: its data_offsets must be two integers, begin <= end", where));
    }
    info.begin = static_cast<std::uint64_t>((*offsets)[0]);
    info.end = static_cast<std::uint64_t>((*offsets)[1]);
    const auto needed = tensor_bytes(info.dtype, info.shape);
    if (!needed) throw InputError(fmt::format("{}: its shape is impossibly large", where));
    if (*needed != info.end - info.begin) {
        throw InputError(fmt::format("{}: its shape needs {} bytes, its data_offsets give {}", where, *needed,
                                     info.end - info.begin));
    }
    return info;
}

std::map<std::string, std::string> parse_metadata(const json& entry, const std::string& name) {
    // As the reference implementation reads it, which takes null for none; published files hold it.
    if (entry.is_null()) return {};
    const std::string refusal =
        fmt::format("{}: its __metadata__ must map names to strings, or be null", name);
    if (!entry.is_object()) throw InputError(refusal);
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) throw InputError(refusal);
        metadata[key] = value.get<std::string>();
    }
    return metadata;
}

// Laid out by their beginnings, the tensors must tile the data section.
void check_tiling(const std::map<std::string, TensorInfo>& tensors, std::uint64_t data_size,
                  const std::string& name) {
    std::vector<std::pair<const std::string*, const TensorInfo*>> order;
    order.reserve(tensors.size());
    for (const auto& [tensor, info] : tensors) order.emplace_back(&tensor, &info);
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
        return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
    });
    std::uint64_t filled = 0;
    for (const auto& [tensor, info] : order) {
        if (info->begin != filled) {
            throw InputError(
                fmt::format("{}: tensor '{}' {} (it begins at data byte {}, expected {})", name,
                            printable(std::string_view(*tensor)),
                            info->begin < filled ? "overlaps the one before" : "leaves a gap before it",
                            info->begin, filled));
        }
        filled = info->end;
    }
    if (filled > data_size) {
        throw InputError(fmt::format("{}: truncated: its tensors need {} bytes of data, the file holds {}",
                                     name, filled, data_size));
    }
    if (filled < data_size) {
        throw InputError(
            fmt::format("{}: {} trailing bytes after its last tensor", name, data_size - filled));
    }
}

}  // namespace

std::optional<std::uint64_t> tensor_bytes(const std::string& dtype, const std::vector<std::int64_t>& shape) {
    std::int64_t bits = bits_of(dtype);
    if (bits == 0) return std::nullopt;
    for (const std::int64_t dimension : shape) {
        if (dimension < 0 || __builtin_mul_overflow(bits, dimension, &bits)) return std::nullopt;
    }
    if (bits % 8 != 0) return std::nullopt;
    return static_cast<std::uint64_t>(bits / 8);
}

SafetensorsHeader parse_safetensors_header(const std::string& text, std::uint64_t data_size,
                                           const std::string& name) {
    const json parsed = parse_json(text, name);
    if (!parsed.is_object()) throw InputError(fmt::format("{}: its header is not a JSON object", name));
    SafetensorsHeader header;
    for (const auto& [key, entry] : parsed.items()) {
        if (key == "__metadata__") {
            header.metadata = parse_metadata(entry, name);
        } else {
            const std::string where = fmt::format("{}: tensor '{}'", name, printable(std::string_view(key)));
            header.tensors.emplace(key, parse_tensor(entry, where));
        }
    }
    check_tiling(header.tensors, data_size, name);
    return header;
}

}  // namespace ntpgeo
