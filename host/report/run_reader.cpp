#include "host/report/run_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "host/files/atomic_file.hpp"
#include "kernels/status.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kLargestStep = std::int64_t{1} << 53;
constexpr std::size_t kSingularValues = 16;

/// The scalar keys of a record that the report draws or prints; each holds a number or null.
constexpr std::array kKeys = {
    "time_s",          "entropy",          "excess_loss",        "grad_norm",
    "sparse_norm",     "low_rank_norm",    "dominance",          "in_support_error",
    "alignment_proxy", "alignment_limit",  "min_margin",         "collapse",
    "class_cosine",    "stable_rank",      "words_gram_proxy",   "contexts_gram_proxy",
    "relative_gap",    "words_gram_limit", "contexts_gram_limit"};

/// Where in a metrics.jsonl, for messages.
struct Place {
    const std::filesystem::path& file;
    std::size_t line;

    [[nodiscard]] InputError error(const std::string& what) const {
        return InputError(fmt::format("{} line {}: {}", file.string(), line, what));
    }
};

double number_or_missing(const json& value, const std::string& key, const Place& place) {
    if (value.is_null()) return kMissing;
    if (!value.is_number()) throw place.error(fmt::format("\"{}\" must be a number or null", key));
    return value.get<double>();
}

std::int64_t step_of(const json& record, const Place& place) {
    const auto found = record.find("step");
    if (found == record.end() || found->is_null()) {
        throw place.error("no \"step\"; the report draws runs of train and of analyze --step");
    }
    const double step = found->is_number() ? found->get<double>() : -1.0;
    if (!(step >= 0.0 && step <= static_cast<double>(kLargestStep) && std::floor(step) == step)) {
        throw place.error("\"step\" must be an integer, 0 or more");
    }
    return static_cast<std::int64_t>(step);
}

void append_record(Run& run, const json& record, const Place& place) {
    const std::size_t before = run.steps.size();
    run.steps.push_back(step_of(record, place));
    const auto append = [before](std::vector<double>& column, double value) {
        column.resize(before, kMissing);
        column.push_back(value);
    };
    for (const char* key : kKeys) {
        const auto found = record.find(key);
        if (found != record.end()) append(run.columns[key], number_or_missing(*found, key, place));
    }
    const auto values = record.find("singular_values");
    if (values == record.end() || values->is_null()) return;
    if (!values->is_array()) throw place.error("\"singular_values\" must be an array of numbers or null");
    const std::size_t count = std::min(values->size(), kSingularValues);
    if (run.singular_values.size() < count) run.singular_values.resize(count);
    for (std::size_t k = 0; k < count; ++k) {
        append(run.singular_values[k], number_or_missing((*values)[k], "singular_values", place));
    }
}

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
    if (run.steps.empty()) {
        throw InputError(fmt::format("{}: holds no record; has the run begun?", file.string()));
    }
}

/// Completes the columns and puts the records in the order of their steps.
void order_records(Run& run, const std::filesystem::path& file) {
    const std::size_t records = run.steps.size();
    std::vector<std::size_t> order(records);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return run.steps[a] < run.steps[b]; });
    for (std::size_t i = 1; i < records; ++i) {
        if (run.steps[order[i]] == run.steps[order[i - 1]]) {
            throw Place{file, order[i] + 1}.error(
                fmt::format("step {} again (it is also in line {})", run.steps[order[i]], order[i - 1] + 1));
        }
    }
    const auto reorder = [&](auto& column) {
        auto sorted = column;
        for (std::size_t i = 0; i < records; ++i) sorted[i] = column[order[i]];
        column = std::move(sorted);
    };
    reorder(run.steps);
    for (auto& [key, column] : run.columns) {
        column.resize(records, kMissing);
        reorder(column);
    }
    for (auto& column : run.singular_values) {
        column.resize(records, kMissing);
        reorder(column);
    }
}

/// The last `parts` names of a path, joined by slashes.
std::string path_end(const std::filesystem::path& path, std::size_t parts) {
    const std::vector<std::filesystem::path> names(path.begin(), path.end());
    std::filesystem::path end;
    for (std::size_t i = names.size() - std::min(parts, names.size()); i < names.size(); ++i) end /= names[i];
    return end.string();
}

}  // namespace

const std::vector<double>* Run::column(std::string_view key) const {
    const auto found = columns.find(key);
    return found == columns.end() ? nullptr : &found->second;
}

double Run::last(std::string_view key) const {
    const std::vector<double>* values = column(key);
    return values == nullptr ? kMissing : values->back();
}

Run read_run(const std::filesystem::path& folder) {
    std::error_code ignored;
    const auto status = std::filesystem::status(folder, ignored);
    if (!std::filesystem::exists(status)) {
        throw InputError(fmt::format("{}: no such run folder", folder.string()));
    }
    if (!std::filesystem::is_directory(status)) {
        throw InputError(fmt::format("{}: not a run folder but a file; give the folder that train wrote",
                                     folder.string()));
    }
    for (const char* name : {"config.json", "metrics.jsonl"}) {
        if (!std::filesystem::exists(folder / name, ignored)) {
            throw InputError(fmt::format("{}: not a run folder (it has no {})", folder.string(), name));
        }
    }
    Run run;
    run.folder = folder;
    run.label = folder.filename().string();
    run.config = json::parse(read_file(folder / "config.json"), nullptr, false);
    if (!run.config.is_object()) {
        throw InputError(fmt::format("{}: not a JSON object", (folder / "config.json").string()));
    }
    const std::filesystem::path metrics = folder / "metrics.jsonl";
    read_records(run, metrics);
    order_records(run, metrics);
    return run;
}

std::vector<Run> read_runs(const std::vector<std::filesystem::path>& folders) {
    std::vector<Run> runs;
    std::vector<std::filesystem::path> paths;
    for (const auto& folder : folders) {
        std::filesystem::path path = std::filesystem::absolute(folder).lexically_normal();
        if (!path.has_filename()) path = path.parent_path();  // a trailing slash
        if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
            throw InputError(fmt::format("{}: this run is given twice", folder.string()));
        }
        runs.push_back(read_run(folder));
        paths.push_back(path);
    }
    // Labels of equal names grow by one folder at a time until all differ, as different paths must.
    std::vector<std::size_t> parts(runs.size(), 1);
    for (bool distinct = false; !distinct;) {
        std::map<std::string, std::vector<std::size_t>> by_label;
        for (std::size_t i = 0; i < runs.size(); ++i) {
            runs[i].label = path_end(paths[i], parts[i]);
            by_label[runs[i].label].push_back(i);
        }
        distinct = true;
        for (const auto& [label, same] : by_label) {
            for (std::size_t i : same) parts[i] += same.size() > 1 ? 1 : 0;
            distinct = distinct && same.size() == 1;
        }
    }
    return runs;
}

}  // namespace ntpgeo
