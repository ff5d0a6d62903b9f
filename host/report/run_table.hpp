// What tells the runs of a report apart, and tables with a row a run.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "host/report/run_reader.hpp"

namespace ntpgeo {

/// The runs' labels, with their data sets where these differ, cut to what fits beside a line and still told
/// apart. Untrusted.
std::vector<std::string> short_labels(const std::vector<Run>& runs);

/// The number by which run `index` has its colour and mark: limits, which have no line among the others, come
/// after those.
std::size_t run_number(const std::vector<Run>& runs, std::size_t index);

/// The class of colour of run number `number`.
std::string run_colour(std::size_t number);

/// A cell without a value.
inline constexpr const char* kAbsentCell = "<span class=\"absent\">–</span>";

/// A setting as HTML: numbers as numbers, strings escaped, a pair of numbers as a range; a dash for anything
/// else.
std::string setting(const ConfigValue& value);

/// A value to `digits` significant digits as HTML; a dash where it is NaN.
std::string figure_cell(double value, int digits);

/// The run's name, with its line and mark as the figures draw them where there are several lines.
std::string name_cell(const std::vector<Run>& runs, std::size_t index);

/// The classes of a column's cells: numbers on the right, words that may not wrap, text that may.
inline constexpr std::string_view kNumberCell = "number", kWordCell = "word", kTextCell = "text";

struct TableColumn {
    std::string head;                             ///< HTML
    std::string_view kind;                        ///< the class of its cells
    std::function<std::string(const Run&)> cell;  ///< HTML
};

/// The table as HTML over the runs of these indices (rows that agree in every cell are one); empty without a
/// run.
std::string run_table(const std::string& caption, const std::vector<Run>& runs,
                      const std::vector<std::size_t>& indices, const std::vector<TableColumn>& columns);

}  // namespace ntpgeo
