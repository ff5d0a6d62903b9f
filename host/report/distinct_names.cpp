#include "host/report/distinct_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace ntpgeo {
namespace {

/// The last `parts` names of a path, joined by slashes.
std::string path_end(const std::filesystem::path& path, std::size_t parts) {
    const std::vector<std::filesystem::path> names(path.begin(), path.end());
    std::filesystem::path end;
    for (std::size_t i = names.size() - std::min(parts, names.size()); i < names.size(); ++i) end /= names[i];
    return end.string();
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

}  // namespace ntpgeo
