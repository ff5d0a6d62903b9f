// `ntpgeo data`: makes datasets and describes them.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "engine/data/settings.hpp"
#include "engine/machine/device.hpp"
#include "host/commands/commands.hpp"
#include "host/commands/data_info.hpp"
#include "host/commands/data_sets.hpp"
#include "host/commands/making.hpp"
#include "host/commands/setting_flags.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/path.hpp"
#include "host/files/text.hpp"
#include "host/files/topk_file.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

/// A verb that makes a data set under settings.
template <class Settings>
struct Maker {
    std::string output;
    Settings settings;
    SettingFlags flags;
    bool dry_run = false;

    void add(Command& verb) {
        verb.add_option("-o,--output", output, "the dataset file to write; an existing one is replaced",
                        {.required = true, .type_name = "DS"});
        flags.add(verb, settings_of(settings), SettingFlags::Checked::all);
        verb.add_flag("--dry-run", dry_run, "Write nothing; say what it would take: memory, disk and time");
    }
    void apply() { flags.apply(settings_of(settings)); }
    /// Whether that was all: a dry run tells what `plan` says. What does not fit is refused in any case.
    [[nodiscard]] bool rehearses(const MakingPlan& plan) const {
        require_memory(plan);
        if (dry_run) print_rehearsal(making_text(plan));
        return dry_run;
    }
    /// What a dry run has found.
    static void print_rehearsal(const std::string& lines) {
        fmt::print("{}{:<12}nothing: a dry run\n", lines, "written");
    }
};

/// Fails before any work is done where `output` could not be written after it, or is no data set (InputError
/// or Failure).
void require_writable(const std::string& output) {
    if (!may_become_dataset(output))
        throw InputError(fmt::format("-o {}: is there already and is no data set; give another name",
                                     printable(std::filesystem::path(output))));
    const AtomicFile probe(output);
}

/// Checks the dataset, writes it and prints `lines`, its summary and where it is.
void deliver_dataset(Dataset& dataset, const std::string& output, const std::string& lines) {
    check_dataset(dataset, printable(std::filesystem::path(output)));
    write_dataset(output, dataset);
    fmt::print("{}{}{:<12}{}\n", lines, summary_text(dataset), "written to", printable_token(output));
}

void run_synth(Maker<SyntheticOptions>& command) {
    require_writable(command.output);
    command.apply();
    const SyntheticOptions& options = command.settings;
    if (command.rehearses(plan_synthetic(options))) return;
    Dataset dataset = make_synthetic(options);
    dataset.source =
        fmt::format("synth: {} contexts, {} tokens, dirichlet {}, weights {}, seed {}", options.contexts,
                    options.vocab_size, options.dirichlet, name_of(options.weights), options.seed);
    deliver_dataset(dataset, command.output, "");
}

void run_stories(Maker<StoriesSettings>& command) {
    require_writable(command.output);
    command.apply();
    if (command.rehearses(plan_stories(command.settings))) return;
    std::string lines;
    Dataset dataset = make_stories(command.settings, lines);
    deliver_dataset(dataset, command.output, lines);
}

void check_files(const std::vector<std::string>& files, const std::string& output) {
    if (std::count(files.begin(), files.end(), "-") > 1)
        throw InputError("the standard input, '-', can be read only once");
    for (const std::string& file : files) {
        std::error_code error;
        if (file != "-" && std::filesystem::equivalent(file, output, error))
            throw InputError(fmt::format("-o {}: would replace the text it is made from; give another name",
                                         printable(std::filesystem::path(file))));
    }
}

/// A verb that counts what is in files.
template <class Settings>
struct Counter : Maker<Settings> {
    std::vector<std::string> files;
    std::string device = "auto";

    void add(Command& verb, const char* help_of_files) {
        verb.add_option("files", files, help_of_files, {.required = true, .type_name = "FILE"});
        Maker<Settings>::add(verb);
        verb.add_option("--device", device,
                        "What counts; auto: a GPU where there is one, from ten million tokens on",
                        {.type_name = device_choices, .default_text = device});
    }
    [[nodiscard]] CountingOn on() const {
        return {device, folder_of(this->output), this->settings.memory, this->dry_run};
    }
    void prepare() {
        require_writable(this->output);
        this->apply();
        if (device != "auto") device = resolve_device(device);
    }
    void deliver(Dataset& dataset, const std::string& lines) const {
        if (this->dry_run)
            this->print_rehearsal(lines);
        else
            deliver_dataset(dataset, this->output, lines);
    }
};

