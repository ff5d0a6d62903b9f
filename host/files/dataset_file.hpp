// The dataset file of design 2.2.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "engine/data/dataset.hpp"

namespace ntpgeo {

/// Reads and checks in full. Throws InputError, one line, naming the file and what is wrong.
Dataset read_dataset(const std::filesystem::path& path);

/// Whether `path` is a data set, by its header, be it damaged; one that is not there, or empty, may become
/// one. Nothing else is replaced by one.
bool may_become_dataset(const std::filesystem::path& path);

/// Writes atomically, optional tensors where present. The dataset must be valid (`check_dataset`).
void write_dataset(const std::filesystem::path& path, const Dataset& dataset);

/// A hash of what the data set is, its source aside, by which a run knows its data again (design 2.2):
/// "contents:xxh3-128:" and 32 hexadecimal digits.
std::string content_hash(const Dataset& dataset);

/// Whether `hash` is one that content_hash gave.
bool is_content_hash(std::string_view hash);

/// Whether `hash`, as a run's config.json has it, is that of the data set read from `path`, whose
/// content_hash is `contents`. Runs of an earlier version have the hash of the file's bytes (`file_hash`),
/// which is read then. Throws InputError where it cannot be.
bool names_contents(const std::string& hash, const std::string& contents, const std::filesystem::path& path);

}  // namespace ntpgeo
