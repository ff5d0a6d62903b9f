// RUN/config.json (design 2.2), of whichever verb, and the engine's tables of settings at work: how files
// hold settings, how they are refused and how those of two runs differ.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/data/dataset.hpp"
#include "engine/settings/setting.hpp"

namespace ntpgeo {

/// What a config.json of this program calls its format.
inline constexpr const char* config_format = "ntpgeo.config.1";

/// Which data a run stands on.
struct DatasetReference {
    std::string path;  ///< absolute
    std::string
        hash;  ///< its contents' (content_hash); of an earlier version's run, that of the file's bytes
};

/// The limit run whose L_mm the figures are held against.
struct LimitReference {
    std::string path;  ///< of its folder, absolute; "" where there is none
    std::string hash;  ///< of its result's bytes
};

/// What a run was made of.
struct RunInputs {
    DatasetReference dataset;
    LimitReference limit;
};

/// Takes the value that `text` spells. Throws InputError: "NAME: 'TEXT' is …", TEXT made printable.
void take_or_refuse(const Setting& setting, const std::string& text);

/// The name of the first setting by which the two lists, of one struct, differ; "" where they agree.
std::string first_difference(const std::vector<Setting>& stored, const std::vector<Setting>& wanted);

/// A value as a config.json has it: a number, a text or a range of two numbers; std::monostate where it is
/// missing or anything else. Texts are untrusted.
using ConfigNumber = std::variant<std::int64_t, double>;
using ConfigValue =
    std::variant<std::monostate, std::int64_t, double, std::string, std::array<ConfigNumber, 2>>;

/// The value where it is a text; "" where it is none.
std::string text_in(const ConfigValue& value);

/// A config.json as it lies there, whoever made it: nothing has to be in it.
class ConfigFile {
  public:
    /// nullopt where `text` is no JSON object.
    static std::optional<ConfigFile> parse(const std::string& text);

    /// The value under a path of keys.
    [[nodiscard]] ConfigValue value(std::initializer_list<const char*> keys) const;
    /// The parts of a list under `key`; nullopt where there is none.
    [[nodiscard]] std::optional<std::vector<ConfigFile>> list(const char* key) const;

    /// The verb that it names, train where it names none (as --config takes it).
    [[nodiscard]] std::string command() const;
    /// Empty texts where there are none.
    [[nodiscard]] RunInputs inputs() const;

  private:
    explicit ConfigFile(std::shared_ptr<const nlohmann::json> json) : json_(std::move(json)) {}
    std::shared_ptr<const nlohmann::json> json_;
};

/// Reads what ConfigWriter wrote, or a person: keys are taken one by one, and what is left over is an error.
/// Every message begins with `where`.
class ConfigReader {
  public:
    /// Throws InputError where `text` is no JSON object of `command`; one that names neither format nor
    /// command is taken where `by_hand`.
    ConfigReader(const std::string& text, const std::string& where, const std::string& command, bool by_hand);

    [[nodiscard]] bool has(std::string_view key) const;
    void take(DatasetReference& dataset);
    void take(LimitReference& limit);
    /// Takes the settings whose keys are there, in turn. Throws InputError where a value is of another type
    /// or not to be taken, and where a list without a default is missing.
    void take(const std::vector<Setting>& settings);
    /// Lets `read` take and finish the parts of a list of 1 to `most` under `key`, in turn, as the whole is;
    /// none where the key is not there. Messages call a part by `name` and its number.
    void take_list(const char* key, const char* name, std::size_t most,
                   const std::function<void(ConfigReader&)>& read);
    /// Keys that have their place in another part of the file, and which that is.
    struct Elsewhere {
        std::string where;
        std::vector<std::string_view> keys;
        [[nodiscard]] bool has(std::string_view key) const {
            return std::find(keys.begin(), keys.end(), key) != keys.end();
        }
    };
    /// Throws InputError where a key is left, with those that are known here and, where it belongs
    /// `elsewhere`, there.
    void finish(const Elsewhere& elsewhere = {}) const;
    [[noreturn]] void refuse(const std::string& what) const;

  private:
    ConfigReader(std::shared_ptr<const nlohmann::json> json, std::string where);
    const nlohmann::json* child(std::string_view key);
    void take(const char* key, std::string& value);
    void take_path(std::string& path);
    void take(const Setting& setting);

    std::shared_ptr<const nlohmann::json> json_;
    std::string where_;
    std::set<std::string, std::less<>> seen_;
};

/// Makes a config.json, key by key in the order of the calls.
class ConfigWriter {
  public:
    /// Begins with format, command and the data set with its sizes.
    ConfigWriter(const std::string& command, const DatasetReference& reference, const Dataset& dataset);
    ~ConfigWriter();

    void add(const std::vector<Setting>& settings);       ///< those that a file holds
    void add(const LimitReference& limit);                ///< where there is one
    void add(const char* key, const std::string& value);  ///< valid UTF-8
    void add(const char* key, std::int64_t value);
    /// Adds settings as one more object of a list.
    void append(const char* key, const std::vector<Setting>& settings);
    /// The file's bytes, the versions of program and compiler at their end.
    [[nodiscard]] std::string text() const;

  private:
    std::unique_ptr<nlohmann::ordered_json> json_;
};

}  // namespace ntpgeo
