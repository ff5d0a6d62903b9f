// What a single call of a verb that has runs is told: settings that are not the run's, so that no config.json
// holds them and no run that goes on is compared by them.
#pragma once

#include <optional>
#include <vector>

#include "engine/settings/setting.hpp"
#include "host/commands/setting_flags.hpp"

namespace ntpgeo {

struct CallSettings {
    std::optional<double> time_limit;  ///< seconds from the start of the call, > 0; none: no limit
    double rank_timeout = 60;          ///< seconds that ranks wait for each other
};

/// Their table. A limit of time is spelled SECONDS, or [D-]HH:MM:SS with whole numbers, as Slurm's.
std::vector<Setting> settings_of(CallSettings& call);

/// The flags of a verb's call. Must live as long as the parser.
class CallFlags {
  public:
    /// All of them; of a verb whose calls nothing stops before their end, those that concern ranks.
    void add(Command& verb, bool may_stop = true);
    /// As they were given.
    [[nodiscard]] CallSettings settings() const;

  private:
    CallSettings defaults_;
    SettingFlags flags_;
};

}  // namespace ntpgeo