void run_text(Counter<TextSettings>& command) {
    check_files(command.files, command.output);
    command.prepare();
    std::string lines;
    Dataset dataset = count_text(command.files, command.settings, command.on(), lines);
    command.deliver(dataset, lines);
}

void run_tokens(Counter<TokensSettings>& command) {
    command.prepare();
    std::string lines;
    Dataset dataset = count_tokens(command.files, command.settings, command.on(), lines);
    command.deliver(dataset, lines);
}

void add_synth(Command& data) {
    const auto command = std::make_shared<Maker<SyntheticOptions>>();
    Command verb =
        data.add_command("synth", "Random support sets, shared by contexts, with Dirichlet probabilities");
    command->add(verb);
    verb.on_call([command] { run_synth(*command); });
}

void add_stories(Command& data) {
    const auto command = std::make_shared<Maker<StoriesSettings>>();
    Command verb =
        data.add_command("stories", "Stories from a small grammar, in which many contexts share a support");
    command->add(verb);
    verb.on_call([command] { run_stories(*command); });
}

void add_text(Command& data) {
    const auto command = std::make_shared<Counter<TextSettings>>();
    Command verb = data.add_command("text", "Contexts and next tokens, counted in text");
    command->add(verb, "UTF-8 text; - is the standard input");
    verb.on_call([command] { run_text(*command); });
}

struct TopKCommand : Maker<TopKSettings> {
    TopKFiles stored;
};

void run_topk(TopKCommand& command) {
    require_writable(command.output);
    command.apply();
    if (command.rehearses(plan_topk(command.stored, command.settings))) return;
    std::string lines;
    Dataset dataset = read_topk(command.stored, command.settings, lines);
    deliver_dataset(dataset, command.output, lines);
}

void add_topk(Command& data) {
    const auto command = std::make_shared<TopKCommand>();
    Command verb = data.add_command("topk", "The words that a teacher finds most likely, as it stored them");
    verb.add_option("file", command->stored.file,
                    "a safetensors file with ids [m, k], probs or log_probs, and perhaps weights [m]",
                    {.type_name = "FILE"});
    verb.add_option("--ids", command->stored.ids,
                    "the words of each context [m, k], -1 for padding: F.npy, or F.safetensors:NAME",
                    {.type_name = "F"});
    verb.add_option("--probs", command->stored.probs, "their probabilities [m, k]", {.type_name = "F"});
    verb.add_option("--log-probs", command->stored.log_probs, "or their natural logarithms",
                    {.type_name = "F"});
    verb.add_option("--weights", command->stored.weights, "of the contexts [m], of any sum (all alike)",
                    {.type_name = "F"});
    command->add(verb);
    verb.on_call([command] { run_topk(*command); });
}

void add_tokens(Command& data) {
    const auto command = std::make_shared<Counter<TokensSettings>>();
    Command verb = data.add_command("tokens", "Contexts and next tokens, counted in files of token ids");
    command->add(
        verb,
        "ids of nanoGPT or llm.c (.bin), Megatron (.bin and .idx) or NumPy (.npy), or a pattern like "
        "'shard_*.bin'; each goes on where the one before it ends");
    verb.on_call([command] { run_tokens(*command); });
}

struct InfoCommand {
    std::string dataset;
    bool json = false;
};

void add_info(Command& data) {
    const auto command = std::make_shared<InfoCommand>();
    Command verb = data.add_command("info", "Sizes, entropy, supports and support classes of a dataset");
    verb.add_option("dataset", command->dataset, "a dataset file", {.required = true, .type_name = "DS"});
    verb.add_flag("--json", command->json, "print one JSON object");
    verb.on_call([command] {
        const Dataset dataset = read_dataset(command->dataset);
        fmt::print("{}", command->json ? info_json(dataset).dump(2) + "\n" : info_text(dataset));
    });
}

}  // namespace

void add_data_command(Command& program) {
    Command data = program.add_command("data", "Make a dataset, or look into one");
    add_synth(data);
    add_stories(data);
    add_text(data);
    add_topk(data);
    add_tokens(data);
    add_info(data);
}

}  // namespace ntpgeo
