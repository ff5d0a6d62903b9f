// ntpgeo_profile [CASE] [--full] [--json FILE]: what an iteration of each case, or of CASE alone, asks of a
// GPU, counted on the emulated device. --full takes the sizes that docs/performance.md tells of, and minutes.
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "host/files/atomic_file.hpp"
#include "kernels/base/status.hpp"
#include "tests/profile/cases.hpp"
#include "tests/profile/table.hpp"

namespace {

using namespace ntpgeo;
using namespace ntpgeo::profile;

int run(const std::vector<std::string>& arguments) {
    std::optional<std::string> wanted, json;
    Scale scale = Scale::quick;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == "--json") {
            if (++i == arguments.size()) throw InputError("--json needs a file");
            json = arguments[i];
        } else if (arguments[i] == "--full") {
            scale = Scale::full;
        } else if (arguments[i].starts_with("-") || wanted) {
            throw InputError("unknown argument '" + arguments[i] +
                             "'; usage: profile [CASE] [--full] [--json FILE]");
        } else {
            wanted = arguments[i];
        }
    }
    std::vector<Profile> profiles;
    if (wanted) {
        const Case& one = find_case(*wanted);
        profiles.push_back(one.measure(one.name, scale));
    } else {
        for (const Case& one : all_cases()) profiles.push_back(one.measure(one.name, scale));
    }
    std::fputs(table_text(profiles).c_str(), stdout);
    if (json) write_file_atomically(*json, as_json(profiles).dump(1) + "\n");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(std::vector<std::string>(argv + 1, argv + argc));
    } catch (const InputError& error) {
        std::fprintf(stderr, "profile: %s\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "profile: %s\n", error.what());
        return 1;
    }
}
