// What the tests of train, analyze and resume share: small data sets, runs on one thread, and run folders as
// their readers see them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "host/files/atomic_file.hpp"
#include "tests/cli/run_program.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/json.hpp"

namespace ntpgeo {

using Arguments = std::vector<std::string>;
namespace fs = std::filesystem;

inline Arguments operator+(Arguments first, const Arguments& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

/// The command line of ntpgeo on one thread: small problems gain nothing from two, and wait for both on a
/// machine that has other work.
inline Arguments on_one_thread(const Arguments& arguments) {
    return Arguments{"env", "OMP_NUM_THREADS=1", NTPGEO_BINARY} + arguments;
}

inline ProgramResult run_quickly(const Arguments& arguments) {
    return run_program(on_one_thread(arguments));
}

/// Runs it and expects success.
inline ProgramResult run_well(const Arguments& arguments) {
    ProgramResult result = run_quickly(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return result;
}

/// A data set of 60 contexts over 20 words in 12 support classes.
inline std::string make_tiny_dataset(const ScratchFolder& folder, const std::string& name = "tiny",
                                     const std::string& seed = "0") {
    const std::string path = folder / name;
    run_well({"data", "synth", "-o", path, "--vocab", "20", "--contexts", "60", "--supports", "12",
              "--support-size", "2:6", "--seed", seed});
    return path;
}

/// The lines of metrics.jsonl.
inline std::vector<Json> records(const fs::path& run) {
    std::vector<Json> found;
    std::istringstream lines(read_file(run / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) found.push_back(Json::parse(line));
    return found;
}

/// The lines of metrics.jsonl without what depends on clock and machine (keys that end in _s, design 2.2).
inline std::vector<std::string> timeless_records(const fs::path& run) {
    std::vector<std::string> lines;
    for (const Json& record : records(run)) {
        Json kept = record;
        for (const auto& [key, value] : record.items())
            if (key.ends_with("_s")) kept = kept.without(key);
        lines.push_back(kept.dump());
    }
    return lines;
}

inline std::vector<std::int64_t> recorded_steps(const fs::path& run) {
    std::vector<std::int64_t> steps;
    for (const Json& record : records(run)) steps.push_back(record["step"]);
    return steps;
}

/// Every file of a folder with its bytes.
inline std::map<std::string, std::string> contents(const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(folder))
        files[entry.path().filename()] = entry.is_regular_file() ? read_file(entry.path()) : "";
    return files;
}

inline std::vector<std::string> names_beginning(const fs::path& folder, const std::string& beginning) {
    std::vector<std::string> names;
    if (!fs::exists(folder)) return names;
    for (const auto& entry : fs::directory_iterator(folder))
        if (entry.path().filename().string().starts_with(beginning)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

/// Expects the same bits in both: the result's bytes and every record but its times.
inline void expect_same_run(const fs::path& run, const fs::path& reference) {
    EXPECT_EQ(timeless_records(run), timeless_records(reference));
    EXPECT_TRUE(read_file(run / "result.safetensors") == read_file(reference / "result.safetensors"))
        << run << " and " << reference << " have other results";
    EXPECT_TRUE(names_beginning(run, ".ntpgeo").empty()) << "a temporary file was left in " << run;
}

/// Expects `status` and one line on stderr that says `part`, and nothing on stdout.
inline void expect_one_line(const ProgramResult& result, int status, const std::string& part) {
    EXPECT_EQ(result.status, status) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "");
    expect_contains(result.err, part);
}

}  // namespace ntpgeo
