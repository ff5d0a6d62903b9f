// ntpgeo train DS -o RUN (design 2.1)
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/runs/record_cost.hpp"
#include "engine/settings/parse_number.hpp"
#include "host/commands/call_flags.hpp"
#include "host/commands/commands.hpp"
#include "host/commands/setting_flags.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "host/ranks/ranks.hpp"
#include "host/ranks/shares.hpp"
#include "host/run/rehearsal.hpp"
#include "host/run/run_inputs.hpp"
#include "host/run/runs.hpp"
#include "host/run/shared_run.hpp"
#include "host/terminal/interruption.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// The flags as given; what is left out is empty.
struct TrainOptions {
    std::optional<std::string> dataset, config_file, output, limit;
    std::optional<std::int64_t> profile;
    bool resume = false, dry_run = false;
    CallFlags call;
    SettingFlags settings;
    RunSettings defaults;  ///< what the help says, and where numbers are tried
};

/// --limit stands in the help between the settings of the records and those of certificates.
constexpr int last_place_before_limit = 8;

void apply_steps(std::int64_t steps, bool going_on, TrainingSettings& training) {
    std::vector<Stage>& stages = training.stages;
    if (stages.size() == 1) {
        stages[0].steps = steps;
        return;
    }
    if (!going_on)
        throw InputError(
            fmt::format("steps: the configuration has {} stages with steps of their own; change them there",
                        stages.size()));
    const std::int64_t before = training.steps() - stages.back().steps;
    if (steps < before)
        throw InputError(
            fmt::format("steps: {} are fewer than the {} of the stages before the last", steps, before));
    stages.back().steps = steps - before;
}

/// Refuses a flag that means nothing to any stage.
void require_owner(const SettingFlags& flags, std::vector<Stage>& stages) {
    for (const Setting& setting : settings_of(stages[0])) {
        const auto owns = [&](Stage& stage) {
            const std::vector<Setting> own = settings_of(stage);
            return std::any_of(own.begin(), own.end(),
                               [&](const Setting& one) { return one.name == setting.name && one.owned; });
        };
        if (flags.text(setting.name) && std::none_of(stages.begin(), stages.end(), owns))
            throw InputError(fmt::format("{}: {}", flag_name(setting), whose_it_is(setting)));
    }
}

/// Flags over the configuration they start from.
void apply(const SettingFlags& flags, bool going_on, RunConfig& config) {
    std::vector<Stage>& stages = config.training.stages;
    for (Stage& stage : stages) {
        const std::int64_t steps = stage.steps;
        flags.apply(settings_of(stage));
        stage.steps = steps;  // they are of the whole run
    }
    if (const auto& given = flags.text("steps")) {
        std::int64_t steps = 0;
        parse_number(*given, steps);
        apply_steps(steps, going_on, config.training);
    }
    require_owner(flags, stages);
    flags.apply(settings_of(config));
    check(config);
}

void add_train_options(Command& verb, TrainOptions& options) {
    verb.add_option("DS", options.dataset, "The data set, a .safetensors file that ntpgeo data wrote");
    verb.add_option("-o,--output", options.output, "The run's folder, made new");
    verb.add_flag("--resume", options.resume, "Go on with the run in the folder, at its newest checkpoint");
    options.call.add(verb);
    verb.add_option("--config", options.config_file,
                    "Settings from a JSON file, RUN/config.json say; flags override, in every stage");
    verb.add_flag("--dry-run", options.dry_run,
                  "Write nothing; say where memory would go and time a step (-o may be left out)");
    verb.add_option("--profile", options.profile,
                    "Measure what the parts of N updates of this call take, from its third on, one after the "
                    "other: a table in log.txt, and profile.json",
                    {.type_name = "N", .check = whole_number(1)});
    std::vector<Setting> settings = settings_of(options.defaults);
    for (Setting& setting : settings_of(options.defaults.training.stages[0]))
        settings.push_back(std::move(setting));
    const auto checked = SettingFlags::Checked::numbers;
    options.settings.add(verb, settings, checked, 0, last_place_before_limit);
    verb.add_option("--limit", options.limit,
                    "The folder that ntpgeo limit made of this data set: record alignment with L_mm");
    options.settings.add(verb, settings, checked, last_place_before_limit + 1);
}

/// The configuration that the flags make, checked: over that of --config, else over `stored`, the text of the
/// run's own config.json, else over the defaults. A flag that is a stage's setting holds for every stage; one
/// that belongs to an optimizer, for those that use it. `--steps` is the number of updates in all: of the one
/// stage, or, where a run of several goes on, with the difference made by its last stage. Throws InputError.
RunConfig train_configuration(const TrainOptions& options, const std::string& stored) {
    RunConfig config;
    if (options.config_file)
        config =
            read_config(read_file(*options.config_file), printable(std::string_view(*options.config_file)));
    else if (!stored.empty())
        config = read_config(stored,
                             printable(std::filesystem::path(options.output.value_or("")) / "config.json"));
    if (options.dataset) config.dataset = {*options.dataset, ""};
    if (config.dataset.path.empty())
        throw InputError(
            options.resume && options.output
                ? fmt::format("train: {} holds no run to resume, and no data set is given to start one",
                              printable(std::filesystem::path(*options.output)))
                : "train: no data set is given; name one: ntpgeo train DS -o RUN");
    config.dataset.path = absolute_path(config.dataset.path);
    if (options.limit) config.limit = limit_reference(options.limit);
    apply(options.settings, !stored.empty(), config);
    return config;
}

