// One line of metrics.jsonl without a format: values under the keys of the table of figures, in the order in
// which a verb writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/exact/limit.hpp"
#include "engine/exact/path.hpp"
#include "engine/geometry/figures.hpp"

namespace ntpgeo {

/// What stands under a key; std::monostate is null. A NaN in a list is one too.
using RecordValue = std::variant<std::monostate, std::int64_t, double, std::string, std::vector<double>>;

/// Keys and values in an order.
class Record {
  public:
    struct Entry {
        std::string key;
        RecordValue value;
    };

    void add(std::string_view key, RecordValue value) {
        entries_.push_back({std::string(key), std::move(value)});
    }

    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
    /// The value under `key`; nullptr where the record has none.
    [[nodiscard]] const RecordValue* find(std::string_view key) const;
    /// The number under `key`, an integer too; none where it is null, anything else or not there. This and
    /// integer() throw std::logic_error for a key that the table of figures does not have: misspelt, it would
    /// be missing in silence.
    [[nodiscard]] std::optional<double> number(std::string_view key) const;
    /// The integer under `key`; none where there is anything else.
    [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;

  private:
    std::vector<Entry> entries_;
};

/// What a record of train or analyze says besides its figures.
struct RecordContext {
    std::int64_t step = 0;
    double time_s = 0;
    std::optional<double> step_s = {};  ///< of an update since the last record, where one was made
    double lambda = 0;                  ///< the stage's: the objective's ridge, or adamw's decay beside it
    std::optional<double> relative_gap = {};  ///< to the global optimum, where it was looked for
    std::string gap_kind = {};                ///< how its bound was made (OptimumBound::kind)
    std::optional<std::int64_t> stage = {};   ///< its number from 1 on, where a stage made the figures
    std::string device = {};                  ///< "cpu"
    std::string precision = {};               ///< of the stage's three large products; empty without a stage
    std::string metrics_precision = {};       ///< of the figures' own
};

/// Every key of a record of train or analyze; what does not exist is null. This and its two neighbours throw
/// std::logic_error where the table of figures has other keys for the verb.
Record training_record(const RecordContext& context, const Figures& figures);

/// Every key of a path's point, figures and `device` included; `time_s` is the work spent on the path so far.
Record path_record(const PathCertificate& certificate, const Figures& figures, double time_s,
                   const std::string& device);

/// Every key of a certificate of limit, `time_s` into its work.
Record limit_record(const LimitCertificate& certificate, const ProxyTest& proxy, double time_s);

}  // namespace ntpgeo
