#include "host/run/run_inputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "host/files/checksum.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "host/run/newest_whole.hpp"
#include "host/run/run_files.hpp"
#include "host/run/run_folder.hpp"
#include "host/terminal/numbers.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

bool all_finite(const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
}

void read_factors(ExactResult& result) {
    const SafetensorsFile file(result.file);
    const std::string name = printable(result.file);
    if (!file.metadata_is("format", "ntpgeo.result.1"))
        throw InputError(name + ": is no result of ntpgeo (its metadata has no format ntpgeo.result.1)");
    result.words = file.read_matrix("W");
    result.contexts = file.read_matrix("H");
    result.values = file.read<double>("sigma", 1);
    if (result.command == "path") result.lambda = file.metadata_number<double>("lambda");
    if (result.command == "limit" && file.metadata_is("finished", "false"))
        result.gap_when_interrupted = file.metadata_number<double>("relative_gap");
    const auto rank = static_cast<std::int64_t>(result.values.size());
    if (result.words.columns != rank || result.contexts.columns != rank)
        throw InputError(fmt::format("{}: W has {} columns and H {}, but sigma has {} values; all must agree",
                                     name, result.words.columns, result.contexts.columns, rank));
    if (!all_finite(result.words.values) || !all_finite(result.contexts.values) || !all_finite(result.values))
        throw InputError(name + ": has an entry that is not finite");
    if (std::any_of(result.values.begin(), result.values.end(), [](double x) { return x < 0; }))
        throw InputError(name + ": has a negative value in sigma");
}

// The limit of `dataset`, which is `data`'s.
ExactResult read_limit_run(const fs::path& path, const Dataset& dataset, const DatasetReference& data) {
    const std::string command = RunFolder::open(path).config().command();
    if (command != "limit")
        throw InputError(fmt::format("limit: {} holds a run of {}; give the folder that ntpgeo limit made",
                                     printable(path), printable(std::string_view(command))));
    ExactResult result = read_exact_result(path);
    if (!same_contents(result.dataset.hash, data))
        throw InputError(
            fmt::format("limit: {} was made from another data set ({}; its content hash is another); make it "
                        "from this one",
                        printable(path), printable(std::string_view(result.dataset.path))));
    if (result.words.rows != dataset.vocab_size || result.contexts.rows != dataset.contexts())
        throw InputError(fmt::format("{}: is of V = {} and m = {}, but the data set has V = {} and m = {}",
                                     printable(result.file), result.words.rows, result.contexts.rows,
                                     dataset.vocab_size, dataset.contexts()));
    return result;
}

}  // namespace

DatasetReference dataset_reference(const std::string& path) {
    return {absolute_path(path), ""};
}

Dataset read_known_dataset(DatasetReference& reference, std::string_view since) {
    Dataset dataset = read_dataset(reference.path);
    const std::string wanted = std::exchange(reference.hash, content_hash(dataset));
    if (!wanted.empty() && !same_contents(wanted, reference))
        throw InputError(
            fmt::format("{}: has changed since {}", printable(std::string_view(reference.path)), since));
    return dataset;
}

bool same_contents(const std::string& hash, const DatasetReference& data) {
    return names_contents(hash, data.hash, data.path);
}

ExactResult read_exact_result(const fs::path& path) {
    const RunFolder folder = RunFolder::open(path);
    const ConfigFile config = folder.config();
    ExactResult result;
    result.command = config.command();
    if (result.command != "limit" && result.command != "path")
        throw InputError(fmt::format("{}: holds a run of {}, not of ntpgeo limit or path", printable(path),
                                     printable(std::string_view(result.command))));
    result.dataset = config.inputs().dataset;
    if (result.dataset.path.empty() || result.dataset.hash.empty())
        throw InputError(printable(path / "config.json") +
                         " does not name its data set by 'path' and 'hash'");
    result.file = path / result_name;
    std::error_code ignored;
    if (!fs::exists(result.file, ignored))
        throw InputError(fmt::format("{}: has no result yet; go on with it by ntpgeo {} --resume",
                                     printable(path), result.command));
    read_factors(result);
    return result;
}

bool holds_final_result(const fs::path& folder) {
    bool is_final = false;
    read_if_whole(folder / result_name, [&](const fs::path&, const SafetensorsFile& file) {
        is_final = file.metadata_is("finished", "true");
    });
    return is_final;
}

void write_factors(const fs::path& file, const SingularFactors& factors, const Dataset& dataset,
                   const std::map<std::string, std::string>& metadata,
                   const std::vector<double>* bound_logits) {
    const std::int64_t rank = factors.rank(), contexts = dataset.contexts();
    std::vector<TensorToWrite> tensors = {tensor_to_write("W", {dataset.vocab_size, rank}, factors.words),
                                          tensor_to_write("H", {contexts, rank}, factors.contexts),
                                          tensor_to_write("sigma", {rank}, factors.sigma)};
    if (bound_logits)
        tensors.push_back(tensor_to_write("bound_logits", {contexts, dataset.vocab_size}, *bound_logits));
    write_safetensors(file, tensors, with_checksums(tensors, metadata));
}

std::int64_t metadata_number(const SafetensorsFile& file, const fs::path& path, const char* key) {
    const auto number = file.metadata_number<std::int64_t>(key);
    if (!number) throw InputError(fmt::format("{}: its metadata has no number '{}'", printable(path), key));
    return *number;
}

LimitReference limit_reference(const std::optional<std::string>& folder) {
    if (!folder) return {};
    if (folder->empty())
        throw InputError("limit: the empty path names no folder; give the folder that ntpgeo limit made");
    return {absolute_path(*folder), ""};
}

std::optional<LimitFactors> load_limit(LimitReference& reference, const Dataset& dataset,
                                       const DatasetReference& data) {
    if (reference.path.empty()) return std::nullopt;
    ExactResult result = read_limit_run(reference.path, dataset, data);
    LimitReference found{absolute_path(reference.path), file_hash(result.file)};
    if (!reference.hash.empty() && found.hash != reference.hash)
        throw InputError(fmt::format(
            "limit: {} is not the limit that the run was begun with (its result's hash is another); begin a "
            "new run with it",
            printable(std::string_view(reference.path))));
    if (result.gap_when_interrupted)
        fmt::print(
            stderr,
            "note: {} was interrupted at a relative gap of {:.2g}; ntpgeo limit --resume brings it nearer\n",
            printable(std::string_view(reference.path)), rounded_up(*result.gap_when_interrupted, 2));
    reference = std::move(found);
    return LimitFactors{result.words.rows, result.contexts.rows, result.words.columns,
                        std::move(result.words.values), std::move(result.contexts.values)};
}

bool are_gone(const RunInputs& inputs) {
    std::error_code error;
    return !fs::exists(inputs.dataset.path, error) ||
           (!inputs.limit.path.empty() && !fs::exists(inputs.limit.path, error));
}

std::string first_difference(const RunInputs& stored, const RunInputs& wanted) {
    if (stored.dataset.hash != wanted.dataset.hash) return "the data set";
    return stored.limit.hash != wanted.limit.hash ? "limit" : "";
}

}  // namespace ntpgeo
