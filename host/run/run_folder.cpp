#include "host/run/run_folder.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <string_view>

#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/temporaries.hpp"
#include "host/run/record.hpp"
#include "host/run/run_files.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* what) {
    throw Failure(fmt::format("{}: cannot be {}: {}", printable(path), what, system_reason(errno)));
}

FileDescriptor open_for_appending(const fs::path& path) {
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!file.is_open()) throw_system_error(printable(path), "opened", errno);
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

/// The files of a folder whose names are of a kind, the last in order first.
std::vector<fs::path> newest_first(const fs::path& folder, bool (*is_of_kind)(std::string_view)) {
    std::vector<fs::path> files;
    std::error_code error;  // of a file that goes away meanwhile
    for (const auto& entry : fs::directory_iterator(folder))
        if (is_of_kind(entry.path().filename().native()) && entry.is_regular_file(error))
            files.push_back(entry.path());
    std::sort(files.rbegin(), files.rend());  // their numbers have a fixed width
    return files;
}

std::vector<float> in_fp32(const std::vector<double>& values) {
    return {values.begin(), values.end()};
}

bool equal(const std::vector<double>& values, const std::vector<float>& rounded) {
    return std::equal(values.begin(), values.end(), rounded.begin());
}

void remove_all_but(std::int64_t keep, const std::vector<fs::path>& files) {
    for (auto i = static_cast<std::size_t>(keep); i < files.size(); ++i) fs::remove(files[i]);
}

[[noreturn]] void refuse_line(const fs::path& file) {
    throw InputError(fmt::format("{}: has a line that is no record; this run cannot go on", printable(file)));
}

}  // namespace

bool RunFolder::holds_run(const fs::path& path) {
    std::error_code ignored;
    return !path.empty() && fs::is_regular_file(path / config_name, ignored);
}

RunFolder RunFolder::open(const fs::path& path) {
    if (!holds_run(path))
        throw InputError(fmt::format("{}: holds no run (a folder with a {})", printable(path), config_name));
    return RunFolder(path);
}

bool RunFolder::is_own_name(const std::string& name) {
    return name == config_name || name == metrics_name || name == log_name || name == profile_name ||
           name.ends_with(".safetensors");
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
    sweep_temporaries(path_, false);
    sweep_parts();
}

RunFolder RunFolder::follow(const fs::path& path) {
    RunFolder folder(path);
    folder.follows_ = true;
    return folder;
}

void RunFolder::sweep_parts() const {
    std::error_code ignored;
    for (const fs::path& part : newest_first(path_, is_part_name)) {
        const std::string name = part.filename().native();
        const fs::path index = path_ / (name.substr(0, name.find('.')) + ".safetensors");
        if (!fs::exists(index, ignored)) fs::remove(part, ignored);
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
        if (!step) refuse_line(file);
        if (*step > last || !cadence.due(*step)) continue;
        kept += line;
        if (ends.first.empty()) ends.first = *record;
        ends.second = *record;
    }
    write_file_atomically(file, kept);
    return ends;
}

void RunFolder::keep_metrics(std::int64_t count) const {
    const fs::path file = path_ / metrics_name;
    if (count == 0 && !fs::exists(file)) return;
    const std::string text = read_file(file);
    std::size_t end = 0;
    for (std::int64_t kept = 0; kept < count; ++kept) {
        const std::size_t next = text.find('\n', end);
        if (next == std::string::npos)
            throw InputError(
                fmt::format("{}: has {} of the {} records that the checkpoint counts; this run cannot go on",
                            printable(file), kept, count));
        if (!parse_record(std::string_view(text).substr(end, next - end))) refuse_line(file);
        end = next + 1;
    }
    write_file_atomically(file, std::string_view(text).substr(0, end));
}

void RunFolder::append_metrics(const Record& record) const {
    const fs::path file = path_ / metrics_name;
    append(open_for_appending(file), file, json_of(record) + "\n");
}

std::vector<fs::path> RunFolder::checkpoints() const {
    return newest_first(path_, is_checkpoint_name);
}

std::optional<fs::path> RunFolder::newest_checkpoint() const {
    const auto files = checkpoints();
    if (files.empty()) return std::nullopt;
    return files.front();
}

std::string RunFolder::last_good_checkpoint() const {
    const auto good = newest_checkpoint();
    return good ? "the last good checkpoint is " + printable(*good)
                : std::string("no checkpoint had been written yet");
}

void RunFolder::read_newest_checkpoint(const FileReader& read) {
    const std::string remedy = "no checkpoint is left: put a whole one back, or remove them to begin again";
    const auto say = [&](const std::string& line) {
        if (follows_) return;
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
    if (const auto result = read_if_whole(path_ / result_name, [](auto&...) {}))
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
    remove_all_but(keep, checkpoints());
    sweep_parts();
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

void RunFolder::write_index(const TrainerState& state, const PartOffsets& offsets, double elapsed,
                            std::int64_t keep) {
    flush_metrics();
    ntpgeo::write_index(checkpoint_path(state.position.step), state, offsets, elapsed);
    drop_old_checkpoints(checkpoint_path(state.position.step), keep);
}

void RunFolder::write_snapshot(std::int64_t step, const HostMatrix& words, const HostMatrix& contexts,
                               std::int64_t keep) const {
    const std::vector<float> short_words = in_fp32(words.values), short_contexts = in_fp32(contexts.values);
    const bool keeps_digits = equal(words.values, short_words) && equal(contexts.values, short_contexts);
    const auto tensor = [&](const char* name, const HostMatrix& matrix, const std::vector<float>& rounded) {
        const std::vector<std::int64_t> shape{matrix.rows, matrix.columns};
        return keeps_digits ? tensor_to_write(name, shape, rounded)
                            : tensor_to_write(name, shape, matrix.values);
    };
    const std::vector<TensorToWrite> tensors{tensor("W", words, short_words),
                                             tensor("H", contexts, short_contexts)};
    write_safetensors(
        path_ / fmt::format("snapshot-{:012}.safetensors", step), tensors,
        with_checksums(tensors, {{"format", "ntpgeo.snapshot.1"}, {"step", std::to_string(step)}}));
    remove_all_but(keep, newest_first(path_, is_snapshot_name));
}

void RunFolder::write_result(const std::vector<StateTensor>& tensors, const Position& position) const {
    auto metadata = position_metadata(position);
    metadata["format"] = "ntpgeo.result.1";
    write_state(path_ / result_name, tensors, metadata);
}

bool RunFolder::has_result() const {
    std::error_code ignored;
    return fs::exists(path_ / result_name, ignored);
}

std::optional<Position> RunFolder::result() const {
    std::optional<Position> position;
    read_if_whole(path_ / result_name, [&](const fs::path& path, const SafetensorsFile& file) {
        position = read_state_header(file, path).position;
    });
    return position;
}

void RunFolder::log(const std::string& line) const {
    if (follows_) return;
    const std::time_t now = std::time(nullptr);
    append(log_, path_ / log_name, fmt::format("{:%Y-%m-%d %H:%M:%S} {}\n", fmt::localtime(now), line));
}

}  // namespace ntpgeo
