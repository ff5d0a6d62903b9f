// JSON as tests read it: what the program wrote, looked at and compared, never made. A file that includes
// nlohmann-json itself takes three times as long to compile.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ntpgeo {

/// A value and all that it holds, in the order in which it was written. Whatever is asked of a value of
/// another kind, or for what is not there, throws std::exception, which fails a test.
class Json {
  public:
    /// Throws std::exception where it is none.
    static Json parse(const std::string& text);
    static bool accept(const std::string& text);

    [[nodiscard]] Json operator[](std::string_view key) const;
    [[nodiscard]] Json operator[](const char* key) const { return (*this)[std::string_view(key)]; }
    [[nodiscard]] Json operator[](const std::string& key) const { return (*this)[std::string_view(key)]; }
    template <std::integral Index>
    [[nodiscard]] Json operator[](Index index) const {
        return element(static_cast<std::size_t>(index));
    }
    [[nodiscard]] Json front() const { return element(0); }
    [[nodiscard]] Json back() const { return element(size() - 1); }
    [[nodiscard]] bool contains(std::string_view key) const;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] bool empty() const { return size() == 0; }
    /// Of an object, in its order.
    [[nodiscard]] std::vector<std::pair<std::string, Json>> items() const;
    /// A copy of an object without that key.
    [[nodiscard]] Json without(std::string_view key) const;

    [[nodiscard]] bool is_null() const;
    [[nodiscard]] bool is_number() const;
    [[nodiscard]] bool is_number_integer() const;
    [[nodiscard]] bool is_number_float() const;
    [[nodiscard]] bool is_string() const;
    [[nodiscard]] bool is_array() const;
    [[nodiscard]] bool is_object() const;

    /// T: bool, double, int, std::int64_t, std::size_t, std::string, or a vector of std::int64_t, double or
    /// std::string.
    template <class T>
    [[nodiscard]] T get() const;
    template <class T>
    requires std::is_arithmetic_v<T>
    operator T() const {  // NOLINT(google-explicit-constructor): numbers of a record are compared as numbers
        return get<T>();
    }
    operator std::string() const { return get<std::string>(); }  // NOLINT(google-explicit-constructor)
    /// In one line, or indented.
    [[nodiscard]] std::string dump(int indent = -1) const;

    friend bool operator==(const Json& a, const Json& b);
    friend bool operator==(const Json& a, std::string_view text) {
        return a.is_string() && a.get<std::string>() == text;
    }
    friend bool operator==(const Json& a, const std::string& text) { return a == std::string_view(text); }
    friend bool operator==(const Json& a, const char* text) { return a == std::string_view(text); }
    friend bool operator==(const Json& a, bool value) { return a.is_boolean() && a.get<bool>() == value; }
    template <class T>
    requires std::is_arithmetic_v<T>
    friend bool operator==(const Json& a, T value) {
        if (a.is_number_float()) return a.get<double>() == static_cast<double>(value);
        return a.is_number() && a.get<T>() == value;
    }
    template <class T>
    requires std::is_arithmetic_v<T>
    friend std::partial_ordering operator<=>(const Json& a, T value) {
        return a.get<double>() <=> static_cast<double>(value);
    }
    friend std::partial_ordering operator<=>(const Json& a, const Json& b) { return a <=> b.get<double>(); }
    friend void PrintTo(const Json& value, std::ostream* out);
    friend std::ostream& operator<<(std::ostream& out, const Json& value);

    class Iterator;
    [[nodiscard]] Iterator begin() const;
    [[nodiscard]] Iterator end() const;

  private:
    struct Value;
    explicit Json(std::shared_ptr<const Value> value) : value_(std::move(value)) {}
    [[nodiscard]] bool is_boolean() const;
    [[nodiscard]] Json element(std::size_t index) const;

    std::shared_ptr<const Value> value_;
};

/// Over an array's elements.
class Json::Iterator {
  public:
    Iterator(Json array, std::size_t at) : array_(std::move(array)), at_(at) {}
    Json operator*() const { return array_.element(at_); }
    Iterator& operator++() {
        ++at_;
        return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.at_ == b.at_; }

  private:
    Json array_;
    std::size_t at_;
};

inline Json::Iterator Json::begin() const {
    return {*this, 0};
}
inline Json::Iterator Json::end() const {
    return {*this, size()};
}

/// Whether JSON can hold the text as it is.
bool is_utf8(const std::string& text);

}  // namespace ntpgeo
