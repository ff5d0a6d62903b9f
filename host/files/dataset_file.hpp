// The dataset file of design 2.2.
#pragma once

#include <filesystem>
#include <string>

#include "engine/data/dataset.hpp"

namespace ntpgeo {

/// Reads and checks in full. Throws InputError, one line, naming the file and what is wrong.
Dataset read_dataset(const std::filesystem::path& path);

/// Whether `path` is a data set, by its header, be it damaged; one that is not there, or empty, may become
/// one. Nothing else is replaced by one.
bool may_become_dataset(const std::filesystem::path& path);

/// Writes atomically, optional tensors where present. The dataset must be valid (`check_dataset`).
void write_dataset(const std::filesystem::path& path, const Dataset& dataset);

/// A hash of the file's bytes ("xxh3-128:" and 32 hexadecimal digits), by which a run knows its data again.
std::string content_hash(const std::filesystem::path& path);

}  // namespace ntpgeo
