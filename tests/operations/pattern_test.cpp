// Products with matrices on the labels' pattern against loops over the dataset and against the CPU.
#include "engine/data/labels.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

class Pattern : public OperationTest {
  protected:
    /// `ones`: the pattern's own matrix, without values.
    void expect(const Dataset& data, std::int64_t width, std::int64_t offset, bool ones = false) {
        const std::int64_t vocab = data.vocab_size, contexts = data.contexts();
        const std::string configuration = "V " + std::to_string(vocab) + ", m " + std::to_string(contexts) +
                                          ", width " + std::to_string(width) + ", offset " +
                                          std::to_string(offset);
        const std::vector<double> values =
                                      ones ? std::vector<double>(static_cast<std::size_t>(data.nnz()), 1.0)
                                           : random(data.nnz()),
                                  x = random(contexts * width), y = random(vocab * width);
        std::vector<double> words_side = y, contexts_side = x;
        for (std::int64_t j = 0; j < contexts; ++j)
            for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i)
                for (std::int64_t k = 0; k < width; ++k) {
                    words_side[data.indices[i] * width + k] += -1.5 * values[i] * x[j * width + k];
                    contexts_side[j * width + k] += -1.5 * values[i] * y[data.indices[i] * width + k];
                }
        const auto run = [&](Backend& on, bool transposed) {
            const Labels labels(on, data);
            const Guarded weights(on, Real::fp64, values, offset);
            const double* const entries = ones ? nullptr : weights.data();
            const Guarded contexts_block(on, Real::fp64, x, offset), words_block(on, Real::fp64, y, offset);
            if (transposed)
                on.pattern_transposed_times(labels.view(), entries, -1.5, words_block.matrix(vocab, width),
                                            contexts_block.matrix(contexts, width));
            else
                on.pattern_times(labels.view(), entries, -1.5, contexts_block.matrix(contexts, width),
                                 words_block.matrix(vocab, width));
            EXPECT_TRUE(same_bits(weights.read(), values, configuration));
            EXPECT_TRUE(same_bits((transposed ? words_block : contexts_block).read(), transposed ? y : x,
                                  configuration));
            return (transposed ? contexts_block : words_block).read();
        };
        for (const bool transposed : {false, true}) {
            const std::vector<double> actual = run(backend(), transposed);
            EXPECT_TRUE(close_to(actual, transposed ? contexts_side : words_side, 1e-12, configuration));
            EXPECT_TRUE(close_to(actual, run(cpu(), transposed), 1e-12, configuration));
            EXPECT_TRUE(same_bits(run(backend(), transposed), actual, configuration));
        }
    }
};

TEST_F(Pattern, EveryWidthAndShape) {
    for (const std::int64_t width : tried({1, 31, 32, 33, 70}, {1, 70}))
        for (const std::int64_t offset : {0, 1}) {
            expect(random_dataset(33, 32, 7, 1, 9, seed()), width, offset);
            expect(random_dataset(1, 1, 1, 1, 1, seed()), width, offset);
            expect(random_dataset(33, 32, 7, 1, 9, seed()), width, offset, true);
        }
}

TEST_F(Pattern, WordsThatNoSupportHoldsAndWordsThatManyHold) {
    expect(random_dataset(1000, 31, 5, 1, 3, seed()), 5, 0);
    expect(random_dataset(3, 1000, 9, 1, 3, seed()), 24, 0);
    expect(random_dataset(40, 33, 33, 40, 40, seed()), 3, 0);  // full supports
}

TEST_F(Pattern, NoColumns) {
    expect(random_dataset(5, 4, 2, 1, 3, seed()), 0, 0);
}

}  // namespace
}  // namespace ntpgeo
