#include "host/run/state_file.hpp"

#include <fmt/format.h>

#include <cstring>
#include <optional>

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

}  // namespace ntpgeo
