#include "host/run/snapshot_folder.hpp"

#include <fmt/format.h>

#include <limits>

#include "host/files/file_error.hpp"
#include "host/run/exact_result.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using Json = nlohmann::json;

std::string string_at(const Json& config, const char* section, const char* key) {
    const auto outer = config.find(section);
    if (outer == config.end() || !outer->is_object()) return "";
    const auto inner = outer->find(key);
    return inner != outer->end() && inner->is_string() ? inner->get<std::string>() : "";
}

void settle_limit(const Json& config, const std::string& name, LimitReference& limit) {
    const LimitReference own{string_at(config, "limit", "path"), string_at(config, "limit", "hash")};
    if (own.path.empty() && !limit.path.empty())
        throw InputError(name + ": was begun without --limit; leave it out, or give a new name");
    if (own.path.empty()) return;
    // Another folder is welcome where it holds the same limit, which its hash will tell.
    if (limit.path.empty()) limit.path = own.path;
    limit.hash = own.hash;
}

}  // namespace

RunFolder open_snapshots(const std::filesystem::path& path, std::int64_t step,
                         const std::string& dataset_hash, LimitReference& limit) {
    RunFolder folder = RunFolder::open(path);
    const std::string name = printable(path), text = folder.config_text();
    const std::string command = command_of(text, printable(path / "config.json"));
    if (command != "analyze")
        throw InputError(
            fmt::format("{}: holds a run of {}; --step adds to what analyze made; give a new name", name,
                        printable(std::string_view(command))));
    const Json config = Json::parse(text);
    if (string_at(config, "dataset", "hash") != dataset_hash)
        throw InputError(
            fmt::format("{}: was begun with another data set (its content hash is another); give a "
                        "new name",
                        name));
    settle_limit(config, name, limit);
    folder.lock();
    const auto [first, last] =
        folder.cut_metrics(std::numeric_limits<std::int64_t>::max(), {.logarithmic = false, .count = 1});
    const std::int64_t newest = last.integer("step").value_or(-1);
    if (newest >= step)
        throw InputError(fmt::format("{}: has a record of step {} already; steps must rise, and {} does not",
                                     name, newest, step));
    return folder;
}

}  // namespace ntpgeo
