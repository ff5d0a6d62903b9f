// Results: matrices by name, records, the points of a path.
#include <algorithm>

#include "library/handles.hpp"

namespace ntpgeo {
namespace {

ntpgeo_figure shown_figure(const Record::Entry& entry) {
    ntpgeo_figure figure = {};
    figure.key = entry.key.c_str();
    figure.kind = NTPGEO_NULL;
    if (const auto* whole = std::get_if<std::int64_t>(&entry.value)) {
        figure.kind = NTPGEO_WHOLE;
        figure.whole = *whole;
        figure.number = static_cast<double>(*whole);
    } else if (const auto* number = std::get_if<double>(&entry.value)) {
        figure.kind = NTPGEO_NUMBER;
        figure.number = *number;
    } else if (const auto* text = std::get_if<std::string>(&entry.value)) {
        figure.kind = NTPGEO_TEXT;
        figure.text = text->c_str();
    } else if (const auto* numbers = std::get_if<std::vector<double>>(&entry.value)) {
        figure.kind = NTPGEO_NUMBERS;
        figure.numbers = numbers->data();
        figure.length = numbers->size();
    }
    return figure;
}

const ntpgeo_result::Matrix& matrix_of(const ntpgeo_result* result, const char* name) {
    require(result, "result");
    require(name, "name");
    const auto found = result->matrices.find(name);
    if (found != result->matrices.end()) return found->second;
    std::vector<std::string_view> names;
    for (const auto& [known, matrix] : result->matrices) names.push_back(known);
    throw InputError(fmt::format("result: the matrix '{}' {}", shown(name), not_among(names)));
}

void check_index(std::size_t index, std::size_t count, const char* of) {
    if (index >= count)
        throw InputError(fmt::format("index: is {}, and the result has {} {}", index, count, of));
}

}  // namespace
}  // namespace ntpgeo

const ntpgeo_result::Shown& ntpgeo_result::add(ntpgeo::Record record) {
    auto kept = std::make_unique<Shown>();
    kept->record = std::move(record);
    for (const auto& entry : kept->record.entries()) kept->figures.push_back(ntpgeo::shown_figure(entry));
    records.push_back(std::move(kept));
    return *records.back();
}

extern "C" {

int ntpgeo_result_look(const ntpgeo_result* result, ntpgeo_result_view* view) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(result, "result");
        ntpgeo::require(view, "view");
        ntpgeo::require_size(view->size, sizeof(ntpgeo_result_view), "ntpgeo_result_view");
        view->records = result->records.size();
        view->points = result->points.size();
        view->steps = result->steps;
        view->reached = result->reached ? 1 : 0;
        view->at_rest = result->at_rest ? 1 : 0;
    });
}

int ntpgeo_result_shape(const ntpgeo_result* result, const char* name, int64_t* rows, int64_t* columns) {
    return ntpgeo::guarded([&] {
        const ntpgeo_result::Matrix& matrix = ntpgeo::matrix_of(result, name);
        ntpgeo::require(rows, "rows");
        ntpgeo::require(columns, "columns");
        *rows = matrix.rows;
        *columns = matrix.columns;
    });
}

int ntpgeo_result_copy(const ntpgeo_result* result, const char* name, int type, void* out, int64_t rows,
                       int64_t columns) {
    return ntpgeo::guarded([&] {
        const ntpgeo_result::Matrix& matrix = ntpgeo::matrix_of(result, name);
        if (rows != matrix.rows || columns != matrix.columns)
            throw ntpgeo::InputError(fmt::format("{}: is [{}, {}]; [{}, {}] was asked for", name, matrix.rows,
                                                 matrix.columns, rows, columns));
        if (type != NTPGEO_FLOAT32 && type != NTPGEO_FLOAT64)
            throw ntpgeo::InputError(
                fmt::format("type: is {}; matrices are copied as NTPGEO_FLOAT32 or NTPGEO_FLOAT64", type));
        if (matrix.values.empty()) return;
        ntpgeo::require(out, "out");
        if (type == NTPGEO_FLOAT64)
            std::copy(matrix.values.begin(), matrix.values.end(), static_cast<double*>(out));
        else
            std::transform(matrix.values.begin(), matrix.values.end(), static_cast<float*>(out),
                           [](double value) { return static_cast<float>(value); });
    });
}

int ntpgeo_result_record(const ntpgeo_result* result, size_t index, const ntpgeo_figure** figures,
                         size_t* count) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(result, "result");
        ntpgeo::require(figures, "figures");
        ntpgeo::require(count, "count");
        ntpgeo::check_index(index, result->records.size(), "records");
        *figures = result->records[index]->figures.data();
        *count = result->records[index]->figures.size();
    });
}

int ntpgeo_result_point(const ntpgeo_result* result, size_t index, const ntpgeo_result** point) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(result, "result");
        ntpgeo::require(point, "point");
        ntpgeo::check_index(index, result->points.size(), "points");
        *point = result->points[index].get();
    });
}

void ntpgeo_result_free(ntpgeo_result* result) {
    delete result;
}
}
