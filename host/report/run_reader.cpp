#include "host/report/run_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/report/data_sets.hpp"
#include "host/report/distinct_names.hpp"
#include "host/report/record_reader.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

RunKind kind_of(const json& config) {
    const auto command = config.find("command");
    if (command == config.end()) return RunKind::training;
    return *command == "path" ? RunKind::path : *command == "limit" ? RunKind::limit : RunKind::training;
}

}  // namespace

Across followed(RunKind kind) {
    switch (kind) {
        case RunKind::training:
            return Across::step;
        case RunKind::path:
            return Across::lambda;
        case RunKind::limit:
            return Across::iterations;
    }
    return Across::step;
}

const std::vector<double>* Run::column(std::string_view key) const {
    const bool made = key == across_key(Across::logits_norm) || key == across_key(followed(kind));
    if (!made && !record_key(key).in_report())
        throw std::logic_error(fmt::format("no report reads \"{}\"", key));
    const auto found = columns.find(key);
    return found == columns.end() ? nullptr : &found->second;
}

const std::vector<std::vector<double>>& Run::array(std::string_view key) const {
    static const std::vector<std::vector<double>> kNone;
    const auto found = arrays.find(key);
    return found == arrays.end() ? kNone : found->second;
}

const std::vector<std::string>& Run::texts(std::string_view key) const {
    static const std::vector<std::string> kNone;
    const auto found = text_columns.find(key);
    return found == text_columns.end() ? kNone : found->second;
}

double Run::last(std::string_view key) const {
    const std::vector<double>* values = column(key);
    return values == nullptr ? std::numeric_limits<double>::quiet_NaN() : values->back();
}

std::string Run::full_label() const {
    return data_set.empty() ? label : label + ", " + data_set;
}

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
    for (const char* name : {"config.json", "metrics.jsonl"}) {
        if (!std::filesystem::exists(folder / name, ignored)) {
            throw InputError(fmt::format("{}: not a run folder (it has no {})", printable(folder), name));
        }
    }
    Run run;
    run.folder = folder;
    run.label = folder.filename().string();
    run.config = json::parse(read_file(folder / "config.json"), nullptr, false);
    if (!run.config.is_object()) {
        throw InputError(fmt::format("{}: not a JSON object", printable(folder / "config.json")));
    }
    run.kind = kind_of(run.config);
    read_records(run, folder / "metrics.jsonl");
    return run;
}

std::vector<Run> read_runs(const std::vector<std::filesystem::path>& folders) {
    std::vector<Run> runs;
    std::vector<std::filesystem::path> paths;
    for (const auto& folder : folders) {
        std::filesystem::path path = std::filesystem::absolute(folder).lexically_normal();
        if (!path.has_filename()) path = path.parent_path();  // a trailing slash
        if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
            throw InputError(fmt::format("{}: this run is given twice", printable(folder)));
        }
        runs.push_back(read_run(folder));
        paths.push_back(path);
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
