// Checks of option values, worded so that one line says what would be right: "--vocab: '0' is not a whole
// number >= 1".
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace ntpgeo {

/// Accepts decimal whole numbers from `least` to 2⁶³ − 1. To be given to transform(): it drops leading zeros.
CLI::Validator whole_number(std::int64_t least);

/// Accepts whole numbers of 64 bits, decimal.
CLI::Validator seed_number();

/// Accepts finite decimal numbers above 0.
CLI::Validator positive_number();

/// Accepts finite decimal numbers from 0 on.
CLI::Validator non_negative_number();

/// Accepts the values named. Those of `not_yet` are refused as not available yet; one that ends in ':' stands
/// for all that begin with it.
CLI::Validator one_of(std::vector<std::string> values, std::vector<std::string> not_yet = {});

}  // namespace ntpgeo
