// Work that is queued again and again.
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/operations/operation_fixture.hpp"
#include "tests/update_numbers.hpp"

namespace ntpgeo {
namespace {

using RepeatedWork = OperationTest;

// Some runs are calls, and later ones a graph on a GPU; what is shared with the host is there after each end.
TEST_F(RepeatedWork, HasEndedWhenItIsFinished) {
    const Guarded value(backend(), Real::fp64, {2});
    const NumbersOn numbers(backend(), {.update = 3});
    const Shared<UpdateStatus> status(backend());
    const auto replay = backend().make_replay(
        [&] { backend().judge_update(value.vector().as<double>(), numbers.get(), status.get()); });
    std::int64_t updates = 3;
    for (const int runs : {1, 1, 1, 2, 100}) {
        *status.get() = {};
        for (int run = 0; run < runs; ++run) replay->run();
        replay->finish();
        EXPECT_TRUE(status->unchanged) << runs;
        EXPECT_EQ(numbers.read().update, updates += runs);
    }
}

}  // namespace
}  // namespace ntpgeo
