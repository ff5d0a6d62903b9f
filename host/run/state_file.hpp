// Parameters and trainer states as safetensors files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/training/shared_state.hpp"
#include "engine/training/trainer.hpp"
#include "host/files/matrix_file.hpp"
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

/// Who has which rows of a checkpoint in parts: the offsets [parts+1] of W's and of H's rows.
struct PartOffsets {
    std::vector<std::int64_t> words, contexts;

    [[nodiscard]] std::int64_t parts() const { return std::ssize(words) - 1; }
};
/// The file of part `part` (from 0) beside the checkpoint's index.
std::filesystem::path part_path(const std::filesystem::path& index, std::int64_t part, std::int64_t parts);
/// Writes a rank's part: the rows it saved.
void write_part(const std::filesystem::path& file, const TrainerState& state);
/// Writes the index of a checkpoint whose parts are all written; what of the state has no rows is in it.
void write_index(const std::filesystem::path& file, const TrainerState& state, const PartOffsets& offsets,
                 double elapsed);
/// Whether a checkpoint is in parts.
bool is_index(const SafetensorsFile& file);
/// Of the rows of a rank, from whichever parts hold them, their files beside the index. Throws InputError
/// where one is missing or damaged, or of another checkpoint.
SavedState read_state(const SafetensorsFile& index, const std::filesystem::path& path, RowRange words,
                      RowRange contexts);
/// W or H of a checkpoint, in parts or in one file, or of a result.
HostMatrix read_parameters(const SafetensorsFile& file, const std::filesystem::path& path,
                           const std::string& name);

}  // namespace ntpgeo
