// What a record takes on its way is taken once.
#include <gtest/gtest.h>

#include "engine/geometry/figures.hpp"
#include "tests/metering_backend.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

// Spectra by a dense decomposition and by block Krylov, and with a limit to measure against.
TEST(RecordMemory, IsAsMuchInEveryRecord) {
    constexpr std::int64_t dim = 5, rank = 3;
    for (const auto& [vocab, contexts] : std::vector<std::pair<int, int>>{{20, 60}, {280, 300}})
        for (const bool with_limit : {false, true}) {
            MeteringBackend meter;
            const Dataset data = random_dataset(vocab, contexts, 40, 2, 6, 3);
            const LimitFactors limit{vocab, contexts, rank, random_values(vocab * rank, 1, 4),
                                     random_values(contexts * rank, 1, 5)};
            FigureMeter figures(meter, data, with_limit ? &limit : nullptr);
            const Array w = upload_array(meter, random_values(vocab * dim, 1, 1)),
                        h = upload_array(meter, random_values(contexts * dim, 1, 2));
            const auto measure = [&, vocab = vocab, contexts = contexts](std::int64_t step) {
                return figures.measure(w.matrix(Real::fp64, vocab, dim), h.matrix(Real::fp64, contexts, dim),
                                       0, Precision::fp64, 0, step);
            };
            EXPECT_EQ(measure(0).alignment_limit.has_value(), with_limit);
            const std::int64_t taken = meter.bytes;
            meter.peak = taken;
            measure(1);
            EXPECT_EQ(meter.peak, taken) << vocab << " words" << (with_limit ? " and a limit" : "");
            EXPECT_EQ(meter.bytes, taken);
        }
}

}  // namespace
}  // namespace ntpgeo
