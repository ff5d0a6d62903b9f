// Symmetric matrices of cosines as pictures in a few colours, side by side on one scale.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/report/chart.hpp"

namespace ntpgeo {

/// One matrix.
struct HeatPanel {
    std::string title;            ///< markup: the matrix
    std::string subject;          ///< untrusted: whose it is, beside the title; may be empty
    std::vector<double> cosines;  ///< [n, n] symmetric; NaN where a cosine does not exist
};

/// Matrices of one size and order.
struct HeatMap {
    std::string id;                  ///< unique on a page, of [a-z0-9-]
    std::string name;                ///< of the figure on the command line
    std::string title;               ///< markup
    std::string of_data;             ///< untrusted: the data set where there are several; else empty
    std::string caption;             ///< markup, exact sentences
    std::vector<std::string> notes;  ///< HTML
    std::vector<HeatPanel> panels;   ///< at least one
    std::vector<std::int64_t>
        groups;  ///< sizes of groups of rows, marked by a band at the side; may be empty
};

/// The colour of a cosine: 0 for |c| < 0.02, else ±1 … ±6 as |c| passes 0.02, 0.05, 0.1, 0.2, 0.4, 0.7.
int heat_level(double cosine);

/// Panel number `index`, without an enclosing <svg>. Equal neighbours in a row are one stroke; the upper
/// triangle is the lower one mirrored.
Drawing draw_panel(const HeatMap& map, std::size_t index);

/// What each colour of the map stands for.
Drawing draw_heat_legend(const HeatMap& map);

/// The name of panel `index`, escaped.
std::string panel_name(const HeatMap& map, std::size_t index);

/// The whole figure as HTML, numbered, for a page that carries the rules of the palette.
std::string heat_figure(const HeatMap& map, std::size_t number);

}  // namespace ntpgeo
