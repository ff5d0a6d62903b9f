#include "host/commands/making.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/counting.hpp"
#include "engine/data/synthetic.hpp"
#include "engine/machine/memory.hpp"
#include "engine/machine/seconds.hpp"
#include "host/commands/data_sets.hpp"
#include "host/terminal/numbers.hpp"
#include "kernels/backend.hpp"
#include "kernels/base/status.hpp"
#include "kernels/counting/counting_plan.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t timed_contexts = 20'000, timed_stories = 1'000;

/// Of all, from those of the part that `work` makes.
template <class Work>
double seconds_of_all(std::int64_t all, std::int64_t part, const Work& work) {
    return seconds_of(work) * static_cast<double>(all) / static_cast<double>(part);
}

}  // namespace

MakingPlan plan_synthetic(const SyntheticOptions& options) {
    const SyntheticBound bound = bound_of(options);
    return {"data synth", bound.bytes(), bound.dataset.file_bytes(), [options] {
                SyntheticOptions part = options;
                part.contexts = std::min(options.contexts, timed_contexts);
                // The contexts have as many sets of their own in the part as in all.
                if (options.supports)
                    part.supports = std::max<std::int64_t>(
                        1, static_cast<std::int64_t>(static_cast<double>(*options.supports) /
                                                     static_cast<double>(options.contexts) *
                                                     static_cast<double>(part.contexts)));
                return seconds_of_all(options.contexts, part.contexts,
                                      [&] { static_cast<void>(make_synthetic(part)); });
            }};
}

MakingPlan plan_topk(const TopKFiles& files, const TopKSettings& settings) {
    const TopKBound bound = bound_of_topk(files, settings);
    return {"data topk", bound.dataset.bytes() + bound.scratch, bound.dataset.file_bytes(),
            [files, settings, contexts = bound.dataset.contexts] {
                const std::int64_t part = std::min(contexts, timed_contexts);
                return seconds_of_all(contexts, part, [&] { read_first_of_topk(files, settings, part); });
            }};
}

MakingPlan plan_stories(const StoriesSettings& settings) {
    StoriesSettings part = settings;
    part.stories = std::min(settings.stories, timed_stories);
    const std::string text = write_stories(part.stories, part.seed);
    const Corpus corpus = corpus_of_stories(text);
    const double more = static_cast<double>(settings.stories) / static_cast<double>(part.stories),
                 tokens = more * static_cast<double>(corpus.tokens.size());
    // Text and tokens lie there twice while they grow.
    double bytes = 2 * (more * static_cast<double>(text.size()) + 4 * tokens);
    if (tokens < 0x1p40)  // beyond, that alone is too much
        bytes += static_cast<double>(plan_counting(static_cast<std::int64_t>(tokens), corpus.table.size(),
                                                   {.context_length = settings.ngrams.context_length})
                                         .memory);
    return {"data stories", DatasetBound::capped(bytes), std::nullopt, [settings, part] {
                std::string lines;
                return seconds_of_all(settings.stories, part.stories,
                                      [&] { static_cast<void>(make_stories(part, lines)); });
            }};
}

void require_memory(const MakingPlan& plan) {
    const std::int64_t free = available_memory(*make_cpu_backend());
    if (plan.memory > free)
        throw InputError(fmt::format("{}: needs up to {} and {} are free; make fewer contexts", plan.what,
                                     bytes_text(plan.memory), bytes_text(free)));
}

std::string making_text(const MakingPlan& plan) {
    std::string lines = fmt::format("{:<12}{} at most\n", "memory", bytes_text(plan.memory));
    if (plan.file) lines += fmt::format("{:<12}{} at most, the data set\n", "disk", bytes_text(*plan.file));
    return lines + fmt::format("{:<12}about {}\n", "time", duration_text(plan.seconds()));
}

}  // namespace ntpgeo
