// A run of many ranks: how the others come by what the first has opened.
#pragma once

#include <string>
#include <utility>

#include "host/ranks/ranks.hpp"
#include "host/ranks/shares.hpp"
#include "host/run/open_run.hpp"

namespace ntpgeo {

/// After the first rank has opened `run`: whether there is anything left to do; if so it is the others' run,
/// too. They read the data set themselves, and have no limit. `read` makes a configuration of config.json's
/// text, as RunVerb has it. Every rank calls it.
template <class Config, class Read>
bool share_run(const Ranks& ranks, OpenRun<Config>& run, const Read& read) {
    if (ranks.size() == 1) return !run.is_finished();
    const TeamSums all(ranks.team(), ranks.size());
    if (all.largest(ranks.is_first() && run.is_finished() ? 1 : 0) != 0) return false;
    const std::string folder = all.from_first(run.output().native());
    const bool goes_on = all.largest(ranks.is_first() && run.stored ? 1 : 0) != 0;
    const std::string text =
        all.from_first(ranks.is_first() ? config_text(run.config, run.dataset) : std::string());
    ranks.together([&] {
        if (ranks.is_first()) return;
        Config config = read(text, "what rank 0 has sent");
        config.device = device_of_ranks(config.device, ranks);
        Dataset dataset = read_known_dataset(config.dataset, "rank 0 read it (its hash is another)");
        run = OpenRun<Config>(std::move(config), std::move(dataset), std::nullopt, folder);
        if (goes_on) run.stored = run.config;
    });
    ranks.compute_on(run.config.device);
    return true;
}

/// The run's folder, made by the first rank where it is new, and looked into by the others.
template <class Config>
RunFolder& shared_folder(const Ranks& ranks, OpenRun<Config>& run) {
    ranks.at_first([&] { static_cast<void>(run.folder()); });
    if (!ranks.is_first()) run.follow();
    return run.folder();
}

/// What `read` takes of a checkpoint: all ranks do, or none. Throws InputError on all of them.
template <class Read>
auto read_on_all(const Ranks& ranks, const std::filesystem::path& path, const Read& read) {
    decltype(read()) saved{};
    std::string wrong;
    try {
        saved = read();
    } catch (const InputError& error) {
        wrong = error.what();
    }
    if (TeamSums(ranks.team(), ranks.size()).largest(wrong.empty() ? 0 : 1) == 0) return saved;
    throw InputError(wrong.empty() ? printable(path) + ": another rank cannot read its part of it" : wrong);
}

}  // namespace ntpgeo
