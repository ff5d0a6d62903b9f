// What is behind the handles of ntpgeo.h.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/counting.hpp"
#include "engine/data/dataset.hpp"
#include "engine/exact/settings.hpp"
#include "engine/geometry/limit_geometry.hpp"
#include "engine/geometry/record.hpp"
#include "engine/geometry/settings.hpp"
#include "engine/training/settings.hpp"
#include "library/errors.hpp"

struct ntpgeo_dataset {
    ntpgeo::Dataset data;
    // The words' bytes as the interface has them; empty where data.vocab is.
    std::vector<std::uint8_t> vocab_bytes;
    std::vector<std::int64_t> vocab_offsets;
};

struct ntpgeo_settings {
    explicit ntpgeo_settings(std::string of);

    /// What the verb is told beside its stages, bound to the values below.
    [[nodiscard]] std::vector<ntpgeo::Setting> table();

    std::string verb;
    ntpgeo::RunSettings run;
    ntpgeo::ExactSettings exact;
    ntpgeo::NgramOptions ngrams;
    ntpgeo::AnalyzeSettings analyze;
    ntpgeo::ConceptSettings concepts;

    using Texts = std::map<std::string, std::string, std::less<>>;
    Texts every_stage;          ///< of train: what was given for all stages, by name
    std::vector<Texts> stages;  ///< and for each; one without anything of its own where there is none

    struct Described {
        std::string name, flag, initial, range, help, owners;
        bool of_stage;
    };
    std::vector<Described> described;
};

struct ntpgeo_result {
    struct Matrix {
        std::int64_t rows = 0, columns = 0;
        std::vector<double> values;  ///< [rows, columns]
    };

    std::map<std::string, Matrix, std::less<>> matrices;
    std::vector<std::unique_ptr<ntpgeo_result>> points;
    std::int64_t steps = 0;
    bool reached = false, at_rest = false;
    std::uint64_t supports = 0;  ///< supports_hash of the data set where this is an L_mm, else 0

    /// A record as the interface has it; the figures point into the record.
    struct Shown {
        ntpgeo::Record record;
        std::vector<ntpgeo_figure> figures;
    };
    std::deque<std::unique_ptr<Shown>> records;

    /// Keeps a record.
    const Shown& add(ntpgeo::Record record);
};

namespace ntpgeo {

/// Settings with every stage resolved; defaults where `settings` is null. Throw InputError where they are of
/// another verb, or do not go together.
RunSettings train_settings(const ntpgeo_settings* settings);
const ntpgeo_settings& settings_or_defaults(const ntpgeo_settings* settings, const char* verb);

/// Of the support sets alone, which are all that L_mm depends on; never 0.
std::uint64_t supports_hash(const Dataset& dataset);

/// The L_mm that a caller gave, or nullopt for null. Throws InputError where it is none, or of other
/// supports.
std::optional<LimitFactors> given_limit(const ntpgeo_result* limit, const Dataset& dataset);

/// What a caller watches a call by.
class Watch {
  public:
    /// `watch` may be null.
    explicit Watch(const ntpgeo_watch* watch);

    /// Throws Stopped where the caller asks for the end; asks twenty times a second at most.
    void poll();
    /// Shows a record; throws Stopped likewise.
    void show(const ntpgeo_result::Shown& record) const;

  private:
    ntpgeo_watch watch_ = {};
    std::int64_t asked_ = 0;  // nanoseconds of a steady clock
};

}  // namespace ntpgeo
