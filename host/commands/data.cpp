// `ntpgeo data`: makes datasets and describes them.
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "host/commands/commands.hpp"
#include "host/commands/data_verbs.hpp"
#include "host/commands/dataset_summary.hpp"
#include "host/commands/option_checks.hpp"
#include "host/files/atomic_file.hpp"
#include "host/files/dataset_file.hpp"
#include "host/files/file_error.hpp"
#include "host/files/text.hpp"

namespace ntpgeo {
namespace {

struct InfoCommand {
    std::string dataset;
    bool json = false;
};

void add_info(CLI::App& data) {
    const auto command = std::make_shared<InfoCommand>();
    CLI::App* verb = data.add_subcommand("info", "Sizes, entropy, supports and support classes of a dataset");
    verb->add_option("dataset", command->dataset, "a dataset file")->required()->type_name("DS");
    verb->add_flag("--json", command->json, "print one JSON object");
    verb->callback([command] {
        const Dataset dataset = read_dataset(command->dataset);
        fmt::print("{}", command->json ? info_json(dataset).dump(2) + "\n" : info_text(dataset));
    });
}

}  // namespace

void add_output_option(CLI::App& verb, std::string& output) {
    verb.add_option("-o,--output", output, "the dataset file to write; an existing one is replaced")
        ->required()
        ->type_name("DS");
}

void add_seed_option(CLI::App& verb, std::uint64_t& seed) {
    verb.add_option("--seed", seed, "the same seed makes the same dataset")
        ->transform(seed_number())
        ->type_name("N")
        ->capture_default_str();
}

void require_writable(const std::string& output) {
    const AtomicFile probe(output);
}

void deliver_dataset(Dataset& dataset, const std::string& output, const std::string& lines) {
    check_dataset(dataset, printable(std::filesystem::path(output)));
    write_dataset(output, dataset);
    fmt::print("{}{}{:<12}{}\n", lines, summary_text(dataset), "written to", printable_token(output));
}

void add_data_command(CLI::App& app) {
    CLI::App* data = app.add_subcommand("data", "Make a dataset, or look into one");
    data->require_subcommand(1);
    add_data_synth(*data);
    add_data_stories(*data);
    add_data_text(*data);
    add_info(*data);
}

}  // namespace ntpgeo
