#include "host/run/device_use.hpp"

#include <fmt/format.h>

#include "engine/machine/memory.hpp"
#include "engine/training/settings.hpp"

namespace ntpgeo {

std::optional<double> share_of_peak(const Backend& backend, const ModelShape& shape, const Stage& stage,
                                    double seconds) {
    const double rate = backend.products_rate(stage.precision);
    if (!(rate > 0) || !(seconds > 0)) return std::nullopt;
    const double products = stage.frozen == Frozen::nothing ? 3 : 2;
    return products * 2 * static_cast<double>(shape.vocab_size) *
           static_cast<double>(stage.contexts_of_update(shape.contexts)) * static_cast<double>(shape.dim) /
           seconds / rate;
}

std::string words_of_use(const Backend& backend, const ModelShape& shape, const Stage& stage,
                         std::optional<double> seconds) {
    if (backend.device() == "cpu") return "";
    const std::optional<double> share =
        seconds ? share_of_peak(backend, shape, stage, *seconds) : std::nullopt;
    const DeviceMemory memory = backend.memory();
    return fmt::format(
        "{}{} of {} in use",
        share ? fmt::format("{:.3g} % of the peak in {}, ", 100 * *share, name_of(stage.precision)) : "",
        bytes_text(memory.total - memory.free), bytes_text(memory.total));
}

}  // namespace ntpgeo
