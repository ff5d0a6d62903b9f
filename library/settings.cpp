// Settings by name and text, out of the engine's tables.
#include <algorithm>

#include "engine/data/settings.hpp"
#include "library/handles.hpp"

namespace ntpgeo {
namespace {

constexpr std::string_view verbs[] = {"train", "limit", "path", "analyze", "concepts", "ngrams"};
constexpr std::size_t most_stages = 1000;

Stage default_stage() {
    return RunSettings{}.training.stages[0];
}

const Setting* find(const std::vector<Setting>& table, std::string_view name) {
    const auto found =
        std::find_if(table.begin(), table.end(), [&](const Setting& one) { return one.name == name; });
    return found == table.end() ? nullptr : &*found;
}

[[noreturn]] void refuse_unknown(ntpgeo_settings& settings, std::string_view name) {
    std::vector<std::string_view> known;
    for (const ntpgeo_settings::Described& setting : settings.described) known.push_back(setting.name);
    throw InputError(fmt::format("{}: '{}' {}", settings.verb, shown(name), not_among(known)));
}

void take(const std::vector<Setting>& table, const Setting& setting, std::string_view text) {
    take_or_refuse(setting, text, shown(text));
    check(table, "");
}

/// Looks at a stage's setting, and keeps it.
void set_stage(ntpgeo_settings& settings, ntpgeo_settings::Texts& texts, std::string_view name,
               std::string_view text) {
    Stage scratch = default_stage();
    const std::vector<Setting> table = settings_of(scratch);
    const Setting* const setting = find(table, name);
    if (setting == nullptr) refuse_unknown(settings, name);
    take(table, *setting, text);
    texts.insert_or_assign(std::string(name), std::string(text));
}

/// The first of the two that has a text for the setting.
const std::string* text_for(const Setting& setting, const ntpgeo_settings::Texts& own,
                            const ntpgeo_settings::Texts& common) {
    for (const ntpgeo_settings::Texts* texts : {&own, &common})
        if (const auto found = texts->find(setting.name); found != texts->end()) return &found->second;
    return nullptr;
}

/// The table's order is that in which a setting may depend on another (a rate on its optimizer).
Stage stage_of(const ntpgeo_settings::Texts& own, const ntpgeo_settings::Texts& common) {
    Stage stage = default_stage();
    for (const Setting& setting : settings_of(stage))
        if (const std::string* text = text_for(setting, own, common))
            take_or_refuse(setting, *text, shown(*text));
    return stage;
}

/// Refuses what means nothing to its stage, or, of what was given for all, to any.
void require_owners(const ntpgeo_settings& settings, std::vector<Stage>& stages) {
    const auto owns = [](Stage& stage, std::string_view name) {
        const std::vector<Setting> table = settings_of(stage);
        return find(table, name)->owned;
    };
    const auto refuse = [&](const std::string& prefix, std::string_view name) {
        Stage scratch;
        const std::vector<Setting> table = settings_of(scratch);
        const Setting& setting = *find(table, name);
        throw InputError(fmt::format("{}{}: {}", prefix, flag_name(setting), whose_it_is(setting)));
    };
    for (const auto& [name, text] : settings.every_stage)
        if (std::none_of(stages.begin(), stages.end(), [&](Stage& stage) { return owns(stage, name); }))
            refuse("", name);
    TrainingSettings training;
    training.stages = stages;
    for (std::size_t k = 0; k < settings.stages.size(); ++k)
        for (const auto& [name, text] : settings.stages[k])
            if (!owns(stages[k], name)) refuse(stage_prefix(training, k), name);
}

}  // namespace

const ntpgeo_settings& settings_or_defaults(const ntpgeo_settings* settings, const char* verb) {
    if (settings == nullptr) {
        thread_local std::map<std::string, ntpgeo_settings> defaults;
        return defaults.try_emplace(verb, verb).first->second;
    }
    if (settings->verb != verb)
        throw InputError(fmt::format("settings: are of {}, not of {}", settings->verb, verb));
    return *settings;
}

RunSettings train_settings(const ntpgeo_settings* given) {
    const ntpgeo_settings& settings = settings_or_defaults(given, "train");
    RunSettings run = settings.run;
    run.training.stages.clear();
    if (settings.stages.empty()) run.training.stages.push_back(stage_of({}, settings.every_stage));
    for (const ntpgeo_settings::Texts& own : settings.stages)
        run.training.stages.push_back(stage_of(own, settings.every_stage));
    require_owners(settings, run.training.stages);
    check(run);
    return run;
}

}  // namespace ntpgeo

