// What a setting is: its name, help and range, bound to the field that holds its value. Each of the engine's
// structs of settings has one function `settings_of` that lists what it holds; flags, files, help, checks and
// the comparison of two runs come from visiting that list, in any language.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ntpgeo {

/// A whole number from `least` to `most`. 0 is right as well, in files, where it stands for "never".
struct WholeField {
    std::int64_t* value;
    std::int64_t least = 0;
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
    bool or_never = false;
};

/// A whole number from `least` on, or none.
struct OptionalWholeField {
    std::optional<std::int64_t>* value;
    std::int64_t least = 1;
};

/// Any 64 bits.
struct SeedField {
    std::uint64_t* value;
};

enum class NumberRange { positive, non_negative, fraction };  // x > 0; x ≥ 0; 0 ≤ x < 1

/// A finite number.
struct NumberField {
    double* value;
    NumberRange range;
};

/// On or off.
struct SwitchField {
    bool* value;
};

/// A number ≥ 0 that falls geometrically from the one to the other: X, or HI:LO with LO > 0.
struct DecayField {
    double *start, *end;
};

/// A falling grid HI, HI·10^(−1/N), … down to LO, given as HI:LO:N; each value rounded to 15 digits.
struct GridField {
    std::vector<double>* values;
};

/// Anything that is spelled in words.
struct TextField {
    std::function<std::string()> get;
    std::function<std::string(std::string_view)> set;  ///< as take_text
    std::vector<std::string_view> names;               ///< those to choose from, where there is a list
    std::function<std::string()> compared;  ///< equal texts are equal settings to a run that goes on
};

using Field = std::variant<WholeField, OptionalWholeField, SeedField, NumberField, SwitchField, DecayField,
                           GridField, TextField>;

struct Setting {
    std::string_view name;  ///< in files; the flag has '-' for '_'
    Field field;
    std::string help;  ///< {default} stands for the field's value
    int place = 0;     ///< help lists settings by their place, those of one place as they come
    std::string metavar =
        {};  ///< what help calls the value, its default behind; "" where its type says enough
    std::string_view flag = {};  ///< where it is not made from the name
    std::string owners = {};     ///< "adam (or adamw)": who alone has it; "" where it is everybody's
    bool owned = true;           ///< whether it means anything beside the others' values
    bool written = true;         ///< whether a file holds it beside the others' values
};

/// "keep-checkpoints", as flags and messages have it.
std::string flag_name(const Setting& setting);

/// "fp64|same": what a field of named values may be given, as help calls it.
std::string choices_of(const TextField& field);

/// What help calls the device, which is no name alone.
inline constexpr const char* device_choices = "auto|cpu|cuda[:i]";

/// What a field takes, in words: "a whole number >= 1", "fp64|same"; "" of a text that another must judge.
std::string range_of(const Field& field);

/// The setting's help with its default, which is the value it is bound to.
std::string help_of(const Setting& setting);

/// The value as a flag would give it; "" for no number.
std::string text_of(const Field& field);

/// Takes the value that `text` spells, as flags do. Returns "", or what is wrong, so that "'TEXT' …" is a
/// sentence; the value is then as it was.
std::string take_text(const Field& field, std::string_view text);

/// `text` fit for one line of a message: control characters and what is not ASCII as \\xNN, no more than
/// 4096 bytes of it.
std::string shown(std::string_view text);

/// Takes the value that `text` spells. Throws InputError: "NAME: 'TEXT' is …", NAME as the flag has it and
/// TEXT as `in_message` spells it.
void take_or_refuse(const Setting& setting, std::string_view text, std::string_view in_message);

/// What is wrong with a value that did not come from take_text: "0 is not a whole number >= 1"; "" where
/// nothing is.
std::string fault_of(const Field& field);

/// Throws InputError where a value that did not come from take_text is wrong: "NAME: VALUE is not …" after
/// `prefix`.
void check(const std::vector<Setting>& settings, const std::string& prefix);

/// Whether two settings of one name are the same to a run that goes on.
bool same(const Field& a, const Field& b);

/// Any text: what is right, another must say (the device, say).
TextField open_field(std::string& value);

/// HI:LO:N into a grid, as take_text does.
std::string take_grid(std::string_view text, std::vector<double>& values);

/// A name and what it stands for. An enumeration that is a setting has its own list of them,
/// `names_of(E)`, in the order in which messages give them.
template <class E>
using Names = std::vector<std::pair<std::string_view, E>>;

template <class E>
std::string name_in(const Names<E>& names, E value) {
    for (const auto& [name, known] : names)
        if (known == value) return std::string(name);
    return "unnamed";
}
template <class E>
std::string name_of(E value) {
    return name_in(names_of(value), value);
}

/// "is unknown; use NAME, NAME": the second half of a refusal.
std::string not_among(const std::vector<std::string_view>& names);

/// Takes the value of the name `text`, as take_text does.
template <class E>
std::string take_name(const Names<E>& names, std::string_view text, E& value) {
    std::vector<std::string_view> list;
    for (const auto& [name, known] : names) {
        if (name == text) return value = known, "";
        list.push_back(name);
    }
    return not_among(list);
}

/// One of an enumeration's names. `not_yet` is refused as not available yet; where it ends in ':', so is all
/// that begins with it.
template <class E>
TextField name_field(E& value, const Names<E>& names, std::string_view not_yet = "") {
    TextField field;
    for (const auto& [name, known] : names) field.names.push_back(name);
    field.get = [&value, names] { return name_in(names, value); };
    field.set = [&value, names, not_yet](std::string_view text) {
        std::string wrong = take_name(names, text, value);
        const bool begins = !not_yet.empty() && text.starts_with(not_yet);
        const bool waits = begins && (text == not_yet || not_yet.ends_with(':'));
        return waits ? "is not available yet" + wrong.substr(wrong.find(';')) : wrong;
    };
    field.compared = field.get;
    return field;
}
template <class E>
TextField name_field(E& value, std::string_view not_yet = "") {
    return name_field(value, names_of(value), not_yet);
}

}  // namespace ntpgeo
