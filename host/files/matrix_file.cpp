#include "host/files/matrix_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "host/files/file_error.hpp"
#include "host/files/safetensors.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

// Squares of logits, which are products of two entries, summed over words and contexts stay finite.
constexpr double largest_entry = 1e70;

HostMatrix read_by_form(const std::string& argument) {
    if (argument.ends_with(".npy")) return read_npy(argument);
    constexpr std::string_view extension = ".safetensors";
    const auto separator = argument.find(".safetensors:");
    const std::string no_matrix = fmt::format("'{}' names no matrix; give F.npy or F.safetensors:NAME",
                                              printable(std::string_view(argument)));
    if (separator == std::string::npos && !argument.ends_with(extension)) throw InputError(no_matrix);
    const std::size_t colon = separator == std::string::npos ? argument.size() : separator + extension.size();
    const SafetensorsFile file(argument.substr(0, colon));
    if (colon + 1 >= argument.size())
        throw InputError(fmt::format("{}; the file holds {}", no_matrix, file.tensor_names()));
    return file.read_matrix(argument.substr(colon + 1));
}

}  // namespace

HostMatrix read_matrix(const std::string& argument) {
    HostMatrix matrix = read_by_form(argument);
    const std::string name = printable(std::string_view(argument));
    if (matrix.rows == 0 || matrix.columns == 0) {
        throw InputError(fmt::format("{}: has shape [{}, {}]; it must have at least one row and one column",
                                     name, matrix.rows, matrix.columns));
    }
    const auto bad = std::find_if(matrix.values.begin(), matrix.values.end(),
                                  [](double value) { return !(std::abs(value) <= largest_entry); });
    if (bad != matrix.values.end()) {
        const std::int64_t position = bad - matrix.values.begin();
        const std::string allowed =
            std::isfinite(*bad) ? fmt::format("at most {} in absolute value", largest_entry) : "finite";
        throw InputError(fmt::format("{}: the entry [{}, {}] is {}; every entry must be {}", name,
                                     position / matrix.columns, position % matrix.columns, *bad, allowed));
    }
    return matrix;
}

}  // namespace ntpgeo