RunVerb<RunConfig> verb_of(const TrainOptions& options, const Ranks& ranks) {
    const auto begun = std::make_shared<bool>(false);
    return {
        .command = "train",
        .configure =
            [&options, &ranks, begun](const std::string& stored) {
                *begun = !stored.empty();
                RunConfig config = train_configuration(options, stored);
                config.device = device_of_ranks(config.device, ranks);
                return config;
            },
        .read = read_config,
        .is_finished = [](const RunFolder& folder,
                          const RunConfig& config) { return finished_training(folder, config).has_value(); },
        .settle =
            [&ranks, begun](RunConfig& config, const Dataset& dataset, const Backend& backend) {
                require_shards_of_begun(*begun, config.shards, ranks);
                config.shards = settled_shards(config.shards, dataset, ranks);
                settle(config, dataset, backend);
            },
        .changed_since_begun =
            "the run was made (its hash is another); only the data set it was made of goes on",
        .changed_since_written =
            "the configuration was written (its hash is another); name the data set to use it all the same",
        .leave_out = "leave the flag out",
        .locks_first = true,
    };
}

void print_summary(const RunSummary& summary, const std::filesystem::path& folder) {
    const std::string where = printable(folder);
    if (summary.was_finished) {
        fmt::print("{}: finished already, at step {}\n", where, summary.position.step);
        return;
    }
    const auto number = [&](const char* key) {
        const std::optional<double> value = summary.last.number(key);
        return value ? fmt::format("{:.6g}", *value) : std::string("does not exist here");
    };
    if (summary.position.at_noise_floor && summary.at_rest.empty())
        fmt::print("noise floor         step {}: no step lowers the objective any more in this precision\n",
                   summary.position.step);
    if (!summary.at_rest.empty())
        fmt::print("zero gradient       step {}: {}\n", summary.position.step, summary.at_rest);
    fmt::print("steps               {}\n", summary.position.step);
    fmt::print("loss                {}\n", number("loss"));
    fmt::print("excess loss         {}\n", number("excess_loss"));
    fmt::print("sparse norm         {}\n", number("sparse_norm"));
    fmt::print("low-rank norm       {}\n", number("low_rank_norm"));
    fmt::print("dominance           {}\n", number("dominance"));
    fmt::print("in-support error    {}\n", number("in_support_error"));
    fmt::print("alignment, proxy    {}\n", number("alignment_proxy"));
    if (summary.last.number("alignment_limit"))
        fmt::print("alignment, L_mm     {}\n", number("alignment_limit"));
    fmt::print("collapse            {}\n", number("collapse"));
    fmt::print("run                 {}\n", where);
}

void train(const TrainOptions& options) {
    if (options.dry_run && options.profile)
        throw InputError("--profile: a dry run makes no updates to measure; leave it or --dry-run out");
    const Ranks ranks = Ranks::join(options.call.settings().rank_timeout, options.output);
    const InterruptGuard guard(options.call.settings().time_limit);
    OpenRun<RunConfig> run;
    const auto open = [&] {
        run = open_run(verb_of(options, ranks), options.output, options.resume, options.dry_run);
        const std::int64_t limit_rank = run.limit ? run.limit->rank : 0;
        if (options.dry_run) return rehearse(run.config, run.dataset, *run.backend, limit_rank);
        // The plan is a bound, and a run that it refuses may well fit: only the host's memory, whose end is a
        // kill, is guarded by it. A GPU that has no more says so, and leaves a checkpoint.
        if (run.backend && run.config.device == "cpu" && ranks.size() == 1)
            require_room(run.config, run.dataset, *run.backend, limit_rank);
        InterruptGuard::take_stop_signals();
        if (run.stored && run.config.training != run.stored->training)
            run.folder().replace_config(config_text(run.config, run.dataset));
    };
    ranks.at_first(open);
    if (options.dry_run) return;
    if (share_run(ranks, run, read_config)) {
        shared_folder(ranks, run);
        InterruptGuard::take_stop_signals();
    } else if (!ranks.is_first()) {
        return;
    }
    const RunSummary summary = run_training(run, ranks, options.profile.value_or(0));
    if (ranks.is_first()) print_summary(summary, run.folder().path());
}

}  // namespace

void add_train_command(Command& program) {
    auto options = std::make_shared<TrainOptions>();
    Command verb =
        program.add_command("train", "Train W and H on a data set and record the geometry on the way");
    add_train_options(verb, *options);
    verb.on_call_of_ranks([options] { train(*options); });
}

}  // namespace ntpgeo
