// Every record that the program writes, key by key, against the table of figures.
#include <gtest/gtest.h>

#include "engine/geometry/figure_table.hpp"
#include "tests/training_runs.hpp"

namespace ntpgeo {
namespace {

/// What the table gives to a verb, in no order.
std::vector<std::string> keys_of(Verb verb) {
    std::vector<std::string> keys;
    for (const RecordKey& key : record_keys())
        if ((key.verbs & verb) != 0) keys.emplace_back(key.name);
    std::sort(keys.begin(), keys.end());
    return keys;
}

bool has_kind(const Json& value, ValueKind kind) {
    switch (kind) {
        case ValueKind::integer:
            return value.is_number_integer();
        case ValueKind::number:
            return value.is_number_float();
        case ValueKind::text:
            return value.is_string();
        case ValueKind::numbers:
            return value.is_array();
    }
    return false;
}

void expect_keys(const Json& record, Verb verb) {
    std::vector<std::string> keys;
    for (const auto& [name, value] : record.items()) {
        keys.push_back(name);
        const RecordKey& key = record_key(name);
        EXPECT_TRUE(value.is_null() ? key.null_where != "" : has_kind(value, key.kind)) << name;
    }
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(keys, keys_of(verb));
}

TEST(RecordKeys, AreThoseOfTheTableInEveryVerb) {
    const ScratchFolder folder;
    const std::string data = make_tiny_dataset(folder), limit = folder / "limit", path = folder / "path",
                      train = folder / "train", network = folder / "network";
    run_well({"limit", data, "-o", limit, "--tol", "1e-3"});
    run_well({"path", data, "-o", path, "--lambda", "1e-2:1e-3:1", "--tol", "1e-3"});
    run_well({"train", data, "-o", train, "--dim", "4", "--steps", "4", "--lambda", "1e-3", "--limit", limit,
              "--certify-every", "2"});
    const ProgramResult analysed = run_well({"analyze", train, "-o", network});
    for (const auto& [run, verb] :
         {std::pair(limit, limit_verb), {path, path_verb}, {train, train_verb}, {network, analyze_verb}}) {
        ASSERT_FALSE(records(run).empty()) << run;
        for (const Json& record : records(run)) expect_keys(record, verb);
    }
    expect_keys(Json::parse(analysed.out), analyze_verb);
}

}  // namespace
}  // namespace ntpgeo
