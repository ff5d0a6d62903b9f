// Names for paths: as short as tells them apart.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace ntpgeo {

/// The last name of each path, with as many of the folders above it as tell it from the others; equal paths
/// are numbered: "d.safetensors (2)". Paths are absolute and normal.
std::vector<std::string> distinct_names(const std::vector<std::filesystem::path>& paths);

}  // namespace ntpgeo
