// How a run's folder begins: new, in a folder that is empty, or anew where a start came to nothing.
#include <fmt/format.h>

#include <cerrno>
#include <climits>
#include <string>
#include <string_view>
#include <system_error>

#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "host/files/temporaries.hpp"
#include "host/run/record.hpp"
#include "host/run/run_files.hpp"
#include "host/run/run_folder.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

/// The log's line on a failure before there was anything to go on from.
constexpr std::string_view failed_start = "failed before any checkpoint: ";

/// Whether nothing lies in a folder but what a killed process left, which the next one sweeps away.
bool is_free_folder(const fs::path& path) {
    std::error_code error;
    if (!fs::is_directory(path, error)) return false;
    for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error))
        if (!is_temporary_name(entry->path().filename().native())) return false;
    return !error;
}

[[noreturn]] void refuse_other_run(const fs::path& path) {
    throw InputError(fmt::format(
        "{}: holds another run; give another name, or --resume where the command has it", printable(path)));
}

/// Room for the longest name in a run's folder.
constexpr std::size_t longest_path = PATH_MAX - 64;

/// The verb that a config.json is of.
std::string command_of(const std::string& config) {
    const std::optional<ConfigFile> file = ConfigFile::parse(config);
    return file ? file->command() : "";
}

}  // namespace

bool RunFolder::may_begin_anew(const fs::path& path, const std::string& command) {
    if (!holds_run(path)) return false;
    const RunFolder folder{path};
    if (command_of(folder.config_text()) != command || folder.has_result() || folder.newest_checkpoint())
        return false;
    std::error_code ignored;
    if (command == "analyze") return !fs::exists(path / metrics_name, ignored);
    if (!fs::is_regular_file(path / log_name, ignored)) return false;
    std::string log = read_file(path / log_name);
    while (log.ends_with('\n')) log.pop_back();
    return log.find(failed_start, log.rfind('\n') + 1) != std::string::npos;
}

void RunFolder::require_free(const fs::path& path, const std::string& command) {
    if (path.empty()) throw InputError("the empty path names no folder; give the name of a new folder");
    const fs::path target = absolute_folder(path);
    if (target.native().size() > longest_path) throw_system_error(printable(path), "made", ENAMETOOLONG);
    if (holds_run(target)) {
        if (!may_begin_anew(target, command)) refuse_other_run(path);
        return;
    }
    std::error_code error;
    const bool is_there = fs::exists(target, error);
    if (error) throw_system_error(printable(path), "made", error.value());
    if (is_there && !is_free_folder(target)) {
        if (holds_run(target)) refuse_other_run(path);  // by now: another process was quicker
        throw InputError(fmt::format("{}: is there already and holds no run; give the name of a new folder",
                                     printable(path)));
    }
    if (!is_there && !fs::is_directory(folder_of(target), error))
        throw InputError(
            fmt::format("{}: the folder {} does not exist", printable(path), printable(folder_of(target))));
}

RunFolder RunFolder::create(const fs::path& path, const std::string& config,
                            const std::optional<Record>& record) {
    require_free(path, command_of(config));
    const fs::path target = absolute_folder(path);
    RunFolder folder(target);
    std::error_code ignored;
    if (fs::exists(target, ignored)) {
        folder.begin_in_place(config, record);
        return folder;
    }
    sweep_temporaries(folder_of(target));
    TemporaryFolder temporary(target);
    write_file_atomically(temporary.path() / config_name, config);
    if (record) write_file_atomically(temporary.path() / metrics_name, json_of(*record) + "\n");
    try {
        temporary.rename_to(target);
    } catch (const InputError&) {
        if (holds_run(target)) refuse_other_run(path);  // another process was quicker
        throw;
    }
    folder.lock();
    return folder;
}

/// In a folder that stays what it is: empty so far, or with a start that came to nothing.
void RunFolder::begin_in_place(const std::string& config, const std::optional<Record>& record) {
    // Another process may have been quicker, before the lock, which is then not ours to take from it, or
    // until we had it.
    const auto require_failed_start = [&] {
        if (!may_begin_anew(path_, command_of(config))) refuse_other_run(path_);
    };
    if (holds_run(path_)) {
        require_failed_start();
        lock();
        require_failed_start();
        for (const char* const name : {metrics_name, profile_name}) fs::remove(path_ / name);
        replace_config(config);
        log("begun anew, after a failure before any checkpoint");
    } else {
        AtomicFile file(path_ / config_name);
        file.write(config);
        if (!file.commit_new()) refuse_other_run(path_);
        lock();
    }
    if (record) write_file_atomically(path_ / metrics_name, json_of(*record) + "\n");
}

void RunFolder::log_failure(const std::string& line) const {
    log((has_result() || newest_checkpoint() ? "" : std::string(failed_start)) + line);
}

}  // namespace ntpgeo
