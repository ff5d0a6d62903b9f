// What records take beside updates, counted in additions and multiplications from the sizes of the data and
// the settings alone: no clock, so that the same run has the same records wherever it is made.
#pragma once

#include <cstdint>

#include "engine/data/dataset.hpp"
#include "engine/training/settings.hpp"
#include "kernels/backend.hpp"

namespace ntpgeo {

/// Of a run over one data set. Products of less than fp64 count as half of those in fp64.
struct RunOperations {
    double updates = 0;       ///< all of them
    double first_record = 0;  ///< what is made once, before the first: the decomposition of S̃
    double record = 0;        ///< each

    /// Of so many records.
    [[nodiscard]] double records(std::int64_t count) const {
        return first_record + static_cast<double>(count) * record;
    }
};

RunOperations run_operations(const RunSettings& settings, const Dataset& dataset);

/// Of one record of factors of width `dim` in fp64, all that is made for it included: as a rule, and at most.
struct AnalysisOperations {
    double expected = 0, most = 0;
};
AnalysisOperations analysis_operations(const Dataset& dataset, std::int64_t dim);

/// Those of products with a tall block in fp64, as orthogonalisation has them, by the clock: a fraction of a
/// second.
double operations_per_second(Backend& backend);

/// The records that a cadence has in so many updates, step 0 and the last among them.
std::int64_t records_of(const Cadence& cadence, std::int64_t steps);

/// log:20, or the most of log:10, log:5, log:2 and log:1 whose records take at most a tenth of the updates,
/// or else step 0 and the last alone. Records that take seconds at most (2e10 operations) are never thinned.
Cadence affordable_cadence(const RunSettings& settings, const Dataset& dataset);

/// Chooses what is "auto", in place: products, kernels and records. Throws InputError as resolve_products
/// does.
void settle(RunSettings& settings, const Dataset& dataset, const Backend& backend);

}  // namespace ntpgeo
