#include "engine/exact/settings.hpp"

#include <fmt/format.h>

namespace ntpgeo {

std::vector<Setting> settings_of(ExactSettings& run) {
    return {
        {"tol", NumberField{&run.tolerance, NumberRange::positive},
         "Relative gap to certify (default {default})", 0},
        {.name = "device",
         .field = open_field(run.device),
         .help = "auto: a GPU where there is one and the problem is large enough",
         .place = 1,
         .metavar = device_choices},
        {.name = "shards",
         .field = WholeField{.value = &run.shards, .least = 1, .or_never = true},
         .help = "Virtual shards that rows and sums are cut into: any number of ranks up to it has the same "
                 "bits (16 under a launcher, else none)",
         .place = 1,
         .written = run.shards > 0},
    };
}

std::vector<Setting> path_settings_of(ExactSettings& run) {
    return {
        {.name = "lambdas",
         .field = GridField{&run.lambdas},
         .help = fmt::format("HI:LO:PER_DECADE, a falling grid (default {})", default_grid),
         .place = 2,
         .flag = "lambda"},
        {"save_points", SwitchField{&run.save_points},
         "Keep the factors of every point, not of the last alone", 3},
    };
}

// Rounding to nearest takes at most 5 % off.
std::string least_tolerance_text(double least) {
    return fmt::format("{:.1e}", 1.06 * least);
}

}  // namespace ntpgeo
