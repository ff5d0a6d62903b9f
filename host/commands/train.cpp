// ntpgeo train DS -o RUN (design 2.1)
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "host/commands/commands.hpp"
#include "host/commands/option_checks.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/run/config_names.hpp"
#include "host/run/device.hpp"
#include "host/run/training_run.hpp"
#include "kernels/status.hpp"

namespace ntpgeo {
namespace {

/// The flags as given; what is left out is empty.
struct TrainOptions {
    std::optional<std::string> dataset, config_file;
    std::string output;
    bool resume = false;
    std::optional<std::int64_t> dim, warmup, steps, history, checkpoint_every, keep_checkpoints;
    std::optional<std::uint64_t> seed;
    std::optional<double> rate, beta1, beta2, epsilon, init_scale, checkpoint_seconds;
    std::optional<std::string> optimizer, schedule, lambda, precision, master, device, metrics_every,
        metrics_precision;
};

template <class T>
void overlay(const std::optional<T>& flag, T& setting) {
    if (flag) setting = *flag;
}

/// Flags over the configuration they start from.
void apply(const TrainOptions& options, RunConfig& config) {
    TrainingSettings& training = config.training;
    Stage& stage = training.stage;
    if (options.optimizer) {
        const OptimizerKind kind = parse_optimizer(*options.optimizer);
        // lbfgs counts its trial steps from 1, the others from 0.01; a change of optimizer takes its own
        // default along.
        if (kind != stage.optimizer)
            stage.learning_rate = kind == OptimizerKind::lbfgs ? 1 : Stage{}.learning_rate;
        stage.optimizer = kind;
    }
    overlay(options.dim, training.dim);
    overlay(options.seed, training.seed);
    overlay(options.init_scale, training.init_scale);
    overlay(options.steps, stage.steps);
    overlay(options.rate, stage.learning_rate);
    overlay(options.warmup, stage.warmup);
    overlay(options.beta1, stage.beta1);
    overlay(options.beta2, stage.beta2);
    overlay(options.epsilon, stage.epsilon);
    overlay(options.history, stage.history);
    overlay(options.device, config.device);
    overlay(options.checkpoint_every, config.checkpoint_every);
    overlay(options.checkpoint_seconds, config.checkpoint_seconds);
    overlay(options.keep_checkpoints, config.keep_checkpoints);
    if (options.schedule) stage.schedule = parse_schedule(*options.schedule);
    if (options.lambda) parse_lambda(*options.lambda, stage);
    if (options.master) training.master = parse_master(*options.master);
    if (options.metrics_every) config.metrics_every = Cadence::parse(*options.metrics_every);
    if (options.metrics_precision) config.metrics_fp64 = parse_metrics_precision(*options.metrics_precision);
    if (options.precision) {
        config.precision_auto = *options.precision == "auto";
        if (!config.precision_auto) stage.precision = parse_precision(*options.precision);
    }
    const bool adam = stage.optimizer == OptimizerKind::adam, lbfgs = stage.optimizer == OptimizerKind::lbfgs;
    const auto only_for = [](bool given, bool right, const char* flag, const char* optimizer) {
        if (given && !right)
            throw InputError(fmt::format("{}: belongs to the optimizer {}; leave it out", flag, optimizer));
    };
    only_for(options.beta1.has_value(), adam, "beta1", "adam");
    only_for(options.beta2.has_value(), adam, "beta2", "adam");
    only_for(options.epsilon.has_value(), adam, "epsilon", "adam");
    only_for(options.history.has_value(), lbfgs, "history", "lbfgs");
    check(config);
}

RunConfig configuration(const TrainOptions& options, const std::string& stored) {
    RunConfig config;
    if (options.config_file)
        config = config_from_json(read_file(*options.config_file),
                                  printable(std::string_view(*options.config_file)));
    else if (!stored.empty())
        config = config_from_json(stored, printable(std::filesystem::path(options.output) / "config.json"));
    if (options.dataset) config.dataset = {*options.dataset, ""};
    if (config.dataset.path.empty())
        throw InputError("train: no data set is given; name one: ntpgeo train DS -o RUN");
    config.dataset.path = std::filesystem::absolute(config.dataset.path).lexically_normal().string();
    apply(options, config);
    return config;
}

/// Reads the data set and knows it again by its hash, where the configuration names one.
Dataset load_dataset(RunConfig& config) {
    const std::string hash = content_hash(config.dataset.path);
    if (!config.dataset.hash.empty() && hash != config.dataset.hash)
        throw InputError(fmt::format(
            "{}: has changed since the configuration was written (its hash is another); name the data "
            "set to use it all the same",
            printable(std::string_view(config.dataset.path))));
    config.dataset.hash = hash;
    return read_dataset(config.dataset.path);
}

void print_summary(const RunSummary& summary, const RunFolder& folder) {
    const std::string where = printable(folder.path());
    if (summary.was_finished) {
        fmt::print("{}: finished already, at step {}\n", where, summary.step);
        return;
    }
    const auto number = [&](const char* key) {
        const auto& value = summary.last[key];
        return value.is_number() ? fmt::format("{:.6g}", value.get<double>())
                                 : std::string("does not exist here");
    };
    if (summary.at_noise_floor)
        fmt::print("noise floor         step {}: no step lowers the objective any more in this precision\n",
                   summary.step);
    fmt::print("steps               {}\n", summary.step);
    fmt::print("loss                {}\n", number("loss"));
    fmt::print("excess loss         {}\n", number("excess_loss"));
    fmt::print("sparse norm         {}\n", number("sparse_norm"));
    fmt::print("low-rank norm       {}\n", number("low_rank_norm"));
    fmt::print("dominance           {}\n", number("dominance"));
    fmt::print("in-support error    {}\n", number("in_support_error"));
    fmt::print("alignment, proxy    {}\n", number("alignment_proxy"));
    fmt::print("collapse            {}\n", number("collapse"));
    fmt::print("run                 {}\n", where);
}

void train(const TrainOptions& options) {
    const std::filesystem::path output = options.output;
    const bool going_on = options.resume && RunFolder::holds_run(output);
    if (!going_on) {
        RunConfig config = configuration(options, "");
        config.device = resolve_device(config.device);
        RunFolder::require_free(output);
        const Dataset dataset = load_dataset(config);
        resolve(config, dataset);
        RunFolder folder = RunFolder::create(output, to_json(config, dataset));
        folder.lock();
        print_summary(run_training(folder, config, dataset), folder);
        return;
    }
    RunFolder folder = RunFolder::open(output);
    const auto read_stored = [&] {
        return config_from_json(folder.config_text(), printable(output / "config.json"));
    };
    read_stored();  // a folder of another kind is refused before the lock leaves a file in it
    folder.lock();
    const RunConfig stored = read_stored();
    RunConfig config = configuration(options, folder.config_text());
    const Dataset dataset = load_dataset(config);
    resolve(config, dataset);
    if (const std::string difference = first_difference(stored, config); !difference.empty())
        throw InputError(fmt::format(
            "{}: cannot be resumed with another setting of {}; leave the flag out, or give a new name",
            printable(output), difference));
    config.dataset.path = stored.dataset.path;
    if (config.training.stage.steps > stored.training.stage.steps)
        folder.replace_config(to_json(config, dataset));
    print_summary(run_training(folder, config, dataset), folder);
}

void add_options(CLI::App& command, TrainOptions& options) {
    command.add_option("DS", options.dataset, "The data set, a .safetensors file that ntpgeo data wrote");
    command.add_option("-o,--output", options.output, "The run's folder, made new")->required();
    command.add_flag("--resume", options.resume,
                     "Go on with the run in the folder, at its newest checkpoint");
    command.add_option("--config", options.config_file,
                       "Settings from a JSON file, RUN/config.json say; flags override");
    command.add_option("--dim", options.dim, "Embedding dimension d (64)")->check(whole_number(1));
    command.add_option("--optimizer", options.optimizer, "gd, adam (default) or lbfgs");
    command
        .add_option("--lr", options.rate,
                    "Learning rate (0.01); lbfgs: first trial step of each line search (1)")
        ->check(positive_number());
    command.add_option("--lr-schedule", options.schedule, "constant (default), cosine or inverse-sqrt");
    command.add_option("--warmup", options.warmup, "Updates over which the rate rises linearly (0)")
        ->check(whole_number(0));
    command.add_option("--steps", options.steps, "Updates in all (2000)")->check(whole_number(0));
    command.add_option("--beta1", options.beta1, "Adam's decay of the first moment (0.9)")
        ->check(non_negative_number());
    command.add_option("--beta2", options.beta2, "Adam's decay of the second moment (0.999)")
        ->check(non_negative_number());
    command
        .add_option("--epsilon", options.epsilon,
                    "Adam's epsilon (1e-15: rare contexts have gradients far below 1e-8)")
        ->check(positive_number());
    command.add_option("--history", options.history, "Pairs that lbfgs keeps (10)")->check(whole_number(1));
    command.add_option("--lambda", options.lambda, "Ridge term X, or HI:LO for a geometric decay (0)");
    command.add_option("--precision", options.precision,
                       "Of the three large products: auto (default), fp32 or fp64");
    command.add_option("--master", options.master, "Of parameters, state and sums: fp64 (default) or fp32");
    command.add_option("--device", options.device, "auto (default), cpu or cuda[:i]");
    command.add_option("--seed", options.seed, "Seed of the initial values (0)")->check(whole_number(0));
    command.add_option("--init-scale", options.init_scale, "Initial entries are N(0, S^2/d) (1)")
        ->check(non_negative_number());
    command.add_option("--metrics-every", options.metrics_every,
                       "Records: every N steps, or log:PER_DECADE (log:20)");
    command.add_option("--metrics-precision", options.metrics_precision,
                       "fp64 (default), or same as the products");
    command
        .add_option("--checkpoint-every", options.checkpoint_every,
                    "Steps between checkpoints (by time alone)")
        ->check(whole_number(1));
    command
        .add_option("--checkpoint-seconds", options.checkpoint_seconds, "Seconds between checkpoints (60)")
        ->check(positive_number());
    command.add_option("--keep-checkpoints", options.keep_checkpoints, "Newest checkpoints kept (2)")
        ->check(whole_number(1));
}

}  // namespace

void add_train_command(CLI::App& app) {
    auto options = std::make_shared<TrainOptions>();
    CLI::App* command =
        app.add_subcommand("train", "Train W and H on a data set and record the geometry on the way");
    add_options(*command, *options);
    refuse_until_later(*command,
                       {"--momentum", "--freeze", "--kernel", "--limit", "--certify-every", "--dry-run"});
    command->callback([options] { train(*options); });
}

}  // namespace ntpgeo
