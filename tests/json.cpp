#include "tests/json.hpp"

#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>

namespace ntpgeo {

struct Json::Value {
    nlohmann::ordered_json of;
};

Json Json::parse(const std::string& text) {
    return Json(std::make_shared<const Value>(Value{nlohmann::ordered_json::parse(text)}));
}
bool Json::accept(const std::string& text) {
    return nlohmann::ordered_json::accept(text);
}

Json Json::operator[](std::string_view key) const {
    return Json(std::make_shared<const Value>(Value{value_->of.at(std::string(key))}));
}
Json Json::element(std::size_t index) const {
    return Json(std::make_shared<const Value>(Value{value_->of.at(index)}));
}
bool Json::contains(std::string_view key) const {
    return value_->of.contains(std::string(key));
}
std::size_t Json::size() const {
    return value_->of.size();
}
std::vector<std::pair<std::string, Json>> Json::items() const {
    if (!is_object()) throw std::runtime_error("an object was expected, not " + dump());
    std::vector<std::pair<std::string, Json>> all;
    for (const auto& [key, value] : value_->of.items())
        all.emplace_back(key, Json(std::make_shared<const Value>(Value{value})));
    return all;
}
Json Json::without(std::string_view key) const {
    Value rest = *value_;
    rest.of.erase(std::string(key));
    return Json(std::make_shared<const Value>(std::move(rest)));
}

bool Json::is_null() const {
    return value_->of.is_null();
}
bool Json::is_boolean() const {
    return value_->of.is_boolean();
}
bool Json::is_number() const {
    return value_->of.is_number();
}
bool Json::is_number_integer() const {
    return value_->of.is_number_integer();
}
bool Json::is_number_float() const {
    return value_->of.is_number_float();
}
bool Json::is_string() const {
    return value_->of.is_string();
}
bool Json::is_array() const {
    return value_->of.is_array();
}
bool Json::is_object() const {
    return value_->of.is_object();
}

template <class T>
T Json::get() const {
    return value_->of.get<T>();
}
template bool Json::get<bool>() const;
template int Json::get<int>() const;
template unsigned Json::get<unsigned>() const;
template std::int64_t Json::get<std::int64_t>() const;
template std::uint64_t Json::get<std::uint64_t>() const;
template double Json::get<double>() const;
template std::string Json::get<std::string>() const;
template std::vector<std::int64_t> Json::get<std::vector<std::int64_t>>() const;
template std::vector<double> Json::get<std::vector<double>>() const;
template std::vector<std::string> Json::get<std::vector<std::string>>() const;

std::string Json::dump(int indent) const {
    return value_->of.dump(indent);
}
bool operator==(const Json& a, const Json& b) {
    return a.value_->of == b.value_->of;
}
void PrintTo(const Json& value, std::ostream* out) {
    *out << value.dump();
}
std::ostream& operator<<(std::ostream& out, const Json& value) {
    return out << value.dump();
}

bool is_utf8(const std::string& text) {
    try {
        return !nlohmann::json(text).dump().empty();
    } catch (const nlohmann::json::type_error&) {
        return false;
    }
}

}  // namespace ntpgeo
