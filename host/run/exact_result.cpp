#include "host/run/exact_result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/outward.hpp"
#include "host/files/safetensors.hpp"
#include "host/run/run_folder.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Json parse_config(const std::string& text, const std::string& where) {
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) throw InputError(where + " is not a JSON object");
    return json;
}

std::string string_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

DatasetReference dataset_of(const Json& config, const std::string& where) {
    const auto found = config.find("dataset");
    DatasetReference reference;
    if (found != config.end() && found->is_object())
        reference = {string_at(*found, "path"), string_at(*found, "hash")};
    if (reference.path.empty() || reference.hash.empty())
        throw InputError(where + " does not name its data set by 'path' and 'hash'");
    return reference;
}

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

}  // namespace

std::string command_of(const std::string& config_text, const std::string& where) {
    const std::string command = string_at(parse_config(config_text, where), "command");
    return command.empty() ? "train" : command;
}

ExactResult read_exact_result(const fs::path& path) {
    const RunFolder folder = RunFolder::open(path);
    const std::string where = printable(path / "config.json");
    const Json config = parse_config(folder.config_text(), where);
    ExactResult result;
    result.command = string_at(config, "command");
    if (result.command != "limit" && result.command != "path")
        throw InputError(fmt::format("{}: holds a run of {}, not of ntpgeo limit or path", printable(path),
                                     printable(std::string_view(result.command))));
    result.dataset = dataset_of(config, where);
    result.file = path / "result.safetensors";
    std::error_code ignored;
    if (!fs::exists(result.file, ignored))
        throw InputError(fmt::format("{}: has no result yet; go on with it by ntpgeo {} --resume",
                                     printable(path), result.command));
    read_factors(result);
    return result;
}

LimitReference limit_reference(const std::optional<std::string>& folder) {
    if (!folder) return {};
    if (folder->empty())
        throw InputError("limit: the empty path names no folder; give the folder that ntpgeo limit made");
    return {fs::absolute(*folder).lexically_normal().string(), ""};
}

namespace {

// The limit of `dataset`, whose content hash is `dataset_hash`.
ExactResult read_limit_run(const fs::path& path, const Dataset& dataset, const std::string& dataset_hash) {
    const RunFolder folder = RunFolder::open(path);
    const std::string command = command_of(folder.config_text(), printable(path / "config.json"));
    if (command != "limit")
        throw InputError(fmt::format("limit: {} holds a run of {}; give the folder that ntpgeo limit made",
                                     printable(path), printable(std::string_view(command))));
    ExactResult result = read_exact_result(path);
    if (result.dataset.hash != dataset_hash)
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

std::optional<LimitFactors> load_limit(LimitReference& reference, const Dataset& dataset,
                                       const std::string& dataset_hash) {
    if (reference.path.empty()) return std::nullopt;
    ExactResult result = read_limit_run(reference.path, dataset, dataset_hash);
    LimitReference found{fs::absolute(reference.path).lexically_normal().string(), content_hash(result.file)};
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

}  // namespace ntpgeo
