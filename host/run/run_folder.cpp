#include "host/run/run_folder.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/run/record.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

constexpr const char* config_name = "config.json";
constexpr const char* metrics_name = "metrics.jsonl";
constexpr const char* log_name = "log.txt";

[[noreturn]] void fail(const fs::path& path, const char* what) {
    throw Failure(fmt::format("{}: cannot be {}: {}", printable(path), what, system_reason(errno)));
}

FileDescriptor open_for_appending(const fs::path& path) {
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file.is_open()) fail(path, "opened");
    return file;
}

void append(const FileDescriptor& file, const fs::path& path, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) fail(path, "written");
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

// Absolute, and without a slash at its end.
fs::path whole_path(const fs::path& path) {
    const fs::path whole = fs::absolute(path).lexically_normal();
    return whole.has_filename() ? whole : whole.parent_path();
}

}  // namespace

bool RunFolder::holds_run(const fs::path& path) {
    std::error_code ignored;
    return !path.empty() && fs::is_regular_file(path / config_name, ignored);
}

void RunFolder::require_free(const fs::path& path) {
    if (path.empty()) throw InputError("the empty path names no folder; give the name of a new folder");
    std::error_code error;
    const fs::path target = whole_path(path);
    if (holds_run(target))
        throw InputError(
            fmt::format("{}: holds another run; give another name, or --resume where the command has it",
                        printable(path)));
    if (fs::exists(target, error) && !(fs::is_directory(target, error) && fs::is_empty(target, error)))
        throw InputError(fmt::format("{}: is there already and holds no run; give the name of a new folder",
                                     printable(path)));
    if (!fs::is_directory(target.parent_path(), error))
        throw InputError(fmt::format("{}: the folder {} does not exist", printable(path),
                                     printable(target.parent_path())));
}

RunFolder RunFolder::create(const fs::path& path, const std::string& config,
                            const std::optional<Record>& record) {
    require_free(path);
    const fs::path target = whole_path(path);
    TemporaryFolder::sweep(target.parent_path());
    TemporaryFolder temporary(target);
    write_file_atomically(temporary.path() / config_name, config);
    if (record) write_file_atomically(temporary.path() / metrics_name, json_of(*record) + "\n");
    temporary.rename_to(target);
    return RunFolder(target);
}

RunFolder RunFolder::open(const fs::path& path) {
    if (!holds_run(path))
        throw InputError(fmt::format("{}: holds no run (a folder with a {})", printable(path), config_name));
    return RunFolder(path);
}

bool RunFolder::is_own_name(const std::string& name) {
    return name == config_name || name == metrics_name || name == log_name || name.ends_with(".safetensors");
}

std::string RunFolder::config_text() const {
    return read_file(path_ / config_name);
}

ConfigFile RunFolder::config() const {
    std::optional<ConfigFile> file = ConfigFile::parse(config_text());
    if (!file) throw InputError(printable(path_ / config_name) + " is not a JSON object");
    return *std::move(file);
}

void RunFolder::replace_config(const std::string& config) const {
    write_file_atomically(path_ / config_name, config);
}

void RunFolder::lock() {
    log_ = open_for_appending(path_ / log_name);
    if (::flock(log_.get(), LOCK_EX | LOCK_NB) != 0)
        throw InputError(
            fmt::format("{}: another process is at work in it; wait for its end", printable(path_)));
    for (const auto& entry : fs::directory_iterator(path_)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(".ntpgeo-") && name.ends_with(".tmp")) fs::remove(entry.path());
    }
}

std::pair<Record, Record> RunFolder::cut_metrics(std::int64_t last, const Cadence& cadence) const {
    const fs::path file = path_ / metrics_name;
    std::pair<Record, Record> ends;
    if (!fs::exists(file)) return ends;
    const std::string text = read_file(file);
    std::string kept;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        if (end == std::string::npos) break;
        const std::string_view line = std::string_view(text).substr(begin, end + 1 - begin);
        begin = end + 1;
        const std::optional<Record> record = parse_record(line);
        const std::optional<std::int64_t> step = record ? record->integer("step") : std::nullopt;
        if (!step)
            throw InputError(
                fmt::format("{}: has a line that is no record; this run cannot go on", printable(file)));
        if (*step > last || !cadence.due(*step)) continue;
        kept += line;
        if (ends.first.empty()) ends.first = *record;
        ends.second = *record;
    }
    write_file_atomically(file, kept);
    return ends;
}

