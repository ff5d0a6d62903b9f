// `ntpgeo data synth`, `stories` and `topk` before they begin: what they say that they take, and what does
// not fit.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/files/atomic_file.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t contexts = 60'000, words = 32;

std::string teacher(const fs::path& folder) {
    std::vector<std::int32_t> ids;
    for (std::int64_t j = 0; j < contexts; ++j)
        for (std::int64_t i = 0; i < words; ++i) ids.push_back(static_cast<std::int32_t>((j + 7 * i) % 1000));
    const std::int64_t ids_end = contexts * words * 4, probs_end = ids_end + contexts * words * 4;
    const std::string shape = "[" + std::to_string(contexts) + "," + std::to_string(words) + "]";
    const std::string header = R"({"ids":{"dtype":"I32","shape":)" + shape + R"(,"data_offsets":[0,)" +
                               std::to_string(ids_end) + R"(]},"probs":{"dtype":"F32","shape":)" + shape +
                               R"(,"data_offsets":[)" + std::to_string(ids_end) + "," +
                               std::to_string(probs_end) + "]}}";
    const std::string file = folder / "teacher.safetensors";
    write_raw(file, raw_safetensors(header, bytes_of(ids) + bytes_of(std::vector<float>(ids.size(), 0.03F))));
    return file;
}

/// The bytes of a line "memory      3.5 MiB at most".
double bytes_after(const std::string& word, const std::string& out) {
    const std::size_t at = out.find(word) + word.size();
    std::size_t end = 0;
    const double number = std::stod(out.substr(at), &end);
    const std::string unit = out.substr(at + end + 1, 3);
    return number * (unit == "GiB" ? 0x1p30 : unit == "MiB" ? 0x1p20 : unit == "KiB" ? 0x1p10 : 1);
}

TEST(DataMaking, ADryRunBoundsMemoryAndDiskAndWritesNothing) {
    const ScratchFolder folder;
    const std::string file = teacher(folder.path()), output = folder / "made";
    const auto floor =
        static_cast<double>(run_well({"data", "synth", "--contexts", "1", "-o", output}).most_memory);
    fs::remove(output);
    for (const Arguments& how :
         {Arguments{"synth", "--contexts", "400000", "--supports", "300000", "--vocab", "5000"},
          Arguments{"topk", file}, Arguments{"stories", "--stories", "30000"}}) {
        SCOPED_TRACE(how.front());
        const Arguments command = Arguments{"data"} + how + Arguments{"-o", output};
        const auto before = contents(folder.path());
        const std::string out = run_well(command + Arguments{"--dry-run"}).out;
        expect_contains(out, "time        about ");
        expect_contains(out, "nothing: a dry run");
        EXPECT_EQ(contents(folder.path()), before);
        const double taken = static_cast<double>(run_well(command).most_memory) - floor,
                     said = bytes_after("memory", out);
        EXPECT_LE(taken, said + 0x1p21);  // what the heap keeps for itself
        EXPECT_GE(taken, said / 4);
        if (how.front() != "stories") {
            const double disk = bytes_after("disk", out), made = static_cast<double>(fs::file_size(output));
            EXPECT_LE(made, disk + 4096);
            EXPECT_GE(made, disk / 2);
        }
        fs::remove(output);
    }
}

TEST(DataMaking, WhatDoesNotFitIsRefusedBeforeItStarts) {
    const ScratchFolder folder;
    for (const Arguments& how : {Arguments{"synth", "--contexts", "4000000000000000000"},
                                 Arguments{"synth", "--contexts", "1000000000000"},
                                 Arguments{"stories", "--stories", "1000000000000"},
                                 Arguments{"stories", "--stories", "9000000000000000000"}})
        for (const Arguments& more : {Arguments{}, Arguments{"--dry-run"}}) {
            expect_one_line(run_quickly(Arguments{"data"} + how + Arguments{"-o", folder / "made"} + more), 2,
                            "data " + how.front() + ": needs up to ");
            EXPECT_TRUE(contents(folder.path()).empty());
        }
}

}  // namespace
}  // namespace ntpgeo
