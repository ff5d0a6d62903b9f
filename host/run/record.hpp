// One line of metrics.jsonl (design 2.2).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "engine/geometry/figures.hpp"

namespace ntpgeo {

/// What a record says besides its figures.
struct RecordContext {
    std::int64_t step = 0;
    double time_s = 0;
    double lambda = 0;       ///< the stage's: the objective's ridge, or adamw's decay beside it
    std::int64_t stage = 0;  ///< its number from 1 on; 0 where no stage made the figures
    std::string device;      ///< "cpu"
    std::string precision;   ///< of the stage's three large products; "" where no stage made the figures
    std::string metrics_precision;  ///< of the figures' own
    double entropy = 0;
    std::optional<double> relative_gap = {};  ///< to the global optimum; null where it was not looked for
    std::string gap_kind = {};                ///< how its bound was made (OptimumBound::kind)
    std::string proxy_kind;
};

/// A number, or null where it does not exist.
nlohmann::ordered_json number_or_null(const std::optional<double>& value);

/// Adds every figure, loss to direction strengths, in the order of design 2.2.
void add_figures(const Figures& figures, double entropy, nlohmann::ordered_json& record);

/// Every key of a train record, in the order of design 2.2; what does not exist is null.
nlohmann::ordered_json train_record(const Figures& figures, const RecordContext& context);

}  // namespace ntpgeo
