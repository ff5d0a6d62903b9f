// The engine's tables of settings at work: refusals in words, and the first setting by which two runs differ.
#pragma once

#include <string>
#include <vector>

#include "engine/settings/setting.hpp"

namespace ntpgeo {

/// Takes the value that `text` spells. Throws InputError: "NAME: 'TEXT' is …", NAME as the flag has it.
void take_or_refuse(const Setting& setting, const std::string& text);

/// Checks what was read from a file. Throws InputError: "NAME: VALUE is not …" after `prefix`.
void check(const std::vector<Setting>& settings, const std::string& prefix);

/// The name of the first setting by which the two lists, of one struct, differ; "" where they agree.
std::string first_difference(const std::vector<Setting>& stored, const std::vector<Setting>& wanted);

}  // namespace ntpgeo
