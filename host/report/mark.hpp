// The mark by which a page or a figure of this program is known again.
#pragma once

#include <string_view>

namespace ntpgeo {

inline constexpr std::string_view kPageMark = "<meta name=\"generator\" content=\"ntpgeo\"/>";
inline constexpr std::string_view kFigureMark = "<!-- made by ntpgeo report -->";

/// Bytes at a file's beginning that hold the mark.
inline constexpr std::size_t kMarkedBytes = 1000;

/// Whether `text` is the beginning of such a file. A report replaces nothing else.
constexpr bool is_report(std::string_view text) {
    const auto holds = [beginning = text.substr(0, kMarkedBytes)](std::string_view mark) {
        return beginning.find(mark) != std::string_view::npos;
    };
    return (text.starts_with("<!DOCTYPE html>") && holds(kPageMark)) ||
           (text.starts_with("<svg ") && holds(kFigureMark));
}

}  // namespace ntpgeo
