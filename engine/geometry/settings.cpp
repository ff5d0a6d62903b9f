#include "engine/geometry/settings.hpp"

namespace ntpgeo {
namespace {

Setting device(std::string& name) {
    return {.name = "device",
            .field = open_field(name),
            .help = "auto: a GPU where there is one",
            .place = 1,
            .metavar = device_choices};
}

}  // namespace

std::vector<Setting> settings_of(AnalyzeSettings& analyze) {
    return {{"step", WholeField{&analyze.step}, "Call the record that of step N", 0}, device(analyze.device)};
}

std::vector<Setting> settings_of(ConceptSettings& concepts) {
    return {{"directions", WholeField{&concepts.directions, 1, most_directions},
             "Singular directions K ({default})", 0},
            device(concepts.device)};
}

}  // namespace ntpgeo
