// Which files a command line means: patterns and Megatron's pairs.
#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "host/files/file_error.hpp"
#include "host/files/token_format.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace filesystem = std::filesystem;

bool is_there(const filesystem::path& path) {
    std::error_code error;
    return filesystem::exists(path, error);
}

/// Owns what glob(3) finds.
class Matches {
  public:
    explicit Matches(const std::string& pattern) : status_(::glob(pattern.c_str(), 0, nullptr, &found_)) {}
    ~Matches() { ::globfree(&found_); }
    Matches(const Matches&) = delete;
    Matches& operator=(const Matches&) = delete;

    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] std::vector<std::string> names() const {
        return {found_.gl_pathv, found_.gl_pathv + found_.gl_pathc};
    }

  private:
    glob_t found_{};
    int status_;
};

std::vector<std::string> matching(const std::string& pattern) {
    const Matches matches(pattern);
    if (matches.status() == GLOB_NOMATCH)
        throw InputError(
            fmt::format("{}: no file's name is like that", printable(std::string_view(pattern))));
    if (matches.status() != 0)
        throw Failure(fmt::format("{}: the files that it stands for cannot be listed",
                                  printable(std::string_view(pattern))));
    std::vector<std::string> names = matches.names();
    std::sort(names.begin(), names.end());
    return names;
}

filesystem::path with_suffix(const std::string& prefix, const char* suffix) {
    return filesystem::path(prefix + suffix);
}

}  // namespace

std::vector<filesystem::path> token_paths(const std::vector<std::string>& arguments, TokenFormat format) {
    std::vector<filesystem::path> paths;
    std::set<filesystem::path> of_indices;  // those that an .idx stood for
    const bool may_be_pair = format == TokenFormat::automatic || format == TokenFormat::megatron;
    const auto add = [&](const std::string& name) {
        const filesystem::path path(name);
        if (may_be_pair && path.extension() == ".idx") {
            const filesystem::path data = filesystem::path(path).replace_extension(".bin");
            of_indices.insert(data);
            if (std::ranges::find(paths, data) == paths.end()) paths.push_back(data);
        } else if (may_be_pair && !is_there(path) && is_there(with_suffix(name, ".idx"))) {
            paths.push_back(with_suffix(name, ".bin"));
        } else if (!of_indices.contains(path)) {
            paths.push_back(path);
        }
    };
    for (const std::string& argument : arguments) {
        const bool is_pattern = argument.find_first_of("*?[") != std::string::npos && !is_there(argument);
        for (const std::string& name : is_pattern ? matching(argument) : std::vector{argument}) add(name);
    }
    return paths;
}

}  // namespace ntpgeo
