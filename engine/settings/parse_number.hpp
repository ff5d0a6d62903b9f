// Numbers in text, wherever they come from: flags, files, metadata.
#pragma once

#include <charconv>
#include <string_view>
#include <system_error>

namespace ntpgeo {

/// Whether all of `text` is one number of T's kind and within its range; only then `value` is overwritten.
template <class T>
bool parse_number(std::string_view text, T& value) {
    const char* const end = text.data() + text.size();
    T number{};
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || stop != end) return false;
    value = number;
    return true;
}

}  // namespace ntpgeo
