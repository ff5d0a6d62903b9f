// A small writer of SVG elements. Positions are user units, y grows downwards; texts are given ready-made
// (escaped).
#pragma once

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

}  // namespace ntpgeo
