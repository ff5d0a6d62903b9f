// metrics.jsonl as columns.
#pragma once

#include <filesystem>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// Fills records, columns, arrays, text_columns and cut_tail of a run, whose kind is set, from `file`; the
/// rules are those of `read_run`.
void read_records(Run& run, const std::filesystem::path& file);

}  // namespace ntpgeo
