// How many records a run has by default, and what they are counted to take.
#include "engine/runs/record_cost.hpp"

#include <gtest/gtest.h>

#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

RunSettings settings_of(std::int64_t dim, std::int64_t steps) {
    RunSettings settings;
    settings.training.dim = dim;
    settings.training.stages[0].steps = steps;
    settings.training.stages[0].precision = Precision::fp64;
    return settings;
}

std::int64_t counted(const Cadence& cadence, std::int64_t steps) {
    std::int64_t count = 0;
    for (std::int64_t step = 0; step <= steps; ++step) count += cadence.due(step) || step == steps ? 1 : 0;
    return count;
}

TEST(RecordCost, RecordsAreThoseThatAreDueAndTheLast) {
    for (const std::int64_t steps : {0, 1, 2, 9, 10, 25, 99, 1000, 1001, 54321})
        for (const Cadence& cadence : {Cadence{}, Cadence{.count = 3}, Cadence{.count = 1},
                                       Cadence{.logarithmic = false, .count = 10}})
            EXPECT_EQ(records_of(cadence, steps), counted(cadence, steps)) << cadence.text() << ", " << steps;
}

TEST(RecordCost, RecordsOfASmallRunAreNeverThinned) {
    const Dataset data = random_dataset(60, 200, 40, 2, 6, 1);
    for (const std::int64_t steps : {1, 20, 1000})
        EXPECT_EQ(affordable_cadence(settings_of(16, steps), data).text(), "log:20") << steps;
}

TEST(RecordCost, ThoseOfALargeOneTakeATenthOfItOrAreTheFirstAndTheLast) {
    const Dataset data = random_dataset(3000, 9000, 4000, 2, 6, 1);
    bool thinned = false;
    for (const std::int64_t steps : {1, 20, 300, 1000, 3000, 100000}) {
        const RunSettings settings = settings_of(64, steps);
        const Cadence cadence = affordable_cadence(settings, data);
        const RunOperations run = run_operations(settings, data);
        const double share = run.records(records_of(cadence, steps)) / run.updates;
        if (cadence.logarithmic) {
            EXPECT_LE(share, 0.1) << steps;
            thinned = thinned || cadence.count < 20;
        } else {
            EXPECT_EQ(records_of(cadence, steps), 2) << steps;
        }
    }
    EXPECT_TRUE(thinned);
    EXPECT_EQ(affordable_cadence(settings_of(64, 20), data).text(), "20");
    EXPECT_EQ(affordable_cadence(settings_of(64, 100000), data).text(), "log:20");
}

TEST(RecordCost, ABatchsUpdatesAreAsMuchCheaper) {
    const Dataset data = random_dataset(3000, 9000, 4000, 2, 6, 1);
    RunSettings settings = settings_of(64, 1000);
    const RunOperations whole = run_operations(settings, data);
    settings.training.stages[0].batch = 90;
    const RunOperations batched = run_operations(settings, data);
    EXPECT_NEAR(batched.updates / whole.updates, 0.01, 0.005);
    EXPECT_EQ(batched.record, whole.record);
    EXPECT_NE(affordable_cadence(settings, data).text(), "log:20");
}

TEST(RecordCost, OnlyACadenceThatIsLeftOpenIsSettled) {
    const Dataset data = random_dataset(3000, 9000, 4000, 2, 6, 1);
    const auto backend = make_cpu_backend();
    RunSettings open = settings_of(64, 20), given = open;
    given.metrics_every = {.count = 7};
    settle(open, data, *backend);
    settle(given, data, *backend);
    EXPECT_EQ(open.metrics_every.text(), "20");
    EXPECT_EQ(given.metrics_every.text(), "log:7");
}

}  // namespace
}  // namespace ntpgeo
