#include "host/run/settings.hpp"

#include <fmt/format.h>

#include "host/files/file_error.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

void take_or_refuse(const Setting& setting, const std::string& text) {
    if (const std::string wrong = take_text(setting.field, text); !wrong.empty())
        throw InputError(
            fmt::format("{}: '{}' {}", flag_name(setting), printable(std::string_view(text)), wrong));
}

void check(const std::vector<Setting>& settings, const std::string& prefix) {
    for (const Setting& setting : settings)
        if (const std::string fault = fault_of(setting.field); !fault.empty())
            throw InputError(fmt::format("{}{}: {}", prefix, flag_name(setting), fault));
}

std::string first_difference(const std::vector<Setting>& stored, const std::vector<Setting>& wanted) {
    for (std::size_t k = 0; k < stored.size(); ++k)
        if (!same(stored[k].field, wanted[k].field)) return flag_name(stored[k]);
    return "";
}

}  // namespace ntpgeo
