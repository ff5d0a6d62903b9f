// `ntpgeo data synth`
#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "engine/data/synthetic.hpp"
#include "host/commands/data_verbs.hpp"
#include "host/commands/option_checks.hpp"
#include "host/files/file_error.hpp"

namespace ntpgeo {
namespace {

struct SynthCommand {
    SyntheticOptions options;
    std::string output, support_size, weights = "uniform";
};

/// "LO:HI", or one number for both; nothing where it is neither.
std::optional<std::pair<std::int64_t, std::int64_t>> parse_sizes(const std::string& text) {
    const char* end = text.data() + text.size();
    std::int64_t least = 0;
    auto [stop, error] = std::from_chars(text.data(), end, least);
    std::int64_t most = least;
    if (error == std::errc() && stop != end && *stop == ':') {
        const auto second = std::from_chars(stop + 1, end, most);
        stop = second.ptr;
        error = second.ec;
    }
    if (error != std::errc() || stop != end || least < 1 || most < least) return std::nullopt;
    return std::pair(least, most);
}

std::string check_sizes(const std::string& text) {
    if (parse_sizes(text)) return {};
    return fmt::format("'{}' is not LO:HI with whole numbers 1 <= LO <= HI",
                       printable(std::string_view(text)));
}

void run_synth(SynthCommand& command) {
    require_writable(command.output);
    SyntheticOptions& options = command.options;
    if (const auto sizes = parse_sizes(command.support_size)) {
        options.least_support = sizes->first;
        options.most_support = sizes->second;
    }
    options.weights = command.weights == "zipf" ? SyntheticWeights::zipf : SyntheticWeights::uniform;
    Dataset dataset = make_synthetic(options);
    dataset.source =
        fmt::format("synth: {} contexts, {} tokens, dirichlet {}, weights {}, seed {}", options.contexts,
                    options.vocab_size, options.dirichlet, command.weights, options.seed);
    deliver_dataset(dataset, command.output, "");
}

}  // namespace

void add_data_synth(CLI::App& data) {
    const auto command = std::make_shared<SynthCommand>();
    SyntheticOptions& options = command->options;
    CLI::App* verb =
        data.add_subcommand("synth", "Random support sets, shared by contexts, with Dirichlet probabilities");
    add_output_option(*verb, command->output);
    verb->add_option("--vocab", options.vocab_size, "tokens in the vocabulary")
        ->transform(whole_number(1))
        ->type_name("V")
        ->capture_default_str();
    verb->add_option("--contexts", options.contexts, "contexts, spread evenly over the support sets")
        ->transform(whole_number(1))
        ->type_name("M")
        ->capture_default_str();
    verb->add_option("--supports", options.supports,
                     "distinct support sets (default 40, or all there are if fewer)")
        ->transform(whole_number(1))
        ->type_name("N");
    verb->add_option(
            "--support-size", command->support_size,
            "tokens a support set, drawn from LO to HI; one number for both (default 2:6, capped at V)")
        ->check(check_sizes)
        ->type_name("LO:HI");
    verb->add_option("--dirichlet", options.dirichlet,
                     "concentration of the probabilities on a support; 1: uniform")
        ->check(positive_number())
        ->type_name("A")
        ->capture_default_str();
    verb->add_option("--weights", command->weights, "how contexts weigh; zipf: 1, 1/2, 1/3, ...")
        ->check(one_of({"uniform", "zipf"}))
        ->type_name("uniform|zipf")
        ->capture_default_str();
    add_seed_option(*verb, options.seed);
    verb->callback([command] { run_synth(*command); });
}

}  // namespace ntpgeo
