// Parameters and trainer states as safetensors files.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/training/trainer.hpp"
#include "host/files/safetensors.hpp"

namespace ntpgeo {

/// Writes the tensors in their own precision, with checksums, atomically.
void write_state(const std::filesystem::path& file, const std::vector<StateTensor>& tensors,
                 const std::map<std::string, std::string>& metadata);

/// What a checkpoint's or a result's metadata say.
struct StateHeader {
    Position position;
    double elapsed = 0;  ///< seconds of work so far; 0 for a result
};
/// The metadata that name a position; a stage is written as its number from 1 on.
std::map<std::string, std::string> position_metadata(const Position& position);
/// Of a file, which messages call `path`. Throws InputError where it is not one that a training run wrote.
StateHeader read_state_header(const SafetensorsFile& file, const std::filesystem::path& path);
StateHeader read_state_header(const std::filesystem::path& path);

/// A checkpoint in full.
struct SavedState {
    TrainerState state;
    double elapsed = 0;  ///< as in StateHeader
};
/// Throws InputError as read_state_header does, and where the file is damaged.
SavedState read_state(const SafetensorsFile& file, const std::filesystem::path& path);

}  // namespace ntpgeo
