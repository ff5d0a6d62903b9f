#include "engine/training/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/settings/parse_number.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

using enum NumberRange;

/// Bounds that no run comes near; no sum of steps overflows.
constexpr std::int64_t most_steps = std::int64_t{1} << 50;
constexpr std::int64_t most_dim = std::int64_t{1} << 20;

/// A change of optimizer takes its own defaults along.
TextField optimizer_field(Stage& stage) {
    TextField field = name_field(stage.optimizer);
    field.set = [&stage, set = field.set](std::string_view text) {
        const OptimizerKind before = stage.optimizer;
        std::string wrong = set(text);
        if (stage.optimizer == before) return wrong;
        stage.learning_rate = row_of(stage.optimizer).rate;
        stage.momentum = row_of(stage.optimizer).beta;
        return wrong;
    };
    return field;
}

TextField precision_field(Stage& stage) {
    TextField field = name_field(stage.precision);
    field.names.insert(field.names.begin(), "auto");
    field.set = [&stage, set = field.set](std::string_view text) {
        std::string wrong = text == "auto" ? "" : set(text);
        if (wrong.empty()) stage.precision_auto = text == "auto";
        return wrong;
    };
    field.get = [&stage] { return stage.precision_auto ? "auto" : name_of(stage.precision); };
    return field;
}

TextField kernel_field(LossKernel& kernel) {
    TextField field = name_field(kernel);
    // Runs from before there was a choice name none.
    field.compared = [&kernel] {
        return name_of(kernel == LossKernel::automatic ? LossKernel::plain : kernel);
    };
    return field;
}

TextField cadence_field(Cadence& cadence) {
    TextField field;
    field.get = field.compared = [&cadence] { return cadence.text(); };
    field.set = [&cadence](std::string_view text) -> std::string {
        Cadence read{.logarithmic = text.starts_with("log:")};
        if (text == "auto")
            read = {.automatic = true};
        else if (!parse_number(text.substr(read.logarithmic ? 4 : 0), read.count) || read.count < 1)
            return "is neither auto, nor a whole number >= 1, nor log:PER_DECADE with one";
        cadence = read;
        return "";
    };
    return field;
}

bool has_own(const OptimizerRow& row, std::string_view setting) {
    return std::find(row.settings.begin(), row.settings.end(), setting) != row.settings.end();
}

/// "adam (or adamw)": the optimizers that alone have a setting; "" where all do.
std::string owners_of(std::string_view setting) {
    std::string owners;
    for (const OptimizerRow& row : optimizer_table)
        if (has_own(row, setting))
            owners += owners.empty() ? std::string(row.name) : fmt::format(" (or {})", row.name);
    return owners;
}

/// Help on β: names every optimizer that has it, and the defaults that are not the usual one.
std::string velocity_help() {
    std::string whose, others;
    for (const OptimizerRow& row : optimizer_table) {
        if (row.settings != of_velocity) continue;
        whose += fmt::format("{}{}{}", whose.empty() ? "Of " : " and of ", row.name, row.gloss);
        if (row.beta != usual_beta) others += fmt::format("; {}: {}", row.name, row.beta);
    }
    return fmt::format("{}: what a step keeps of the last one, in [0, 1) ({{default}}{})", whose, others);
}

/// Help lists the names that a setting may be given, as those of data do.
std::vector<Setting> with_choices(std::vector<Setting> settings) {
    for (Setting& setting : settings)
        if (const auto* text = std::get_if<TextField>(&setting.field); text && !text->names.empty())
            setting.metavar = choices_of(*text);
    return settings;
}

void check_stage(Stage& stage, const std::string& prefix) {
    check(settings_of(stage), prefix);
    const auto refuse = [&](const std::string& what) { throw InputError(prefix + what); };
    if (stage.batch == 0 && stage.sampling != Sampling::once)
        refuse("sampling: is that of a batch; give batch, or leave it out");
    if (stage.batch == 0) return;
    const OptimizerRow& row = row_of(stage.optimizer);
    if (row.step == nullptr || row.by_norm)
        refuse(fmt::format(
            "batch: {} needs the gradient of all contexts; leave it out, or take another optimizer",
            row.name));
    if (stage.lambda_start > 0 && row.decoupled_decay)
        refuse(fmt::format(
            "batch: the decay of {} is of all contexts; leave out lambda, or take another optimizer",
            row.name));
    if (stage.kernel == LossKernel::epilogue)
        refuse("batch: does not go with the epilogue kernel; use auto or plain");
}

}  // namespace

