// What ranks share a data set by, and compute on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/data/dataset.hpp"
#include "host/ranks/ranks.hpp"

namespace ntpgeo {

/// Virtual shards of the data set's rows: those asked for or, where none are (0), 16 under a launcher, fewer
/// where there are fewer words or contexts, and none without. Throws InputError where they are more than the
/// rows or fewer than the ranks.
std::int64_t settled_shards(std::int64_t asked, const Dataset& dataset, const Ranks& ranks);

/// The same of rows that are shared: what they are called, and how many there are.
struct SharedSide {
    const char* name;
    std::int64_t rows;
};
std::int64_t settled_shards(std::int64_t asked, const std::vector<SharedSide>& sides, const Ranks& ranks);

/// Throws InputError where a run was begun without shards and ranks are to go on with it.
void require_shards_of_begun(bool begun, std::int64_t shards, const Ranks& ranks);

/// The device that was asked for, of one rank; of many each one's own GPU, or the CPU: by `auto`, where some
/// have none. Throws InputError where it is not to be had.
std::string device_of_ranks(const std::string& asked, const Ranks& ranks);

/// What the log says of how a run's rows are shared, and of why its ranks are not on GPUs.
std::string text_of_shards(std::int64_t shards, const Ranks& ranks, const std::string& device);

}  // namespace ntpgeo
