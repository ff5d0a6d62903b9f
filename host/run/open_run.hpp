// How a run begins or goes on, once for every verb that has runs: the checks in their order, the inputs, the
// folder and its lock. A verb brings its settings (a configuration, read and compared), and a body.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "engine/geometry/limit_geometry.hpp"
#include "engine/machine/device.hpp"
#include "host/files/file_error.hpp"
#include "host/run/run_folder.hpp"
#include "host/run/run_inputs.hpp"
#include "host/terminal/interruption.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

/// What opening has to know of a verb. Config is RunInputs and has a `device`; there are
/// `first_difference(stored, wanted)`, the first setting by which two differ, and
/// `config_text(config, dataset)`, the bytes of its config.json.
template <class Config>
struct RunVerb {
    std::string command;
    /// The configuration that the command line makes: over `stored`, the text of the run's own config.json,
    /// or over the defaults where that is "". Throws InputError.
    std::function<Config(const std::string& stored)> configure;
    /// Reads the run's own config.json, `where` naming it. Throws InputError where it is another verb's.
    std::function<Config(const std::string& text, const std::string& where)> read;
    /// Whether the folder holds all that the configuration asks for.
    std::function<bool(const RunFolder&, const Config&)> is_finished;
    /// Settles what depends on the device and on the data set. Throws InputError where it cannot be had.
    std::function<void(Config&, const Dataset&, const Backend&)> settle = [](auto&...) {};
    /// Whether the CPU takes a device that was left open (`auto`), GPU or not.
    std::function<bool(const Dataset&)> suits_cpu = [](const Dataset&) { return false; };
    std::string changed_since_begun;    ///< the end of "DS: has changed since …" of a run that goes on
    std::string changed_since_written;  ///< of a new one, whose configuration names a hash
    std::string leave_out;              ///< "leave the flag out"
    bool locks_first = false;           ///< a run that goes on may rewrite its configuration
};

/// A run whose arguments are checked and whose inputs are read. A new run's folder is made when it is first
/// asked for, after everything else has been found right.
template <class Config>
class OpenRun {
  public:
    OpenRun() = default;
    /// A new run of what is there already.
    OpenRun(Config settings, Dataset data, std::optional<LimitFactors> of_limit, std::filesystem::path output)
        : config(std::move(settings)),
          dataset(std::move(data)),
          limit(std::move(of_limit)),
          backend(make_backend(config.device)),
          output_(std::move(output)) {}

    Config config;
    std::optional<Config> stored;  ///< of a run that goes on
    Dataset dataset;
    std::optional<LimitFactors> limit;
    std::unique_ptr<Backend> backend;  ///< null where `finished` was found without the inputs

    /// The folder, locked.
    RunFolder& folder() {
        if (!folder_) folder_ = RunFolder::create(output_, config_text(config, dataset));
        return *folder_;
    }
    /// The folder of a run that another rank has opened, and locked, so far.
    void follow() { folder_ = RunFolder::follow(output_); }
    /// Lets `body` do the work. What it fails by is left in the log of its folder, where there is one by
    /// then. Where the device had no memory left or is lost, the Failure says where the run can go on.
    template <class Body>
    auto recording_failure(const Body& body) {
        try {
            return body();
        } catch (const Interrupted&) {
            throw;
        } catch (const InputError& error) {
            if (!stored) record_failure(error.what());  // a run that cannot go on is left as it is
            throw;
        } catch (const OutOfDeviceMemory& error) {
            fail(error.what() + where_to_go_on());
        } catch (const LostDevice& error) {
            fail(error.what() + where_to_go_on());
        } catch (const std::bad_alloc&) {
            record_failure("out of memory");
            throw;
        } catch (const std::exception& error) {
            record_failure(error.what());
            throw;
        }
    }
    /// Whether there is nothing left to do.
    [[nodiscard]] bool is_finished() const { return folder_ && finished_ && finished_(*folder_, config); }
    [[nodiscard]] const std::filesystem::path& output() const { return output_; }

