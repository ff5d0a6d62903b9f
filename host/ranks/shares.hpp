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

/// The device that was asked for, of one rank; of many the CPU, or each one's own GPU where they have some.
/// Throws InputError where another was asked for.
std::string device_of_ranks(const std::string& asked, const Ranks& ranks);

}  // namespace ntpgeo
