#include "host/files/matrix_file.hpp"

#include <fmt/format.h>

#include <string_view>

#include "engine/geometry/entries.hpp"
#include "host/files/file_error.hpp"
#include "host/files/safetensors.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

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
    require_measurable(matrix.values, matrix.rows, matrix.columns, printable(std::string_view(argument)));
    return matrix;
}

}  // namespace ntpgeo
