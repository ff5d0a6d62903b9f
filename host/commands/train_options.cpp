#include "host/commands/train_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "host/commands/option_checks.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/file_error.hpp"
#include "host/run/config_names.hpp"
#include "host/run/exact_result.hpp"
#include "host/run/stage_config.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

template <class T>
void overlay(const std::optional<T>& flag, T& setting) {
    if (flag) setting = *flag;
}

void apply_to_stage(const TrainOptions& options, Stage& stage) {
    if (options.optimizer) {
        const OptimizerKind kind = parse_optimizer(*options.optimizer);
        // A change of optimizer takes its own default rate along.
        if (kind != stage.optimizer) stage.learning_rate = default_rate(kind);
        stage.optimizer = kind;
    }
    overlay(options.rate, stage.learning_rate);
    overlay(options.warmup, stage.warmup);
    overlay(options.momentum, stage.momentum);
    overlay(options.beta1, stage.beta1);
    overlay(options.beta2, stage.beta2);
    overlay(options.epsilon, stage.epsilon);
    overlay(options.history, stage.history);
    if (options.schedule) stage.schedule = parse_schedule(*options.schedule);
    if (options.frozen) stage.frozen = parse_frozen(*options.frozen);
    if (options.lambda) parse_lambda(*options.lambda, stage);
    if (options.precision) parse_stage_precision(*options.precision, stage);
    if (options.kernel) stage.kernel = parse_kernel(*options.kernel);
}

void apply_steps(std::int64_t steps, bool going_on, std::vector<Stage>& stages) {
    if (stages.size() == 1) {
        stages[0].steps = steps;
        return;
    }
    if (!going_on)
        throw InputError(
            fmt::format("steps: the configuration has {} stages with steps of their own; change them there",
                        stages.size()));
    std::int64_t before = 0;
    for (std::size_t k = 0; k + 1 < stages.size(); ++k) before += stages[k].steps;
    if (steps < before)
        throw InputError(
            fmt::format("steps: {} are fewer than the {} of the stages before the last", steps, before));
    stages.back().steps = steps - before;
}

/// Refuses a flag that means nothing to any stage.
void require_owner(const TrainOptions& options, const std::vector<Stage>& stages) {
    const auto given = [&](const std::string& name) {
        return name == "momentum"  ? options.momentum.has_value()
               : name == "beta1"   ? options.beta1.has_value()
               : name == "beta2"   ? options.beta2.has_value()
               : name == "epsilon" ? options.epsilon.has_value()
                                   : options.history.has_value();
    };
    for (const OptimizerSetting& setting : optimizer_settings()) {
        const auto owns = [&](const Stage& stage) {
            return std::find(setting.kinds.begin(), setting.kinds.end(), stage.optimizer) !=
                   setting.kinds.end();
        };
        if (given(setting.name) && std::none_of(stages.begin(), stages.end(), owns))
            throw InputError(
                fmt::format("{}: belongs to the optimizer {}; leave it out", setting.name, setting.owners));
    }
}

/// Flags over the configuration they start from.
void apply(const TrainOptions& options, bool going_on, RunConfig& config) {
    TrainingSettings& training = config.training;
    for (Stage& stage : training.stages) apply_to_stage(options, stage);
    if (options.steps) apply_steps(*options.steps, going_on, training.stages);
    require_owner(options, training.stages);
    overlay(options.dim, training.dim);
    overlay(options.seed, training.seed);
    overlay(options.init_scale, training.init_scale);
    overlay(options.device, config.device);
    overlay(options.certify_every, config.certify_every);
    overlay(options.checkpoint_every, config.checkpoint_every);
    overlay(options.checkpoint_seconds, config.checkpoint_seconds);
    overlay(options.keep_checkpoints, config.keep_checkpoints);
    if (options.master) training.master = parse_master(*options.master);
    if (options.metrics_every) config.metrics_every = Cadence::parse(*options.metrics_every);
    if (options.metrics_precision) config.metrics_fp64 = parse_metrics_precision(*options.metrics_precision);
    check(config);
}

