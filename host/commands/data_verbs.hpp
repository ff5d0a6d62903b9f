// What the verbs of `ntpgeo data` share.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "engine/data/counting.hpp"
#include "engine/data/dataset.hpp"

namespace ntpgeo {

void add_data_synth(CLI::App& data);
void add_data_stories(CLI::App& data);
void add_data_text(CLI::App& data);

/// The data set of so many stories; `lines` gets a description of what was kept.
Dataset make_stories(std::int64_t stories, std::uint64_t seed, const NgramOptions& options,
                     std::string& lines);

/// -o: required.
void add_output_option(CLI::App& verb, std::string& output);

/// --seed
void add_seed_option(CLI::App& verb, std::uint64_t& seed);

/// Fails before any work is done where `output` could not be written after it (InputError or Failure).
void require_writable(const std::string& output);

/// Checks the dataset, writes it and prints `lines`, its summary and where it is.
void deliver_dataset(Dataset& dataset, const std::string& output, const std::string& lines);

}  // namespace ntpgeo