  private:
    [[noreturn]] void fail(const std::string& message) const {
        record_failure(message);
        throw Failure(message);
    }
    [[nodiscard]] std::string where_to_go_on() const {
        if (!folder_) return "";
        return fmt::format("; {}; {}", folder_->last_good_checkpoint(),
                           folder_->newest_checkpoint()
                               ? fmt::format("go on with: ntpgeo {} -o {} --resume",
                                             folder_->config().command(), printable(folder_->path()))
                               : std::string("give the same command again"));
    }
    void record_failure(const std::string& message) const {
        try {
            if (folder_) folder_->log_failure(message);
        } catch (
            const std::exception&) {  // NOLINT(bugprone-empty-catch): a full disk may be what there is to say
        }
    }

    template <class C>
    friend OpenRun<C> open_run(const RunVerb<C>&, const std::optional<std::string>&, bool, bool);

    std::filesystem::path output_;
    std::optional<RunFolder> folder_;
    std::function<bool(const RunFolder&, const Config&)> finished_;
};

/// Lets `work` go on. Where it runs out of device memory, `save` writes what it has left as a checkpoint, if
/// it can.
template <class Work, class Save>
auto saving_where_memory_ends(const RunFolder& folder, const Work& work, const Save& save) {
    try {
        return work();
    } catch (const OutOfDeviceMemory&) {
        try {
            save();
        } catch (const std::exception& error) {
            folder.log(std::string("no checkpoint of this state: ") + error.what());
        }
        throw;
    }
}

/// Whether --resume finds a run in the folder to go on with; where there is none it begins one.
inline bool goes_on(const std::optional<std::string>& output, bool resume) {
    return resume && output && RunFolder::holds_run(*output);
}

/// Opens the run of a verb in `output`. One that goes on must be of the verb, its data set and limit of the
/// same contents as before, and its settings the same (a start that came to nothing begins anew where they
/// are not); a finished one is opened where its inputs are gone, too, without them. For a rehearsal the
/// folder may be missing, and is neither locked nor made. Throws InputError, before anything is written.
template <class Config>
OpenRun<Config> open_run(const RunVerb<Config>& verb, const std::optional<std::string>& output, bool resume,
                         bool rehearsal = false) {
    if (!output && !rehearsal)
        throw InputError(verb.command + ": --output is missing; name the run's folder: -o RUN");
    OpenRun<Config> run;
    run.output_ = output.value_or("");
    run.finished_ = verb.is_finished;
    std::optional<Config>& stored = run.stored;
    Config& config = run.config;
    if (goes_on(output, resume)) {
        run.folder_ = RunFolder::open(*output);
        const std::string where = printable(run.output_ / "config.json");
        stored = verb.read(run.folder_->config_text(), where);
        if (verb.locks_first && !rehearsal) {  // a folder of another kind was refused before a lock is in it
            run.folder_->lock();
            stored = verb.read(run.folder_->config_text(), where);
        }
    }
    config = verb.configure(stored ? run.folder_->config_text() : "");
    if (stored && !rehearsal && are_gone(config) && first_difference(*stored, config).empty() &&
        run.is_finished())
        return run;
    const bool open_device = config.device == "auto";
    config.device = resolve_device(config.device);
    if (output && !stored) RunFolder::require_free(*output, verb.command);
    run.dataset =
        read_known_dataset(config.dataset, stored ? verb.changed_since_begun : verb.changed_since_written);
    if (open_device && verb.suits_cpu(run.dataset)) config.device = "cpu";
    run.backend = make_backend(config.device);
    verb.settle(config, run.dataset, *run.backend);
    if (stored && same_contents(stored->dataset.hash, config.dataset))
        stored->dataset.hash = config.dataset.hash;
    // A limit is of one data set: where that is another, it is the difference to name.
    if (!stored || config.dataset.hash == stored->dataset.hash)
        run.limit = load_limit(config.limit, run.dataset, config.dataset);
    if (!stored) return run;
    if (const std::string difference = first_difference(*stored, config); !difference.empty()) {
        if (!rehearsal && RunFolder::may_begin_anew(*output, verb.command)) {
            stored.reset();
            run.folder_.reset();
            return run;
        }
        throw InputError(
            fmt::format("{}: cannot be resumed with another setting of {}; {}, or give a new name",
                        printable(run.output_), difference, verb.leave_out));
    }
    config.dataset.path = stored->dataset.path;
    config.limit.path = stored->limit.path;
    if (!verb.locks_first && !rehearsal) run.folder_->lock();
    return run;
}

}  // namespace ntpgeo
