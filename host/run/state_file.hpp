// Parameters and trainer states as safetensors files.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/training/trainer.hpp"

namespace ntpgeo {

/// Writes the tensors in their own precision, atomically.
void write_state(const std::filesystem::path& file, const std::vector<StateTensor>& tensors,
                 const std::map<std::string, std::string>& metadata);

/// What a checkpoint's or a result's metadata say.
struct StateHeader {
    Position position;
    double elapsed = 0;  ///< seconds of work so far; 0 for a result
};
/// The metadata that name a position; a stage is written as its number from 1 on.
std::map<std::string, std::string> position_metadata(const Position& position);
/// Throws InputError where the file is not one that a training run wrote.
StateHeader read_state_header(const std::filesystem::path& file);

/// A checkpoint in full.
struct SavedState {
    TrainerState state;
    double elapsed = 0;  ///< as in StateHeader
};
SavedState read_state(const std::filesystem::path& file);

}  // namespace ntpgeo
