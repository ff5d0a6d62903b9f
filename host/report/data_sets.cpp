#include "host/report/data_sets.hpp"

#include <algorithm>

#include "host/report/distinct_names.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

std::string text_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t whole_number_at(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

DataSet described(const json& config) {
    DataSet data_set;
    const auto found = config.find("dataset");
    if (found == config.end() || !found->is_object()) return data_set;
    data_set.path = text_at(*found, "path");
    data_set.hash = text_at(*found, "hash");
    data_set.vocab_size = whole_number_at(*found, "vocab_size");
    data_set.nnz = whole_number_at(*found, "nnz");
    return data_set;
}

}  // namespace

std::vector<DataSet> data_sets_of(const std::vector<Run>& runs) {
    std::vector<DataSet> data_sets;
    for (std::size_t r = 0; r < runs.size(); ++r) {
        DataSet of_run = described(runs[r].config);
        auto same = std::find_if(data_sets.begin(), data_sets.end(), [&](const DataSet& other) {
            return other.hash == of_run.hash && (!of_run.hash.empty() || other.path == of_run.path);
        });
        if (same == data_sets.end()) same = data_sets.insert(data_sets.end(), std::move(of_run));
        same->runs.push_back(r);
    }
    std::vector<std::filesystem::path> names;
    for (const DataSet& data_set : data_sets) {
        std::filesystem::path path = std::filesystem::path(data_set.path).lexically_normal();
        names.push_back(path.empty() ? "unnamed data" : path.replace_extension());
    }
    const std::vector<std::string> distinct = distinct_names(names);
    for (std::size_t i = 0; i < data_sets.size(); ++i) data_sets[i].name = distinct[i];
    return data_sets;
}

}  // namespace ntpgeo
