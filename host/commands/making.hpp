// What making a data set takes, beforehand: of the verbs that count nothing that somebody brings.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "engine/data/settings.hpp"
#include "host/files/topk_file.hpp"

namespace ntpgeo {

struct MakingPlan {
    std::string what;                  ///< it makes, for messages: "data synth"
    std::int64_t memory = 0;           ///< bytes at most
    std::optional<std::int64_t> file;  ///< bytes at most, the header aside; none: unknown before it is made
    std::function<double()> seconds;   ///< about how many, from those of a part, which is made for it
};

/// Of `data synth`, `data topk` and `data stories`. The parts are some of the contexts, the first rows of the
/// files, a thousand stories. Throw InputError as the making does of its settings and of the files' headers.
MakingPlan plan_synthetic(const SyntheticOptions& options);
MakingPlan plan_topk(const TopKFiles& files, const TopKSettings& settings);
MakingPlan plan_stories(const StoriesSettings& settings);

/// Throws InputError where it takes more memory than is free.
void require_memory(const MakingPlan& plan);

/// As lines of a description.
std::string making_text(const MakingPlan& plan);

}  // namespace ntpgeo
