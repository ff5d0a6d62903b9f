#include "host/run/state_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "engine/settings/parse_number.hpp"
#include "host/files/file_error.hpp"
#include "host/files/safetensors.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

template <class T>
void read_number(const SafetensorsFile& file, const std::filesystem::path& path, const char* key, T& value) {
    const std::optional<T> number = file.metadata_number<T>(key);
    if (!number)
        throw InputError(fmt::format("{}: its metadata has no number '{}'; no training run wrote it",
                                     printable(path), key));
    value = *number;
}

template <class T>
std::vector<std::byte> read_bytes(const SafetensorsFile& file, const std::string& name, std::size_t rank) {
    const std::vector<T> values = file.read<T>(name, rank);
    std::vector<std::byte> bytes(values.size() * sizeof(T));
    if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

}  // namespace

void write_state(const std::filesystem::path& file, const std::vector<StateTensor>& tensors,
                 const std::map<std::string, std::string>& metadata) {
    std::vector<TensorToWrite> list;
    list.reserve(tensors.size());
    for (const StateTensor& tensor : tensors)
        list.push_back({tensor.name, tensor.real == Real::fp64 ? "F64" : "F32", tensor.shape, tensor.bytes});
    write_safetensors(file, list, with_checksums(list, metadata));
}

std::map<std::string, std::string> position_metadata(const Position& position) {
    return {{"step", std::to_string(position.step)},
            {"stage", std::to_string(position.stage + 1)},
            {"stage_begin", std::to_string(position.stage_begin)},
            {"optimizer_begin", std::to_string(position.optimizer_begin)},
            {"noise_floor", position.at_noise_floor ? "true" : "false"}};
}

StateHeader read_state_header(const SafetensorsFile& file, const std::filesystem::path& path) {
    StateHeader header;
    Position& position = header.position;
    // Runs of one stage wrote the step alone before there were more.
    const auto read_if_there = [&](const char* key, auto& value) {
        if (file.metadata().contains(key)) read_number(file, path, key, value);
    };
    std::int64_t number = 1;
    read_number(file, path, "step", position.step);
    read_if_there("stage", number);
    read_if_there("stage_begin", position.stage_begin);
    read_if_there("optimizer_begin", position.optimizer_begin);
    read_if_there("elapsed_s", header.elapsed);
    position.stage = number - 1;
    position.at_noise_floor = file.metadata_is("noise_floor", "true");
    return header;
}

StateHeader read_state_header(const std::filesystem::path& path) {
    return read_state_header(SafetensorsFile(path), path);
}

SavedState read_state(const SafetensorsFile& file, const std::filesystem::path& path) {
    const StateHeader header = read_state_header(file, path);
    TrainerState state{header.position, {}};
    for (const auto& [name, info] : file.tensors()) {
        const bool wide = info.dtype == "F64";
        state.tensors.push_back({name, wide ? Real::fp64 : Real::fp32, info.shape,
                                 wide ? read_bytes<double>(file, name, info.shape.size())
                                      : read_bytes<float>(file, name, info.shape.size())});
    }
    return {std::move(state), header.elapsed};
}

namespace {

constexpr const char* index_format = "ntpgeo.checkpoint.parts.1";
constexpr const char* part_format = "ntpgeo.checkpoint.part.1";

std::string offsets_text(const std::vector<std::int64_t>& offsets) {
    return fmt::format("{}", fmt::join(offsets, ","));
}

/// Numbers that begin with 0 and never fall. Throws InputError.
std::vector<std::int64_t> offsets_of(const SafetensorsFile& index, const std::filesystem::path& path,
                                     const char* key) {
    std::vector<std::int64_t> offsets;
    const auto entry = index.metadata().find(key);
    std::string_view text = entry == index.metadata().end() ? std::string_view() : entry->second;
    while (!text.empty()) {
        const std::string_view number = text.substr(0, text.find(','));
        std::int64_t value = 0;
        if (!parse_number(number, value)) break;
        offsets.push_back(value);
        text.remove_prefix(std::min(text.size(), number.size() + 1));
    }
    if (!text.empty() || offsets.size() < 2 || offsets[0] != 0 ||
        !std::is_sorted(offsets.begin(), offsets.end()))
        throw InputError(fmt::format("{}: its metadata has no offsets '{}'", printable(path), key));
    return offsets;
}

PartOffsets offsets_of(const SafetensorsFile& index, const std::filesystem::path& path) {
    PartOffsets offsets{offsets_of(index, path, "words_at"), offsets_of(index, path, "contexts_at")};
    if (offsets.words.size() != offsets.contexts.size())
        throw InputError(printable(path) + ": its offsets are of different numbers of parts");
    return offsets;
}

bool overlap(const RowRange& a, const RowRange& b) {
    return std::max(a.first, b.first) < std::min(a.end, b.end);
}

}  // namespace