std::int64_t RunFolder::keep_metrics(std::int64_t count) const {
    const fs::path file = path_ / metrics_name;
    if (!fs::exists(file)) return 0;
    const std::string text = read_file(file);
    std::int64_t kept = 0;
    std::size_t end = 0;
    for (; kept < count; ++kept) {
        const std::size_t next = text.find('\n', end);
        if (next == std::string::npos) break;
        end = next + 1;
    }
    write_file_atomically(file, std::string_view(text).substr(0, end));
    return kept;
}

void RunFolder::append_metrics(const Record& record) const {
    const fs::path file = path_ / metrics_name;
    append(open_for_appending(file), file, json_of(record) + "\n");
}

std::vector<fs::path> RunFolder::checkpoints() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(path_)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("checkpoint-") && name.ends_with(".safetensors")) files.push_back(entry.path());
    }
    std::sort(files.rbegin(), files.rend());  // step numbers have a fixed width
    return files;
}

std::optional<fs::path> RunFolder::newest_checkpoint() const {
    const auto files = checkpoints();
    if (files.empty()) return std::nullopt;
    return files.front();
}

void RunFolder::read_newest_checkpoint(const FileReader& read) {
    const std::string remedy = "no checkpoint is left: put a whole one back, or remove them to begin again";
    const auto say = [&](const std::string& line) {
        log(line);
        fmt::print(stderr, "note: {}\n", line);
    };
    // The folder is locked: no checkpoint goes away.
    const std::optional<std::vector<DamagedFile>> passed_over =
        read_newest_whole(checkpoints(), read, remedy);
    for (const DamagedFile& file : passed_over.value()) {
        damaged_.push_back(file.path);
        say(file.text() + "; the run goes on from the checkpoint before it");
    }
    if (const auto result = read_if_whole(path_ / "result.safetensors", [](auto&...) {}))
        say(result->text() + "; the run makes it again");
}

void RunFolder::flush_metrics() const {
    const fs::path metrics = path_ / metrics_name;
    if (const FileDescriptor file = open_for_appending(metrics); ::fsync(file.get()) != 0)
        fail(metrics, "flushed");
}

fs::path RunFolder::checkpoint_path(std::int64_t number) const {
    return path_ / fmt::format("checkpoint-{:012}.safetensors", number);
}

void RunFolder::drop_old_checkpoints(const fs::path& written, std::int64_t keep) {
    for (const fs::path& file : damaged_)
        if (file != written) fs::remove(file);
    damaged_.clear();
    const auto files = checkpoints();
    for (auto i = static_cast<std::size_t>(keep); i < files.size(); ++i) fs::remove(files[i]);
}

void RunFolder::write_checkpoint(std::int64_t number, const std::vector<TensorToWrite>& tensors,
                                 const std::map<std::string, std::string>& metadata, std::int64_t keep) {
    flush_metrics();
    write_safetensors(checkpoint_path(number), tensors, with_checksums(tensors, metadata));
    drop_old_checkpoints(checkpoint_path(number), keep);
}

void RunFolder::write_checkpoint(const TrainerState& state, double elapsed, std::int64_t keep) {
    flush_metrics();
    auto metadata = position_metadata(state.position);
    metadata["format"] = "ntpgeo.checkpoint.1";
    metadata["elapsed_s"] = fmt::format("{}", elapsed);
    write_state(checkpoint_path(state.position.step), state.tensors, metadata);
    drop_old_checkpoints(checkpoint_path(state.position.step), keep);
}

void RunFolder::write_result(const std::vector<StateTensor>& tensors, const Position& position) const {
    auto metadata = position_metadata(position);
    metadata["format"] = "ntpgeo.result.1";
    write_state(path_ / "result.safetensors", tensors, metadata);
}

std::optional<Position> RunFolder::result() const {
    std::optional<Position> position;
    read_if_whole(path_ / "result.safetensors", [&](const fs::path& path, const SafetensorsFile& file) {
        position = read_state_header(file, path).position;
    });
    return position;
}

void RunFolder::log(const std::string& line) const {
    const std::time_t now = std::time(nullptr);
    append(log_, path_ / log_name, fmt::format("{:%Y-%m-%d %H:%M:%S} {}\n", fmt::localtime(now), line));
}

}  // namespace ntpgeo
