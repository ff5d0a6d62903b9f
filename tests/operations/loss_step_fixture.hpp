// In which ways a loss step is made.
#pragma once

#include <vector>

#include "engine/data/labels.hpp"
#include "tests/loss_checks.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {

struct LossWay {
    Real master;
    Precision precision;
    double tolerance;  ///< for logits of about one nat: in norm, for the worst entry, and for both sums

    [[nodiscard]] LossPlan plan(std::int64_t dim, std::int64_t chunk = 0, std::int64_t group = 0) const {
        return {dim, master, precision, chunk, group};
    }
    /// Products of at least single precision.
    [[nodiscard]] bool is_exact() const {
        return precision == Precision::fp32 || precision == Precision::fp64;
    }
    [[nodiscard]] bool is(Real real, Precision products) const {
        return master == real && precision == products;
    }
};
inline const std::vector<LossWay> loss_ways{
    {Real::fp64, Precision::fp64, 1e-12},  {Real::fp64, Precision::fp32, 3e-6},
    {Real::fp64, Precision::tf32, 1e-3},   {Real::fp64, Precision::bf16, 2e-2},
    {Real::fp64, Precision::bf16x3, 5e-5}, {Real::fp32, Precision::fp32, 3e-5},
    {Real::fp32, Precision::bf16, 2e-2},   {Real::fp32, Precision::bf16x3, 5e-5},
    {Real::fp32, Precision::tf32, 1e-3},   {Real::fp32, Precision::fp64, 3e-5}};

/// Its size takes no memory to say (but what device-wide calls work in, which a GPU keeps from the first on),
/// and is what the step then takes, in at most so many arrays.
inline LossStepSize expect_memory_as_said(Backend& backend, const Labels& labels, const LossPlan& plan,
                                          int arrays) {
    const LossStepSize size = backend.loss_step_size(labels.view(), plan);
    const std::int64_t before = bytes_in_use(backend).value();
    EXPECT_EQ(backend.loss_step_size(labels.view(), plan).bytes, size.bytes);
    EXPECT_NEAR(static_cast<double>(bytes_in_use(backend).value() - before), 0, allocation_slack(0, 0, 0));
    const auto step = backend.make_loss_step(labels.view(), plan);
    const std::int64_t taken = bytes_in_use(backend).value() - before;
    EXPECT_NEAR(static_cast<double>(taken), static_cast<double>(size.bytes),
                allocation_slack(taken, size.bytes, arrays));
    return size;
}

class LossStepTest : public OperationTest {
  protected:
    /// Every way that the backend has.
    template <class Check>
    void for_each_way(const Check& check) const {
        for (const LossWay& way : loss_ways) {
            if (!backend().supports(way.precision)) continue;
            SCOPED_TRACE(testing::Message() << "way " << &way - loss_ways.data());
            check(way);
        }
    }
    /// Products of bf16 in three terms where the backend has them, the most intricate; else in fp32.
    [[nodiscard]] Precision three_terms_or_fp32() const {
        return backend().supports(Precision::bf16x3) ? Precision::bf16x3 : Precision::fp32;
    }
    StepResult step(const Problem& problem, const LossPlan& plan, double lambda = 0) const {
        return run_step(backend(), problem.data, problem.words, problem.contexts, plan, lambda);
    }
};

}  // namespace ntpgeo
