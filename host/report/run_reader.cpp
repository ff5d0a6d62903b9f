#include "host/report/run_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "host/report/data_sets.hpp"
#include "host/run/run_files.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargestStep = 0x1p53;
constexpr std::size_t kArrayColumns = 16;

/// Where in a metrics.jsonl, for messages.
struct Place {
    const std::filesystem::path& file;
    std::size_t line;

    [[nodiscard]] InputError error(const std::string& what) const {
        return InputError(fmt::format("{} line {}: {}", printable(file), line, what));
    }
};

double number_or_missing(const json& value, const std::string& key, const Place& place) {
    if (value.is_null()) return kMissing;
    if (!value.is_number()) throw place.error(fmt::format("\"{}\" must be a number or null", key));
    return value.get<double>();
}

double number_or_missing(const json& record, std::string_view key) {
    const auto found = record.find(key);
    return found != record.end() && found->is_number() ? found->get<double>() : kMissing;
}

/// Checks what the record follows.
void check_order(RunKind kind, const json& record, const Place& place) {
    const std::string key(across_key(followed(kind)));
    const auto found = record.find(key);
    if (found == record.end() || found->is_null()) {
        const bool training = kind == RunKind::training;
        throw place.error(fmt::format(
            "no \"{}\"{}", key,
            training ? "; the report draws runs of train, of analyze, of path and of limit" : ""));
    }
    const double value = number_or_missing(record, key);
    if (kind == RunKind::path) {
        if (!(value > 0.0)) throw place.error("\"lambda\" must be a number above 0");
    } else if (!(value >= 0.0 && value <= kLargestStep && std::floor(value) == value)) {
        throw place.error(fmt::format("\"{}\" must be an integer, 0 or more", key));
    }
}

/// Appends to a column whose earlier records may lack the key.
template <class T>
void append(std::vector<T>& column, std::size_t before, T value, const T& missing) {
    column.resize(before, missing);
    column.push_back(std::move(value));
}

void append_list(std::vector<std::vector<double>>& columns, std::size_t before, const json& values,
                 const std::string& key, const Place& place) {
    if (values.is_null()) return;
    if (!values.is_array()) throw place.error(fmt::format("\"{}\" must be an array of numbers or null", key));
    const std::size_t count = std::min(values.size(), kArrayColumns);
    if (columns.size() < count) columns.resize(count);
    for (std::size_t k = 0; k < count; ++k)
        append(columns[k], before, number_or_missing(values[k], key, place), kMissing);
}

void append_text(Run& run, std::size_t before, const json& record, const std::string& key) {
    const auto found = record.find(key);
    if (found != record.end() && found->is_string())
        append(run.text_columns[key], before, found->get<std::string>(), std::string());
}

void append_record(Run& run, const json& record, const Place& place) {
    check_order(run.kind, record, place);
    const std::size_t before = run.records++;
    const std::string order(across_key(followed(run.kind)));
    append(run.columns[order], before, record[order].get<double>(), kMissing);
    for (const RecordKey& key : record_keys()) {
        if (!key.in_report()) continue;
        if (!key.drawn.told_by.empty()) append_text(run, before, record, std::string(key.drawn.told_by));
        const std::string name(key.name);
        const auto found = record.find(name);
        if (found == record.end() || name == order) continue;
        if (key.kind == ValueKind::numbers)
            append_list(run.arrays[name], before, *found, name, place);
        else
            append(run.columns[name], before, number_or_missing(*found, name, place), kMissing);
    }
    const double norm =
        std::hypot(number_or_missing(record, "sparse_norm"), number_or_missing(record, "low_rank_norm"));
    if (!std::isnan(norm))
        append(run.columns[std::string(across_key(Across::logits_norm))], before, norm, kMissing);
}

