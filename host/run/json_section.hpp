// Reading and writing a JSON object of settings, key by key.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "engine/settings/setting.hpp"
#include "kernels/base/status.hpp"

namespace ntpgeo {

/// Does `work`; where it throws InputError, the message begins with `where`.
template <class Work>
void at_place(const std::string& where, const Work& work) {
    try {
        work();
    } catch (const InputError& error) {
        throw InputError(where + ", " + error.what());
    }
}

/// `text` as JSON. Throws InputError naming `where` and the byte at which it ceases to be.
nlohmann::json parse_json(const std::string& text, const std::string& where);

/// One JSON object whose keys are taken one by one; what is left over is an error. Every message begins with
/// `where`.
class Section {
  public:
    Section(const nlohmann::json& json, std::string where);

    [[nodiscard]] bool has(std::string_view key) const;
    [[nodiscard]] const std::string& where() const { return where_; }

    /// Overwrites `value` where the key is there. Throws InputError where it is no string.
    void take(const char* key, std::string& value);
    /// Takes the settings whose keys are there, in turn. Throws InputError where a value is of another type
    /// or not to be taken, and where a list without a default is missing.
    void take(const std::vector<Setting>& settings);
    const nlohmann::json* child(std::string_view key);
    void ignore(const char* key) { seen_.insert(key); }
    [[noreturn]] void fail(std::string_view key, const std::string& right) const;
    /// Throws InputError where a key is left.
    void finish() const;

  private:
    void take(const Setting& setting);

    const nlohmann::json& json_;
    std::string where_;
    std::set<std::string, std::less<>> seen_;
};

/// Adds the settings that a file holds, in their order.
void write_settings(const std::vector<Setting>& settings, nlohmann::ordered_json& json);

}  // namespace ntpgeo
