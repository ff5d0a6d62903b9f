// Symmetric matrices of cosines as pictures in a few colours, side by side, each on a scale of its own.
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
    std::vector<std::string> notes;  ///< HTML sentences
    std::string words;               ///< HTML: the list of what the rows are, for a page; may be empty
    std::vector<HeatPanel> panels;   ///< at least one
    std::vector<std::int64_t>
        groups;  ///< sizes of groups of rows, marked by a band at the side; may be empty
};

/// What a panel's colours span: its least and greatest cosine off the diagonal, which is 1 whatever the
/// matrix. NaN where there is none.
struct HeatRange {
    double least, greatest;

    /// The largest magnitude of the two, where the strongest colour ends; 0 where it is below 1e-9, which in
    /// cosines is rounding.
    [[nodiscard]] double reach() const;
};
HeatRange heat_range(const HeatPanel& panel);

/// The colour of a cosine on a scale that ends at ±reach: 0 to ±11, which change where √(|cosine|/reach)
/// passes the twelfths 1/12 … 11/12. All are 0 where reach is.
int heat_level(double cosine, double reach);

/// Panel number `index` with the bar of its colours below it, without an enclosing <svg>. Equal neighbours in
/// a row are one stroke; the upper triangle is the lower one mirrored; the diagonal has a colour of its own.
Drawing draw_panel(const HeatMap& map, std::size_t index);

/// What the colours stand for that are on no panel's bar: the diagonal, and rows without cosines.
Drawing draw_heat_legend(const HeatMap& map);

/// The name of panel `index`, escaped.
std::string panel_name(const HeatMap& map, std::size_t index);

/// The whole figure as HTML, numbered, for a page that carries the rules of the palette.
std::string heat_figure(const HeatMap& map, std::size_t number);

}  // namespace ntpgeo
