#include "host/report/data_sets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "host/files/dataset_file.hpp"
#include "host/files/safetensors.hpp"
#include "host/report/text.hpp"
#include "host/run/run_files.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// The last `parts` names of a path, joined by slashes.
std::string path_end(const std::filesystem::path& path, std::size_t parts) {
    const std::vector<std::filesystem::path> names(path.begin(), path.end());
    std::filesystem::path end;
    for (std::size_t i = names.size() - std::min(parts, names.size()); i < names.size(); ++i) end /= names[i];
    return end.string();
}

std::int64_t whole_number_in(const ConfigValue& setting) {
    const auto* whole = std::get_if<std::int64_t>(&setting);
    return whole == nullptr ? 0 : *whole;
}

DataSet described(const ShownSettings& settings) {
    DataSet data_set;
    data_set.path = settings.data_path;
    data_set.hash = text_in(settings.data_hash);
    data_set.vocab_size = whole_number_in(settings.vocab_size);
    data_set.nnz = whole_number_in(settings.nnz);
    return data_set;
}

bool are_the_same(const DataSet& a, const DataSet& b) {
    if (a.hash == b.hash) return !a.hash.empty() || a.path == b.path;
    if (a.path != b.path || a.hash.empty() || b.hash.empty() ||
        is_content_hash(a.hash) == is_content_hash(b.hash))
        return false;
    try {
        const std::string contents = content_hash(read_dataset(a.path));
        return names_contents(a.hash, contents, a.path) && names_contents(b.hash, contents, b.path);
    } catch (const InputError&) {
        return false;  // the file is not what it was: two data sets for all that can be told
    }
}

Factor to_factor(HostMatrix matrix) {
    return {matrix.rows, matrix.columns, std::move(matrix.values)};
}

std::filesystem::path result_of(const Run& run) {
    return run.folder / result_name;
}

}  // namespace

std::vector<std::string> distinct_names(const std::vector<std::filesystem::path>& paths) {
    std::vector<std::string> names(paths.size());
    std::vector<std::size_t> parts(paths.size(), 1);
    // Equal names grow by one folder at a time until all differ, as different paths must.
    for (bool distinct = false; !distinct;) {
        std::map<std::string, std::vector<std::size_t>> by_name;
        for (std::size_t i = 0; i < paths.size(); ++i) {
            names[i] = path_end(paths[i], parts[i]);
            by_name[names[i]].push_back(i);
        }
        distinct = true;
        for (const auto& entry : by_name) {
            const std::vector<std::size_t>& same = entry.second;
            const bool differ = std::any_of(same.begin(), same.end(),
                                            [&](std::size_t i) { return paths[i] != paths[same.front()]; });
            for (const std::size_t i : same) parts[i] += differ ? 1 : 0;
            distinct = distinct && !differ;
        }
    }
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const auto before =
            std::count(paths.begin(), paths.begin() + static_cast<std::ptrdiff_t>(i), paths[i]);
        if (before > 0) names[i] += fmt::format(" ({})", before + 1);
    }
    return names;
}

std::vector<DataSet> data_sets_of(const std::vector<Run>& runs) {
    std::vector<DataSet> data_sets;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        DataSet of_run = described(runs[r].settings);
        auto same = std::find_if(data_sets.begin(), data_sets.end(),
                                 [&](const DataSet& other) { return are_the_same(other, of_run); });
        if (same == data_sets.end()) same = data_sets.insert(data_sets.end(), std::move(of_run));
        same->runs.push_back(r);
    }
    std::vector<std::filesystem::path> names;
    for (const DataSet& data_set : data_sets) {
        std::filesystem::path path = data_set.path;
        names.push_back(path.empty() ? "unnamed data" : path.replace_extension());
    }
    const std::vector<std::string> distinct = distinct_names(names);
    for (std::size_t i = 0; i < data_sets.size(); ++i) data_sets[i].name = distinct[i];
    return data_sets;
}

const Dataset* DataSetFiles::read(std::size_t index) {
    std::optional<Read>& read = read_[index];
    if (!read) {
        read.emplace();
        const DataSet& data_set = data_sets_[index];
        std::error_code ignored;
        if (data_set.path.empty()) {
            read->reason = "no <code>config.json</code> names its file";
        } else if (!std::filesystem::exists(data_set.path, ignored)) {
            read->reason = "its file is gone from where the runs read it";
        } else {
            try {
                Dataset dataset = read_dataset(data_set.path);
                if (names_contents(data_set.hash, content_hash(dataset), data_set.path))
                    read->dataset = std::move(dataset);
                else
                    read->reason = "its file has changed since the runs read it";
            } catch (const InputError& error) {
                read->reason = escape_text(error.what());
            }
        }
    }
    return read->dataset ? &*read->dataset : nullptr;
}

bool has_result(const Run& run) {
    std::error_code ignored;
    return std::filesystem::exists(result_of(run), ignored);
}

std::string no_result_reason(const Run& run) {
    return run.settings.command == "analyze" ? "<code>analyze</code> keeps no W and H"
                                             : "it has no result yet";
}

std::int64_t result_entries(const Run& run) {
    const SafetensorsFile file(result_of(run));
    std::int64_t entries = 0;
    for (const char* name : {"W", "H"}) {
        std::int64_t size = 1;
        for (const std::int64_t length : file.find(name).shape) size *= length;
        entries += size;
    }
    return entries;
}

RunResult read_result(const Run& run, const Dataset& dataset) {
    const SafetensorsFile file(result_of(run));
    RunResult result{to_factor(file.read_matrix("W")), to_factor(file.read_matrix("H"))};
    if (result.words.rows != dataset.vocab_size || result.contexts.rows != dataset.contexts() ||
        result.words.columns != result.contexts.columns)
        throw InputError("its W and H do not fit the data set");
    centre_columns(result.words);
    return result;
}

}  // namespace ntpgeo
