// The names of what makes up a run's folder (design 2.2).
#pragma once

#include <string>
#include <string_view>

namespace ntpgeo {

inline constexpr const char* config_name = "config.json";
inline constexpr const char* metrics_name = "metrics.jsonl";
inline constexpr const char* log_name = "log.txt";
inline constexpr const char* result_name = "result.safetensors";
inline constexpr const char* profile_name = "profile.json";  // of train --profile

/// Whether `name` is BEGINNING, so many digits, ".safetensors".
constexpr bool is_numbered_name(std::string_view name, std::string_view beginning, std::size_t digits) {
    constexpr std::string_view end = ".safetensors";
    if (name.size() != beginning.size() + digits + end.size() || !name.starts_with(beginning) ||
        !name.ends_with(end))
        return false;
    return name.substr(beginning.size(), digits).find_first_not_of("0123456789") == std::string_view::npos;
}

/// "checkpoint-" and twelve digits: anything else that lies there is the user's.
constexpr bool is_checkpoint_name(std::string_view name) {
    return is_numbered_name(name, "checkpoint-", 12);
}

/// The end of a part's name, behind "checkpoint-" and twelve digits (design 2.2): ".part-00002-of-00004".
constexpr std::size_t part_length = std::string_view(".part-00002-of-00004").size();

/// A part of a checkpoint that ranks have written.
inline bool is_part_name(std::string_view name) {
    constexpr std::size_t begin = std::string_view("checkpoint-").size() + 12;
    if (name.size() < begin + part_length) return false;
    const std::string_view part = name.substr(begin, part_length);
    const auto are_digits = [&](std::size_t from) {
        return part.substr(from, 5).find_first_not_of("0123456789") == std::string_view::npos;
    };
    return is_checkpoint_name(std::string(name.substr(0, begin)) +
                              std::string(name.substr(begin + part_length))) &&
           part.starts_with(".part-") && are_digits(6) && part.substr(11, 4) == "-of-" && are_digits(15);
}

/// "snapshot-" and twelve digits, of analyze --keep.
constexpr bool is_snapshot_name(std::string_view name) {
    return is_numbered_name(name, "snapshot-", 12);
}

/// Whether a run writes a file of this name.
inline bool is_name_of_run(std::string_view name) {
    return name == config_name || name == metrics_name || name == log_name || name == result_name ||
           name == profile_name || is_checkpoint_name(name) || is_part_name(name) || is_snapshot_name(name) ||
           is_numbered_name(name, "point-", 6);
}

}  // namespace ntpgeo