std::vector<Setting> settings_of(Stage& stage) {
    std::vector<Setting> all = with_choices({
        {"steps", WholeField{&stage.steps, 0, most_steps},
         "Updates in all ({default}); of several stages, only with --resume: the last one grows", 2},
        {"optimizer", optimizer_field(stage), "How a gradient moves W and H", 1},
        {"lr", NumberField{&stage.learning_rate, positive},
         fmt::format("Learning rate ({{default}}); lbfgs: first trial step of each line search ({})",
                     row_of(OptimizerKind::lbfgs).rate),
         1},
        {"lr_schedule", name_field(stage.schedule), "How the rate goes on after the warm-up", 1},
        {"warmup", WholeField{&stage.warmup}, "Updates over which the rate rises linearly ({default})", 1},
        {"lambda", DecayField{&stage.lambda_start, &stage.lambda_end},
         "Ridge term X, or HI:LO for a geometric decay ({default}); adamw: decoupled decay", 5},
        {"precision", precision_field(stage),
         "Of the three large products; bf16, bf16x3 and tf32 on a GPU alone", 5},
        {"kernel", kernel_field(stage.kernel),
         "Of the loss step; auto is plain; epilogue, which stores no logits: bf16 on a Hopper or Blackwell "
         "GPU",
         5},
        {.name = "freeze",
         .field = name_field(stage.frozen),
         .help = "Leave words (W) or contexts (H) as they are",
         .place = 4,
         .written = stage.frozen != Frozen::nothing},
        {.name = "batch",
         .field = WholeField{.value = &stage.batch, .least = 1, .or_never = true},
         .help =
             "Contexts that an update is made of (all); not with lbfgs or ngd, nor with adamw and a lambda",
         .place = 2,
         .written = stage.batch > 0},
        {.name = "sampling",
         .field = name_field(stage.sampling),
         .help = "Of a batch: each context once in an epoch, or draws by the contexts' weights",
         .place = 2,
         .written = stage.batch > 0},
        {"momentum", NumberField{&stage.momentum, fraction}, velocity_help(), 3},
        {"beta1", NumberField{&stage.beta1, fraction},
         "Adam's and adamw's decay of the first moment ({default})", 3},
        {"beta2", NumberField{&stage.beta2, fraction},
         "Adam's and adamw's decay of the second moment ({default})", 3},
        {"epsilon", NumberField{&stage.epsilon, positive},
         "Adam's and adamw's epsilon ({default}: rare contexts have gradients far below 1e-8)", 3},
        {"history", WholeField{&stage.history, 1, 1000}, "Pairs that lbfgs keeps ({default})", 3},
    });
    for (Setting& setting : all) {
        setting.owners = owners_of(setting.name);
        setting.owned = setting.owners.empty() || has_own(row_of(stage.optimizer), setting.name);
        setting.written = setting.written && setting.owned;
    }
    return all;
}

