// The colours of the page and of its pictures, light and dark, safe for the colour-blind.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ntpgeo {

inline constexpr std::size_t kSeriesColours = 7;
inline constexpr std::size_t kRampColours = 16;
inline constexpr std::size_t kHeatColours = 6;

/// Named colours. Lines follow Okabe and Ito (without yellow, which white paper swallows); `text-i` is the
/// tone of `line-i` in which words can be read; `ramp-k` runs from the strongest to the faintest of one hue;
/// `warm-k` and `cool-k`, k = 1 …, from near the paper to the strongest orange and blue, for values above and
/// below 0.
using Palette = std::vector<std::pair<std::string, std::string>>;

const Palette& light_palette();
const Palette& dark_palette();

/// The palette as CSS custom properties: `--ink:#1b1f24;…`.
std::string custom_properties(const Palette& palette);

/// The style rules of every picture. With a palette its colours are written into the rules, for a file that
/// stands alone; with nullptr they refer to custom properties.
std::string chart_rules(const Palette* embedded);

/// The system's sans-serif fonts.
inline constexpr std::string_view kFontFamily =
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Noto Sans','DejaVu Sans',sans-serif";

}  // namespace ntpgeo
