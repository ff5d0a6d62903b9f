#include "host/report/data_set_files.hpp"

#include <filesystem>
#include <utility>

#include "host/files/dataset_file.hpp"
#include "host/files/safetensors.hpp"
#include "host/report/text.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

Factor to_factor(HostMatrix matrix) {
    return {matrix.rows, matrix.columns, std::move(matrix.values)};
}

std::filesystem::path result_of(const Run& run) {
    return run.folder / "result.safetensors";
}

}  // namespace

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
                if (data_set.hash.empty() || content_hash(data_set.path) != data_set.hash)
                    read->reason = "its file has changed since the runs read it";
                else
                    read->dataset = read_dataset(data_set.path);
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
