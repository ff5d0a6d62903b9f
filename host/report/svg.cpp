#include "host/report/svg.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace ntpgeo {

std::string coordinate(double value) {
    std::string text = fmt::format("{:.2f}", value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text == "-0" ? "0" : text;
}

void SvgWriter::line(Point from, Point to, std::string_view classes) {
    out_ += fmt::format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>", classes,
                        coordinate(from.first), coordinate(from.second), coordinate(to.first),
                        coordinate(to.second));
}

void SvgWriter::strokes(const std::vector<std::vector<Point>>& strokes, std::string_view classes) {
    if (strokes.empty()) return;
    out_ += fmt::format("<path class=\"{}\" d=\"", classes);
    for (const auto& stroke : strokes) {
        char command = 'M';
        for (const auto& [x, y] : stroke) {
            out_ += fmt::format("{}{} {}", command, coordinate(x), coordinate(y));
            command = 'L';
        }
    }
    out_ += "\"/>";
}

void SvgWriter::mark(Point centre, std::size_t shape, double radius, std::string_view classes) {
    struct Shape {
        int corners;     ///< 0: a circle
        double turn;     ///< of the first corner from the top, in turns
        double stretch;  ///< so that all shapes look equally large
    };
    static constexpr Shape kShapes[] = {{0, 0, 1},   {4, 0.125, 1.25}, {3, 0, 1.35},
                                        {4, 0, 1.3}, {3, 0.5, 1.35},   {5, 0, 1.2}};
    const Shape& form = kShapes[shape % std::size(kShapes)];
    if (form.corners == 0) {
        out_ += fmt::format("<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>", classes,
                            coordinate(centre.first), coordinate(centre.second), coordinate(radius));
        return;
    }
    out_ += fmt::format("<path class=\"{}\" d=\"", classes);
    for (int corner = 0; corner < form.corners; ++corner) {
        const double angle =
            2.0 * std::numbers::pi * (form.turn + static_cast<double>(corner) / form.corners);
        out_ += fmt::format("{}{} {}", corner == 0 ? 'M' : 'L',
                            coordinate(centre.first + form.stretch * radius * std::sin(angle)),
                            coordinate(centre.second - form.stretch * radius * std::cos(angle)));
    }
    out_ += "Z\"/>";
}

void SvgWriter::rectangle(Point corner, double width, double height, std::string_view classes) {
    out_ += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>", classes,
                        coordinate(corner.first), coordinate(corner.second), coordinate(width),
                        coordinate(height));
}

void SvgWriter::text(Point at, Anchor anchor, std::string_view classes, std::string_view content) {
    static constexpr std::string_view kAnchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    out_ += fmt::format("<text{} x=\"{}\" y=\"{}\"{}>{}</text>",
                        classes.empty() ? "" : fmt::format(" class=\"{}\"", classes), coordinate(at.first),
                        coordinate(at.second), kAnchors[static_cast<std::size_t>(anchor)], content);
}

}  // namespace ntpgeo
