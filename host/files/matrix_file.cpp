#include "host/files/matrix_file.hpp"

#include "engine/geometry/entries.hpp"
#include "host/files/file_error.hpp"
#include "host/files/safetensors.hpp"
#include "host/files/stored_array.hpp"

namespace ntpgeo {
namespace {

HostMatrix read_by_form(const std::string& argument) {
    const ArrayName matrix = array_name(argument, "matrix");
    if (matrix.tensor.empty()) return read_npy(matrix.file);
    return SafetensorsFile(matrix.file).read_matrix(matrix.tensor);
}

}  // namespace

HostMatrix read_matrix(const std::string& argument) {
    HostMatrix matrix = read_by_form(argument);
    require_measurable(matrix.values, matrix.rows, matrix.columns, printable(std::string_view(argument)));
    return matrix;
}

}  // namespace ntpgeo
