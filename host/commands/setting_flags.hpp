// The engine's tables of settings as flags of the command line; and checks of options that are no settings,
// worded alike: "--vocab: '0' is not a whole number >= 1".
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/settings/setting.hpp"
#include "host/commands/command.hpp"

namespace ntpgeo {

/// The flags of a verb's settings and the texts that were given for them. Must live as long as the parser.
class SettingFlags {
  public:
    /// Which values are looked at while the command line is read, and so refused with a hint at --help: the
    /// numbers, or all. The rest is refused where it is applied.
    enum class Checked { numbers, all };

    /// Adds a flag for each setting of `settings`, which are bound to their defaults, of a place from `from`
    /// to `to`, by place. Values that have a default of their own are shown with it where the help does not
    /// say it.
    void add(Command& verb, const std::vector<Setting>& settings, Checked checked, int from = 0,
             int to = 1000);

    /// The text that was given for a setting, by its name.
    [[nodiscard]] const std::optional<std::string>& text(std::string_view name) const;

    /// Overwrites what was given, by place. Throws InputError.
    void apply(std::vector<Setting> settings) const;

  private:
    std::map<std::string, std::optional<std::string>, std::less<>> texts_;
    std::map<std::string, bool, std::less<>> switches_;
};

/// Accepts what the field takes.
TextCheck taken_by(const Field& field);

/// Accepts decimal whole numbers from `least` to 2⁶³ − 1, and drops their leading zeros.
TextCheck whole_number(std::int64_t least);

}  // namespace ntpgeo
