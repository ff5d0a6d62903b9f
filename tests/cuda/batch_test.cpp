// Mini-batches on CUDA: all contexts are the whole to the bit, runs go on bit for bit, and the CPU agrees.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "engine/training/trainer.hpp"
#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t vocab = 40, contexts = 30, dim = 5;

class CudaBatches : public CudaTest {
  protected:
    static TrainingSettings settings(const Stage& stage) {
        return {.dim = dim, .seed = 3, .stages = {stage}};
    }
    TrainerState train(Backend& backend, const Stage& stage, bool interrupted = false) {
        const Labels labels(backend, data_);
        Trainer trainer(backend, labels, settings(stage));
        while (!trainer.finished()) {
            if (interrupted && trainer.step() == stage.steps / 2) {
                trainer.settle();
                Trainer other(backend, labels, settings(stage));
                other.load(trainer.save());
                while (!other.finished()) other.advance();
                other.settle();
                return other.save();
            }
            trainer.advance();
        }
        trainer.settle();
        return trainer.save();
    }
    static void expect_same(const TrainerState& a, const TrainerState& b) {
        ASSERT_EQ(a.tensors.size(), b.tensors.size());
        for (std::size_t i = 0; i < a.tensors.size(); ++i)
            EXPECT_EQ(a.tensors[i].bytes, b.tensors[i].bytes) << a.tensors[i].name;
    }

    Dataset data_ = random_dataset(vocab, contexts, 9, 1, 6, 11);
};

TEST_F(CudaBatches, OfAllContextsAreTheWholeToTheBit) {
    for (const OptimizerKind kind : {OptimizerKind::gd, OptimizerKind::adam})
        for (const Precision precision : {Precision::fp64, Precision::bf16}) {
            Stage stage{.steps = 8, .optimizer = kind, .precision = precision};
            const TrainerState whole = train(gpu(), stage);
            stage.batch = contexts;
            expect_same(train(gpu(), stage), whole);
        }
}

TEST_F(CudaBatches, GoOnBitForBitAndAgreeWithTheCpu) {
    for (const Sampling sampling : {Sampling::once, Sampling::weights})
        for (const Frozen frozen : {Frozen::nothing, Frozen::words, Frozen::contexts}) {
            const Stage stage{.steps = 12, .frozen = frozen, .batch = 7, .sampling = sampling};
            const TrainerState straight = train(gpu(), stage);
            expect_same(train(gpu(), stage, true), straight);
            const TrainerState reference = train(cpu(), stage);
            for (std::size_t k = 0; k < 2; ++k) {
                const auto values = [&](const TrainerState& state) {
                    std::vector<double> result(state.tensors[k].bytes.size() / sizeof(double));
                    std::memcpy(result.data(), state.tensors[k].bytes.data(), state.tensors[k].bytes.size());
                    return result;
                };
                const std::vector<double> found = values(straight), expected = values(reference);
                for (std::size_t i = 0; i < found.size(); ++i)
                    ASSERT_NEAR(found[i], expected[i], 1e-7 * (1 + std::abs(expected[i]))) << i;
            }
        }
}

}  // namespace
}  // namespace ntpgeo