ntpgeo_settings::ntpgeo_settings(std::string of) : verb(std::move(of)) {
    if (verb == "path") ntpgeo::take_grid(ntpgeo::default_grid, exact.lambdas);
    const auto describe = [&](const std::vector<ntpgeo::Setting>& settings, bool of_stage) {
        for (const ntpgeo::Setting& setting : settings)
            described.push_back(
                {std::string(setting.name), ntpgeo::flag_name(setting),
                 setting.name == "lambdas" ? ntpgeo::default_grid : text_of(setting.field),
                 setting.metavar == ntpgeo::device_choices ? setting.metavar : range_of(setting.field),
                 help_of(setting), setting.owners, of_stage});
    };
    describe(table(), false);
    ntpgeo::Stage stage = ntpgeo::default_stage();
    if (verb == "train") describe(settings_of(stage), true);
}

std::vector<ntpgeo::Setting> ntpgeo_settings::table() {
    if (verb == "train") return settings_of(run);
    if (verb == "analyze") return settings_of(analyze);
    if (verb == "concepts") return settings_of(concepts);
    if (verb == "ngrams") return settings_of(ngrams);
    std::vector<ntpgeo::Setting> settings = settings_of(exact);
    if (verb == "path")
        for (ntpgeo::Setting& setting : path_settings_of(exact)) settings.push_back(std::move(setting));
    return settings;
}

extern "C" {

int ntpgeo_settings_new(const char* verb, ntpgeo_settings** settings) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(verb, "verb");
        ntpgeo::require(settings, "settings");
        if (std::find(std::begin(ntpgeo::verbs), std::end(ntpgeo::verbs), verb) == std::end(ntpgeo::verbs))
            throw ntpgeo::InputError(
                fmt::format("verb: '{}' {}", ntpgeo::shown(verb),
                            ntpgeo::not_among({std::begin(ntpgeo::verbs), std::end(ntpgeo::verbs)})));
        *settings = new ntpgeo_settings(verb);
    });
}

size_t ntpgeo_settings_count(const ntpgeo_settings* settings) {
    return settings == nullptr ? 0 : settings->described.size();
}

int ntpgeo_settings_describe(const ntpgeo_settings* settings, size_t index, ntpgeo_setting* setting) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(settings, "settings");
        ntpgeo::require(setting, "setting");
        ntpgeo::require_size(setting->size, sizeof(ntpgeo_setting), "ntpgeo_setting");
        if (index >= settings->described.size())
            throw ntpgeo::InputError(fmt::format("index: is {}, and {} has {} settings", index,
                                                 settings->verb, settings->described.size()));
        const ntpgeo_settings::Described& known = settings->described[index];
        *setting = {setting->size,       known.name.c_str(), known.flag.c_str(),   known.initial.c_str(),
                    known.range.c_str(), known.help.c_str(), known.owners.c_str(), known.of_stage ? 1 : 0};
    });
}

int ntpgeo_settings_set(ntpgeo_settings* settings, const char* name, const char* text) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(settings, "settings");
        ntpgeo::require(name, "name");
        ntpgeo::require(text, name);
        ntpgeo_settings next = *settings;  // what is refused changes nothing
        const std::vector<ntpgeo::Setting> table = next.table();
        if (const ntpgeo::Setting* setting = ntpgeo::find(table, name))
            ntpgeo::take(table, *setting, text);
        else if (next.verb == "train")
            ntpgeo::set_stage(next, next.every_stage, name, text);
        else
            ntpgeo::refuse_unknown(next, name);
        *settings = std::move(next);
    });
}

int ntpgeo_settings_set_in_stage(ntpgeo_settings* settings, size_t stage, const char* name,
                                 const char* text) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(settings, "settings");
        ntpgeo::require(name, "name");
        ntpgeo::require(text, name);
        if (settings->verb != "train")
            throw ntpgeo::InputError(fmt::format("stage: {} has no stages; train has", settings->verb));
        if (stage > settings->stages.size() || stage >= ntpgeo::most_stages)
            throw ntpgeo::InputError(fmt::format("stage: is {}, and there are {} so far (at most {})", stage,
                                                 settings->stages.size(), ntpgeo::most_stages));
        ntpgeo_settings::Texts texts;
        if (stage < settings->stages.size()) texts = settings->stages[stage];
        ntpgeo::set_stage(*settings, texts, name, text);
        if (stage == settings->stages.size()) settings->stages.emplace_back();
        settings->stages[stage] = std::move(texts);
    });
}

int ntpgeo_settings_set_numbers(ntpgeo_settings* settings, const char* name, const double* values,
                                size_t count) {
    return ntpgeo::guarded([&] {
        ntpgeo::require(settings, "settings");
        ntpgeo::require(name, "name");
        if (count > 0) ntpgeo::require(values, name);
        if (settings->verb != "path" || std::string_view(name) != "lambdas")
            throw ntpgeo::InputError(
                fmt::format("{}: is no list of numbers; lambdas of path is one", ntpgeo::shown(name)));
        settings->exact.lambdas.assign(values, values + count);
    });
}

void ntpgeo_settings_free(ntpgeo_settings* settings) {
    delete settings;
}
}