std::filesystem::path part_path(const std::filesystem::path& index, std::int64_t part, std::int64_t parts) {
    return index.parent_path() /
           fmt::format("{}.part-{:05}-of-{:05}.safetensors", index.stem().native(), part + 1, parts);
}

void write_part(const std::filesystem::path& file, const TrainerState& state) {
    std::vector<StateTensor> rows;
    for (const StateTensor& tensor : state.tensors)
        if (has_word_rows(tensor.name) || has_context_rows(tensor.name)) rows.push_back(tensor);
    auto metadata = position_metadata(state.position);
    metadata["format"] = part_format;
    write_state(file, rows, metadata);
}

void write_index(const std::filesystem::path& file, const TrainerState& state, const PartOffsets& offsets,
                 double elapsed) {
    std::vector<StateTensor> others;
    for (const StateTensor& tensor : state.tensors)
        if (!has_word_rows(tensor.name) && !has_context_rows(tensor.name)) others.push_back(tensor);
    auto metadata = position_metadata(state.position);
    metadata["format"] = index_format;
    metadata["elapsed_s"] = fmt::format("{}", elapsed);
    metadata["words_at"] = offsets_text(offsets.words);
    metadata["contexts_at"] = offsets_text(offsets.contexts);
    write_state(file, others, metadata);
}

bool is_index(const SafetensorsFile& file) {
    return file.metadata_is("format", index_format);
}

SavedState read_state(const SafetensorsFile& index, const std::filesystem::path& path, RowRange words,
                      RowRange contexts) {
    const PartOffsets offsets = offsets_of(index, path);
    SavedState saved = read_state(index, path);
    std::vector<StatePart> parts;
    for (std::int64_t k = 0; k < offsets.parts(); ++k) {
        const RowRange own_words{offsets.words[k], offsets.words[k + 1]},
            own_contexts{offsets.contexts[k], offsets.contexts[k + 1]};
        if (!overlap(own_words, words) && !overlap(own_contexts, contexts)) continue;
        const std::filesystem::path file = part_path(path, k, offsets.parts());
        const SafetensorsFile part(file);
        if (!part.metadata_is("format", part_format) ||
            read_state_header(part, file).position != saved.state.position)
            throw InputError(printable(file) + ": is no part of this checkpoint");
        parts.push_back({own_words, own_contexts, read_state(part, file).state.tensors});
    }
    if (parts.empty()) throw InputError(printable(path) + ": has no part with these rows");
    std::vector<StateTensor> rows = own_rows(parts, words, contexts);
    saved.state.tensors.insert(saved.state.tensors.begin(), rows.begin(), rows.end());
    return saved;
}

HostMatrix read_parameters(const SafetensorsFile& file, const std::filesystem::path& path,
                           const std::string& name) {
    if (!is_index(file)) return file.read_matrix(name);
    const PartOffsets offsets = offsets_of(file, path);
    const bool of_words = has_word_rows(name);
    HostMatrix all{(of_words ? offsets.words : offsets.contexts).back(), 0, {}};
    for (std::int64_t k = 0; k < offsets.parts(); ++k) {
        const HostMatrix part = SafetensorsFile(part_path(path, k, offsets.parts())).read_matrix(name);
        all.columns = part.columns;
        all.values.insert(all.values.end(), part.values.begin(), part.values.end());
    }
    if (std::ssize(all.values) != all.rows * all.columns)
        throw InputError(fmt::format("{}: the rows of '{}' are not all in its parts", printable(path), name));
    return all;
}

}  // namespace ntpgeo