std::vector<Setting> settings_of(RunSettings& run) {
    TrainingSettings& training = run.training;
    return with_choices({
        {"dim", WholeField{&training.dim, 1, most_dim}, "Embedding dimension d ({default})", 0},
        {"seed", SeedField{&training.seed}, "Seed of the initial values ({default})", 7},
        {"init_scale", NumberField{&training.init_scale, non_negative},
         "Initial entries are N(0, S^2/d) ({default})", 7},
        {"master", name_field(training.master), "Of parameters, state and sums", 6},
        {.name = "device",
         .field = open_field(run.device),
         .help = "auto: a GPU where there is one",
         .place = 6,
         .metavar = device_choices},
        {.name = "shards",
         .field = WholeField{.value = &run.shards, .least = 1, .or_never = true},
         .help = "Virtual shards that rows and sums are cut into: any number of ranks up to it has the same "
                 "bits (16 under a launcher, else none)",
         .place = 6,
         .written = run.shards > 0},
        {.name = "sums",
         .field = name_field(run.sums),
         .help = "Of shards: in one order, or as fast as the ranks' transport adds, with other bits on other "
                 "numbers of ranks",
         .place = 6,
         .written = run.sums != SumOrder::ordered},
        {"metrics_every", cadence_field(run.metrics_every),
         "Records: every N steps, or log:PER_DECADE; auto: log:20, or so many that they take a tenth of the "
         "run at most",
         8},
        {"metrics_precision", name_field(run.metrics_fp64, {{"fp64", true}, {"same", false}}),
         "Of the figures; same: that of the products", 8},
        {"certify_every", WholeField{.value = &run.certify_every, .least = 1, .or_never = true},
         "With lambda > 0: bound the distance to the global optimum in the first record of every N steps, "
         "and "
         "in the last (never)",
         9},
        {"checkpoint_every", WholeField{.value = &run.checkpoint_every, .least = 1, .or_never = true},
         "Steps between checkpoints (by time alone)", 9},
        {"checkpoint_seconds", NumberField{&run.checkpoint_seconds, positive},
         "Seconds between checkpoints ({default})", 9},
        {"keep_checkpoints", WholeField{&run.keep_checkpoints, 1}, "Newest checkpoints kept ({default})", 9},
    });
}

void check(const RunSettings& run) {
    RunSettings settings = run;
    check(settings_of(settings), "");
    if (run.shards == 0 && run.sums != SumOrder::ordered)
        throw InputError("sums: is that of shards; give shards, or leave it out");
    std::vector<Stage>& stages = settings.training.stages;
    for (std::size_t k = 0; k < stages.size(); ++k)
        check_stage(stages[k], stage_prefix(settings.training, k));
}

std::string stage_prefix(const TrainingSettings& training, std::size_t index) {
    return training.stages.size() > 1 ? fmt::format("stage {}, ", index + 1) : "";
}

std::string whose_it_is(const Setting& setting) {
    return fmt::format("belongs to the optimizer {}; leave it out", setting.owners);
}

std::string Cadence::text() const {
    return automatic ? "auto" : (logarithmic ? "log:" : "") + std::to_string(count);
}

bool Cadence::due(std::int64_t step) const {
    if (step < 1) return step == 0;
    if (!logarithmic) return step % count == 0;
    // The exponent whose power of ten lies nearest, and whether rounding it gives this step.
    const double position = std::log10(static_cast<double>(step)) * static_cast<double>(count);
    for (const double k :
         {std::floor(position) - 1, std::floor(position), std::ceil(position), std::ceil(position) + 1})
        if (k >= 0 && std::llround(std::pow(10.0, k / static_cast<double>(count))) == step) return true;
    return false;
}

Names<OptimizerKind> names_of(OptimizerKind) {
    Names<OptimizerKind> names;
    for (const OptimizerRow& row : optimizer_table) names.emplace_back(row.name, row.kind);
    return names;
}
Names<RateSchedule> names_of(RateSchedule) {
    return {{"constant", RateSchedule::constant},
            {"cosine", RateSchedule::cosine},
            {"inverse-sqrt", RateSchedule::inverse_sqrt}};
}
Names<Frozen> names_of(Frozen) {
    return {{"words", Frozen::words}, {"contexts", Frozen::contexts}, {"none", Frozen::nothing}};
}
Names<Sampling> names_of(Sampling) {
    return {{"once", Sampling::once}, {"weights", Sampling::weights}};
}
Names<Precision> names_of(Precision) {
    return {{"bf16", Precision::bf16},
            {"bf16x3", Precision::bf16x3},
            {"tf32", Precision::tf32},
            {"fp32", Precision::fp32},
            {"fp64", Precision::fp64}};
}
Names<LossKernel> names_of(LossKernel) {
    return {
        {"auto", LossKernel::automatic}, {"plain", LossKernel::plain}, {"epilogue", LossKernel::epilogue}};
}
Names<SumOrder> names_of(SumOrder) {
    return {{"ordered", SumOrder::ordered}, {"fast", SumOrder::fast}};
}
Names<Real> names_of(Real) {
    return {{"fp32", Real::fp32}, {"fp64", Real::fp64}};
}

}  // namespace ntpgeo
