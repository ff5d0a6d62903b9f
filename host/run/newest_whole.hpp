// Which of a run's files is read where the newest may be damaged: cut short, empty, or with bits that have
// flipped.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/files/safetensors.hpp"

namespace ntpgeo {

/// Takes what is wanted of an opened file. It throws InputError where that finds the file damaged, and may
/// then be given another.
using FileReader = std::function<void(const std::filesystem::path&, const SafetensorsFile&)>;

/// A file that could not be read, and why.
struct DamagedFile {
    std::filesystem::path path;
    std::string reason;

    [[nodiscard]] std::string text() const;  ///< "PATH is damaged (REASON)"
};

/// Lets `read` take the first of `files` that is whole, and returns those before it. Each is opened and read
/// once: whether it is whole shows when it is read. Returns nullopt where none was whole and some have gone
/// away meanwhile, as the checkpoints of a run at work do: then newer ones are there. Throws InputError where
/// a file cannot be opened for another reason; and where there are files and none is whole, naming them all:
/// then `remedy` says what can be done.
std::optional<std::vector<DamagedFile>> read_newest_whole(const std::vector<std::filesystem::path>& files,
                                                          const FileReader& read, const std::string& remedy);

/// Lets `read` take a file, where it is there. Returns what is wrong where it is damaged.
std::optional<DamagedFile> read_if_whole(const std::filesystem::path& path, const FileReader& read);

}  // namespace ntpgeo