/// Completes the columns and puts the records in their order.
void order_records(Run& run, const std::filesystem::path& file) {
    const std::size_t records = run.records;
    const std::string_view key = across_key(followed(run.kind));
    std::vector<double> along = *run.column(key);
    if (run.kind == RunKind::path) std::transform(along.begin(), along.end(), along.begin(), std::negate<>());
    std::vector<std::size_t> order(records);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return along[a] < along[b]; });
    for (std::size_t i = 1; i < records && run.kind != RunKind::limit; ++i) {
        if (along[order[i]] == along[order[i - 1]]) {
            throw Place{file, order[i] + 1}.error(fmt::format("{} {} again (it is also in line {})", key,
                                                              std::abs(along[order[i]]), order[i - 1] + 1));
        }
    }
    const auto reorder = [&](auto& column, const auto& missing) {
        column.resize(records, missing);
        auto sorted = column;
        for (std::size_t i = 0; i < records; ++i) sorted[i] = column[order[i]];
        column = std::move(sorted);
    };
    for (auto& [name, column] : run.columns) reorder(column, kMissing);
    for (auto& [name, columns] : run.arrays) {
        for (auto& column : columns) reorder(column, kMissing);
    }
    for (auto& [name, column] : run.text_columns) reorder(column, std::string());
}

/// Reads metrics.jsonl into the columns of a run whose kind is set.
void read_records(Run& run, const std::filesystem::path& file) {
    const std::string text = read_file(file);
    std::size_t line = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t newline = text.find('\n', begin);
        const std::size_t end = std::min(newline, text.size());
        const Place place{file, ++line};
        const json record = json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                        text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
        if (record.is_discarded() && newline == std::string::npos) {
            run.cut_tail = true;
            break;
        }
        if (!record.is_object()) throw place.error("not a JSON object; a record is one object a line");
        append_record(run, record, place);
        begin = end + 1;
    }
    if (run.records == 0)
        throw InputError(fmt::format("{}: holds no record; has the run begun?", printable(file)));
    order_records(run, file);
}

/// The whole path, which ends with a name to call the run by.
std::filesystem::path named_path(const std::filesystem::path& folder) {
    std::filesystem::path path = absolute_folder(folder);
    std::error_code error;
    if (path.filename() == "." || path.filename() == "..") path = std::filesystem::canonical(path, error);
    return error ? absolute_folder(folder) : path;
}

RunKind kind_of(const std::string& command) {
    return command == "path" ? RunKind::path : command == "limit" ? RunKind::limit : RunKind::training;
}

}  // namespace

Run read_run(const std::filesystem::path& folder) {
    std::error_code ignored;
    const auto status = std::filesystem::status(folder, ignored);
    if (!std::filesystem::exists(status)) {
        throw InputError(fmt::format("{}: no such run folder", printable(folder)));
    }
    if (!std::filesystem::is_directory(status)) {
        throw InputError(fmt::format("{}: not a run folder but a file; give the folder that train wrote",
                                     printable(folder)));
    }
    if (!std::filesystem::exists(folder / config_name, ignored))
        throw InputError(fmt::format("{}: not a run folder (it has no {})", printable(folder), config_name));
    Run run;
    run.folder = folder;
    run.label = folder.filename().string();
    const std::optional<ConfigFile> config = ConfigFile::parse(read_file(folder / config_name));
    if (!config) {
        throw InputError(fmt::format("{}: not a JSON object", printable(folder / config_name)));
    }
    run.settings = shown_settings(*config);
    run.kind = kind_of(run.settings.command);
    if (!std::filesystem::exists(folder / metrics_name, ignored))
        throw InputError(fmt::format("{}: holds no record (it has no {}); has the run begun?",
                                     printable(folder), metrics_name));
    read_records(run, folder / metrics_name);
    return run;
}

std::vector<Run> read_runs(const std::vector<std::filesystem::path>& folders) {
    std::vector<Run> runs;
    std::vector<std::filesystem::path> paths;
    for (const auto& folder : folders) {
        runs.push_back(read_run(folder));
        // One folder may have many paths: the system knows.
        std::error_code ignored;
        for (std::size_t i = 0; i + 1 < runs.size(); ++i)
            if (std::filesystem::equivalent(folders[i], folder, ignored))
                throw InputError(fmt::format("{}: this run is given twice", printable(folder)));
        paths.push_back(named_path(folder));
    }
    const std::vector<std::string> labels = distinct_names(paths);
    for (std::size_t i = 0; i < runs.size(); ++i) runs[i].label = labels[i];
    const std::vector<DataSet> data_sets = data_sets_of(runs);
    for (const DataSet& data_set : data_sets) {
        if (data_sets.size() < 2) break;
        for (const std::size_t run : data_set.runs) runs[run].data_set = data_set.name;
    }
    return runs;
}

}  // namespace ntpgeo
