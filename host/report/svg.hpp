// What pictures are made of: a small writer of SVG elements, and the colours of the page and its pictures,
// light and dark, safe for the colour-blind. Positions are user units, y grows downwards; texts are given
// ready-made (escaped).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ntpgeo {

/// A coordinate with at most two decimals, without trailing zeros and without a negative zero.
std::string coordinate(double value);

enum class Anchor { start, middle, end };

class SvgWriter {
  public:
    using Point = std::pair<double, double>;

    void line(Point from, Point to, std::string_view classes);
    /// One path of several strokes, each of two points or more.
    void strokes(const std::vector<std::vector<Point>>& strokes, std::string_view classes);
    /// A mark of one of six shapes (circle, square, triangle, diamond, triangle downwards, pentagon), `shape`
    /// mod 6.
    void mark(Point centre, std::size_t shape, double radius, std::string_view classes);
    void rectangle(Point corner, double width, double height, std::string_view classes);
    /// `content` is escaped text, with tspans where wanted; y is its baseline.
    void text(Point at, Anchor anchor, std::string_view classes, std::string_view content);
    void raw(std::string_view markup) { out_ += markup; }

    [[nodiscard]] const std::string& str() const { return out_; }

  private:
    std::string out_;
};

inline constexpr std::size_t kSeriesColours = 7;
inline constexpr std::size_t kRampColours = 16;
inline constexpr std::size_t kHeatColours = 11;

/// Named colours. Lines follow Okabe and Ito (without yellow, which white paper swallows); `text-i` is the
/// tone of `line-i` in which words can be read; `ramp-k` runs from the strongest to the faintest of one hue;
/// `warm-k` and `cool-k`, k = 1 …, from near the paper to the strongest orange and blue, for values above and
/// below 0.
using Palette = std::vector<std::pair<std::string, std::string>>;

const Palette& light_palette();
const Palette& dark_palette();

/// The palette as CSS custom properties: `--ink:#1b1f24;…`.
std::string custom_properties(const Palette& palette);

/// The style rules of every picture but those of matrices, which need `heat_rules` besides. With a palette
/// its colours are written into the rules, for a file that stands alone; with nullptr they refer to custom
/// properties.
std::string chart_rules(const Palette* embedded);
std::string heat_rules(const Palette* embedded);

/// The system's sans-serif fonts.
inline constexpr std::string_view kFontFamily =
    "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Noto Sans','DejaVu Sans',sans-serif";

}  // namespace ntpgeo
