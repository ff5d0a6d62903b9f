// What an iteration asks of a GPU, counted on the emulated device: the cases of `./dev profile`, whose counts
// tests hold to budgets.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/emulated_device/counts.hpp"

namespace ntpgeo::profile {

/// The counts of some iterations in their steady state: what is allocated, loaded and recorded once has been
/// before, and nothing is left pending from before. Between the two marks nothing else is asked of the
/// device.
struct Profile {
    std::string name;     ///< of the case
    std::string problem;  ///< sizes and precision, in words
    std::int64_t iterations = 0;
    emulated_device::CountsByRegion regions;  ///< of all of them
    /// Device memory that their kernels touched.
    std::map<emulated_device::KernelLaunch, emulated_device::Traffic> traffic;

    [[nodiscard]] emulated_device::Counts total() const;
};

/// Counts hardly depend on sizes, but the time that the emulated device takes does: `quick` ends in a second
/// or so, `full` has the sizes that docs/performance.md tells of and takes minutes.
enum class Scale { quick, full };

struct Case {
    std::string name;
    std::string what;  ///< an iteration of it, in words
    Profile (*measure)(const std::string& name, Scale scale);
};

const std::vector<Case>& all_cases();

/// Throws InputError, with all names, where there is none of that name.
const Case& find_case(const std::string& name);

}  // namespace ntpgeo::profile
