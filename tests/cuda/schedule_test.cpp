// A schedule of every optimizer on a GPU and on the CPU: the same engine code, so the same trajectory.
#include <cmath>

#include "engine/training/trainer.hpp"
#include "tests/cuda/cuda_fixture.hpp"

namespace ntpgeo {
namespace {

using CudaSchedule = CudaTest;

TEST_F(CudaSchedule, AScheduleOfEveryOptimizerAgreesWithTheCpu) {
    const Dataset data = random_dataset(33, 41, 9, 1, 5, seed());
    TrainingSettings settings;
    settings.dim = 6;
    const auto stage = [](OptimizerKind optimizer, double rate, double lambda, Frozen frozen) {
        return Stage{.steps = 6,
                     .optimizer = optimizer,
                     .learning_rate = rate,
                     .warmup = 2,
                     .lambda_start = lambda,
                     .lambda_end = lambda,
                     .frozen = frozen};
    };
    settings.stages = {stage(OptimizerKind::gd, 0.5, 0, Frozen::nothing),
                       stage(OptimizerKind::momentum, 0.2, 1e-2, Frozen::nothing),
                       stage(OptimizerKind::ngd, 0.1, 1e-2, Frozen::words),
                       stage(OptimizerKind::adam, 0.01, 0, Frozen::contexts),
                       stage(OptimizerKind::adamw, 0.01, 0.1, Frozen::nothing),
                       stage(OptimizerKind::lbfgs, 1, 1e-3, Frozen::nothing)};
    const Labels on_cpu(cpu(), data), on_gpu(gpu(), data);
    Trainer one(cpu(), on_cpu, settings), two(gpu(), on_gpu, settings);
    while (!one.finished()) {
        one.advance();
        two.advance();
        ASSERT_EQ(one.position(), two.position());
        const std::int64_t size = (33 + 41) * 6;
        const auto expected = download_array<double>(cpu(), one.words().data, size),
                   found = download_array<double>(gpu(), two.words().data, size);
        for (std::int64_t i = 0; i < size; ++i)
            ASSERT_NEAR(found[i], expected[i], 1e-9 * (1 + std::abs(expected[i])))
                << "entry " << i << " after step " << one.step();
    }
}

}  // namespace
}  // namespace ntpgeo
