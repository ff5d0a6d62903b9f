// ntpgeo concepts --data DS [RUN | --words FILE [--contexts FILE]] (design 2.1): words and contexts by the
// signs of the leading singular directions.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/geometry/concepts.hpp"
#include "host/commands/commands.hpp"
#include "host/commands/concept_text.hpp"
#include "host/commands/setting_flags.hpp"
#include "host/commands/subject.hpp"
#include "host/files/dataset_file.hpp"
#include "host/run/device.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t most_directions = 32;

struct ConceptOptions {
    SubjectOptions subject;
    std::int64_t directions = 4;
    bool json = false;
    std::string device = "auto";
};

CLI::Validator direction_count() {
    const auto check = [inner = whole_number(1)](std::string& text) -> std::string {
        if (std::string wrong = inner(text); !wrong.empty()) return wrong;
        return std::stoll(text) <= most_directions
                   ? ""
                   : fmt::format("{} directions are more than {}", text, most_directions);
    };
    return {check, ""};
}

Concepts of_supports(Backend& backend, const Dataset& dataset, std::int64_t count) {
    return {"centred support matrix", "", "", support_concepts(backend, dataset, count)};
}

Concepts of_subject(Backend& backend, const Subject& subject, std::int64_t count) {
    return {subject.contexts_name.empty() ? "centred words" : "centred logits", subject.words_name,
            subject.contexts_name,
            factor_concepts(backend, subject.words.values, subject.contexts.values, subject.words.columns,
                            count)};
}

void show_concepts(const ConceptOptions& options) {
    const SubjectOptions& given = options.subject;
    const bool has_subject = given.run || given.words || given.contexts;
    if (!has_subject && (!given.data || given.data->empty()))
        throw InputError(
            "concepts: --data is missing; name the data set, or give a RUN, which knows its own");
    const std::string device = resolve_device(options.device);
    Subject subject;
    if (has_subject) subject = read_subject(given, "concepts", true);
    const Dataset dataset = read_dataset(has_subject ? subject.data : *given.data);
    if (has_subject) check_shapes(subject, dataset);
    const auto backend = make_backend(device);
    const Concepts concepts = has_subject ? of_subject(*backend, subject, options.directions)
                                          : of_supports(*backend, dataset, options.directions);
    if (concepts.space.count() == 0)
        throw InputError(fmt::format("concepts: the entries of the {} are all 0: there are no directions{}",
                                     concepts.matrix,
                                     has_subject ? "" : " (every context can be followed by every word)"));
    if (options.json)
        fmt::print("{}\n", concepts_json(concepts, dataset)
                               .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    else
        fmt::print("{}", concepts_text(concepts, dataset));
}

}  // namespace

void add_concepts_command(CLI::App& app) {
    auto options = std::make_shared<ConceptOptions>();
    CLI::App* command = app.add_subcommand("concepts",
                                           "Group words and contexts by the signs of the leading singular "
                                           "directions: of the data set's supports, or "
                                           "of a run's or any network's W and H");
    add_subject_options(*command, options->subject);
    command->add_option("--directions", options->directions, "Singular directions K (4)")
        ->check(direction_count());
    command->add_flag("--json", options->json, "One JSON object instead of the tables, with every member");
    command->add_option("--device", options->device, "auto (default), cpu or cuda[:i]");
    command->callback([options] { show_concepts(*options); });
}

}  // namespace ntpgeo
