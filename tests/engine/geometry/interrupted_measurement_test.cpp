// A measurement that is left in the middle, as a signal to a run leaves it.
#include <gtest/gtest.h>

#include "engine/geometry/figures.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

struct Left {};

TEST(InterruptedMeasurement, IsLeftAtAnyPartAndTheNextOneIsNoneTheWorse) {
    // Wide enough that its spectrum takes many products.
    const std::int64_t vocab = 280, contexts = 300, dim = 5;
    const Dataset data = random_dataset(vocab, contexts, 40, 2, 6, 3);
    const auto backend = make_cpu_backend();
    const Array w = upload_array(*backend, random_values(vocab * dim, 1, 1)),
                h = upload_array(*backend, random_values(contexts * dim, 1, 2));
    const auto measure = [&](FigureMeter& meter) {
        return meter.measure(w.matrix(Real::fp64, vocab, dim), h.matrix(Real::fp64, contexts, dim), 1e-3,
                             Precision::fp64, 0, 7);
    };
    FigureMeter undisturbed(*backend, data), meter(*backend, data);
    const Figures expected = measure(undisturbed);
    int calls = 0;
    meter.call_between_parts([&] { ++calls; });
    measure(meter);
    const int all = calls;
    EXPECT_GT(all, 10);
    for (const int last : {1, 2, 3, all / 2, all}) {
        calls = 0;
        meter.call_between_parts([&] {
            if (++calls == last) throw Left();
        });
        EXPECT_THROW(measure(meter), Left) << last;
        EXPECT_EQ(calls, last);
        meter.call_between_parts({});
        const Figures figures = measure(meter);
        EXPECT_EQ(figures.excess_loss, expected.excess_loss);
        EXPECT_EQ(figures.collapse, expected.collapse);
        EXPECT_EQ(figures.singular_values, expected.singular_values);
        EXPECT_EQ(figures.direction_strengths, expected.direction_strengths);
    }
}

}  // namespace
}  // namespace ntpgeo
