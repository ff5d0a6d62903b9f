// Reading a JSON object of settings key by key.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include "host/files/file_error.hpp"
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
inline nlohmann::json parse_json(const std::string& text, const std::string& where) {
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::parse_error& error) {
        throw InputError(fmt::format("{} is not a JSON file: byte {} breaks it", where, error.byte));
    } catch (const nlohmann::json::exception&) {
        throw InputError(where + " is not a JSON file");
    }
}

/// One JSON object whose keys are taken one by one; what is left over is an error. Every message begins with
/// `where`.
class Section {
  public:
    Section(const nlohmann::json& json, std::string where) : json_(json), where_(std::move(where)) {
        if (!json.is_object()) throw InputError(where_ + " must be a JSON object");
    }

    [[nodiscard]] bool has(const char* key) const { return json_.contains(key); }
    [[nodiscard]] const std::string& where() const { return where_; }

    /// Overwrites `value` where the key is there. Throws InputError where it is of another type.
    template <class T>
    void take(const char* key, T& value) {
        seen_.insert(key);
        const auto found = json_.find(key);
        if (found == json_.end()) return;
        bool right = false;
        if constexpr (std::is_same_v<T, std::string>)
            right = found->is_string();
        else if constexpr (std::is_same_v<T, double>)
            right = found->is_number();
        else if constexpr (std::is_same_v<T, std::uint64_t>)
            right = found->is_number_unsigned();
        else  // what is not unsigned is negative; what is unsigned may pass 2^63
            right = found->is_number_integer() &&
                    (!found->is_number_unsigned() || found->template get<std::int64_t>() >= 0);
        if (!right)
            fail(key, std::is_same_v<T, std::string> ? "a string"
                      : std::is_same_v<T, double>    ? "a number"
                                                     : "a whole number");
        value = found->template get<T>();
    }
    const nlohmann::json* child(const char* key) {
        seen_.insert(key);
        const auto found = json_.find(key);
        return found == json_.end() ? nullptr : &*found;
    }
    void ignore(const char* key) { seen_.insert(key); }
    [[noreturn]] void fail(const char* key, const std::string& right) const {
        throw InputError(fmt::format("{}: '{}' must be {}", where_, key, right));
    }
    void finish() const {
        for (const auto& [key, value] : json_.items())
            if (!seen_.contains(key))
                throw InputError(
                    fmt::format("{}: unknown key '{}'", where_, printable(std::string_view(key))));
    }

  private:
    const nlohmann::json& json_;
    std::string where_;
    std::set<std::string> seen_;
};

}  // namespace ntpgeo