void add_stage_options(CLI::App& command, TrainOptions& options) {
    command.add_option("--optimizer", options.optimizer, "gd, momentum, ngd, adam (default), adamw or lbfgs");
    command
        .add_option("--lr", options.rate,
                    "Learning rate (0.01); lbfgs: first trial step of each line search (1)")
        ->check(positive_number());
    command.add_option("--lr-schedule", options.schedule, "constant (default), cosine or inverse-sqrt");
    command.add_option("--warmup", options.warmup, "Updates over which the rate rises linearly (0)")
        ->transform(whole_number(0));
    command
        .add_option("--steps", options.steps,
                    "Updates in all (2000); of several stages, only with --resume: the last one grows")
        ->transform(whole_number(0));
    command
        .add_option("--momentum", options.momentum,
                    "Of momentum, the heavy ball: what a step keeps of the last one, in [0, 1) (0.9)")
        ->check(non_negative_number());
    command.add_option("--beta1", options.beta1, "Adam's and adamw's decay of the first moment (0.9)")
        ->check(non_negative_number());
    command.add_option("--beta2", options.beta2, "Adam's and adamw's decay of the second moment (0.999)")
        ->check(non_negative_number());
    command
        .add_option("--epsilon", options.epsilon,
                    "Adam's and adamw's epsilon (1e-15: rare contexts have gradients far below 1e-8)")
        ->check(positive_number());
    command.add_option("--history", options.history, "Pairs that lbfgs keeps (10)")
        ->transform(whole_number(1));
    command.add_option("--freeze", options.frozen,
                       "Leave words (W) or contexts (H) as they are; none (default)");
    command.add_option("--lambda", options.lambda,
                       "Ridge term X, or HI:LO for a geometric decay (0); adamw: decoupled decay");
    command.add_option("--precision", options.precision,
                       "Of the three large products: auto (default), fp32 or fp64; on a GPU bf16, bf16x3 or "
                       "tf32 as well");
    command.add_option("--kernel", options.kernel,
                       "Of the loss step: auto (default: plain), plain, or epilogue, which stores no logits: "
                       "bf16 on a Hopper GPU");
}

}  // namespace

void add_train_options(CLI::App& command, TrainOptions& options) {
    command.add_option("DS", options.dataset, "The data set, a .safetensors file that ntpgeo data wrote");
    command.add_option("-o,--output", options.output, "The run's folder, made new");
    command.add_flag("--resume", options.resume,
                     "Go on with the run in the folder, at its newest checkpoint");
    command.add_option("--config", options.config_file,
                       "Settings from a JSON file, RUN/config.json say; flags override, in every stage");
    command.add_flag("--dry-run", options.dry_run,
                     "Write nothing; say where memory would go and time a step (-o may be left out)");
    command.add_option("--dim", options.dim, "Embedding dimension d (64)")->transform(whole_number(1));
    add_stage_options(command, options);
    command.add_option("--master", options.master, "Of parameters, state and sums: fp64 (default) or fp32");
    command.add_option("--device", options.device,
                       "auto (default: a GPU where there is one), cpu or cuda[:i]");
    command.add_option("--seed", options.seed, "Seed of the initial values (0)")->transform(seed_number());
    command.add_option("--init-scale", options.init_scale, "Initial entries are N(0, S^2/d) (1)")
        ->check(non_negative_number());
    command.add_option("--metrics-every", options.metrics_every,
                       "Records: every N steps, or log:PER_DECADE (log:20)");
    command.add_option("--metrics-precision", options.metrics_precision,
                       "fp64 (default), or same as the products");
    command.add_option("--limit", options.limit,
                       "The folder that ntpgeo limit made of this data set: record alignment with L_mm");
    command
        .add_option(
            "--certify-every", options.certify_every,
            "With lambda > 0: bound the distance to the global optimum in the first record of every N "
            "steps, and in the last (never)")
        ->transform(whole_number(1));
    command
        .add_option("--checkpoint-every", options.checkpoint_every,
                    "Steps between checkpoints (by time alone)")
        ->transform(whole_number(1));
    command
        .add_option("--checkpoint-seconds", options.checkpoint_seconds, "Seconds between checkpoints (60)")
        ->check(positive_number());
    command.add_option("--keep-checkpoints", options.keep_checkpoints, "Newest checkpoints kept (2)")
        ->transform(whole_number(1));
}

RunConfig train_configuration(const TrainOptions& options, const std::string& stored) {
    RunConfig config;
    if (options.config_file)
        config = config_from_json(read_file(*options.config_file),
                                  printable(std::string_view(*options.config_file)));
    else if (!stored.empty())
        config = config_from_json(
            stored, printable(std::filesystem::path(options.output.value_or("")) / "config.json"));
    if (options.dataset) config.dataset = {*options.dataset, ""};
    if (config.dataset.path.empty())
        throw InputError(
            options.resume && options.output
                ? fmt::format("train: {} holds no run to resume, and no data set is given to start one",
                              printable(std::filesystem::path(*options.output)))
                : "train: no data set is given; name one: ntpgeo train DS -o RUN");
    config.dataset.path = std::filesystem::absolute(config.dataset.path).lexically_normal().string();
    if (options.limit) config.limit = limit_reference(options.limit);
    apply(options, !stored.empty(), config);
    return config;
}

}  // namespace ntpgeo
