// A run's folder (design 2.2): config.json, metrics.jsonl, checkpoint-*.safetensors, result.safetensors,
// log.txt. Whatever moment a run is killed at, its folder resumes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/geometry/record.hpp"
#include "engine/training/trainer.hpp"
#include "host/files/input_file.hpp"
#include "host/files/matrix_file.hpp"
#include "host/files/safetensors.hpp"
#include "host/run/config_file.hpp"
#include "host/run/newest_whole.hpp"
#include "host/run/state_file.hpp"

namespace ntpgeo {

class RunFolder {
  public:
    /// Throws InputError where `create` would find the path taken, naming --resume where a run is there, or
    /// no folder to make it in.
    static void require_free(const std::filesystem::path& path, const std::string& command);
    /// A folder that holds `config`, the bytes of its config.json, from its first moment on, locked. A new
    /// one is made under a temporary name, then renamed (what killed processes left under such names beside
    /// it is swept away), and `record` is the first of its metrics from that moment on. An empty folder may
    /// be there already, or a start that may begin anew: what is there besides stays. Throws InputError where
    /// anything else is, naming --resume, and leaves it untouched.
    static RunFolder create(const std::filesystem::path& path, const std::string& config,
                            const std::optional<Record>& record = {});
    /// Whether `path` holds no more than a start of `command` that came to nothing: it has neither checkpoint
    /// nor result, and its log ends with its failure (or its first record was never written, of analyze).
    static bool may_begin_anew(const std::filesystem::path& path, const std::string& command);
    /// A folder that holds a run. Throws InputError where there is none.
    static RunFolder open(const std::filesystem::path& path);
    /// The folder of a run that another rank has locked: nothing is said in its log from here.
    static RunFolder follow(const std::filesystem::path& path);
    /// Whether a file of this name in a run's folder is one of those that make it up.
    static bool is_own_name(const std::string& name);
    /// Whether `path` is a folder with a config.json.
    static bool holds_run(const std::filesystem::path& path);

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::string config_text() const;
    /// Throws InputError where config.json is no JSON object.
    [[nodiscard]] ConfigFile config() const;
    void replace_config(const std::string& config) const;

    /// Takes the folder for this process for as long as this object lives, and removes what a killed process
    /// left half written. Throws InputError where another process has it.
    void lock();

    /// Keeps the records of steps ≤ `last` on the cadence and drops all others, and an unfinished last line.
    /// Returns the first and the last record that are left, empty where none is. `last` = −1 drops all.
    std::pair<Record, Record> cut_metrics(std::int64_t last, const Cadence& cadence) const;
    void append_metrics(const Record& record) const;

    /// Keeps the first `count` records and drops all others. Throws InputError where there are fewer, or
    /// where one of them is none.
    void keep_metrics(std::int64_t count) const;

    /// Writes checkpoint-NUMBER.safetensors after flushing the metrics to disk, then removes all but the
    /// newest `keep`.
    void write_checkpoint(std::int64_t number, const std::vector<TensorToWrite>& tensors,
                          const std::map<std::string, std::string>& metadata, std::int64_t keep);
    /// Writes checkpoint-STEP.safetensors after flushing the metrics to disk, then removes all but the newest
    /// `keep`.
    void write_checkpoint(const TrainerState& state, double elapsed, std::int64_t keep);
    /// The same of a state in parts, of which all are written beside the file (part_path).
    void write_index(const TrainerState& state, const PartOffsets& offsets, double elapsed,
                     std::int64_t keep);
    /// The newest checkpoint's file, if any.
    [[nodiscard]] std::optional<std::filesystem::path> newest_checkpoint() const;
    /// The end of the line of a run that fails: "the last good checkpoint is FILE", or that there is none.
    [[nodiscard]] std::string last_good_checkpoint() const;
    /// The file of the checkpoint of a number, be it there or not; their order is that of their numbers.
    [[nodiscard]] std::filesystem::path checkpoint_path(std::int64_t number) const;
    /// The checkpoints' files, the newest first.
    [[nodiscard]] std::vector<std::filesystem::path> checkpoints() const;
    /// Lets `read` take the newest checkpoint that is whole, so that the run goes on from it: where the
    /// newest is damaged, the one before it, which is said in log.txt and on stderr. The damaged ones stay
    /// until the next checkpoint is written. Nothing is read where there is none. Throws InputError where all
    /// are damaged.
    void read_newest_checkpoint(const FileReader& read);

    /// Keeps W and H as snapshot-STEP.safetensors, in fp32 where that has all of their digits, and of all
    /// such files the newest `keep`.
    void write_snapshot(std::int64_t step, const HostMatrix& words, const HostMatrix& contexts,
                        std::int64_t keep) const;

    void write_result(const std::vector<StateTensor>& tensors, const Position& position) const;
    /// Where the result stands; nullopt where there is none, and where it is damaged: it is
    /// made again then.
    [[nodiscard]] std::optional<Position> result() const;

    /// One line, with the date and time, to log.txt. The folder must be locked.
    void log(const std::string& line) const;
    /// The line of a run that ends by a failure, so that a start which came to nothing is known as one.
    void log_failure(const std::string& line) const;

  private:
    explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}
    void begin_in_place(const std::string& config, const std::optional<Record>& record);
    [[nodiscard]] bool has_result() const;
    void flush_metrics() const;
    void drop_old_checkpoints(const std::filesystem::path& written, std::int64_t keep);  // and the damaged
    /// Parts whose checkpoint has no index: it was never finished, or is gone.
    void sweep_parts() const;

    std::filesystem::path path_;
    std::vector<std::filesystem::path> damaged_;  // checkpoints that the run could not go on from
    FileDescriptor log_;                          // locked while this process has the folder
    bool follows_ = false;                        // another rank has it
};

}  // namespace ntpgeo
