// Updates that leave W in the loss step's operand: the next step has the bits it has when it converts W by
// itself.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/training/objective.hpp"
#include "tests/cuda/cuda_fixture.hpp"
#include "tests/loss_fixture.hpp"
#include "tests/update_numbers.hpp"

namespace ntpgeo {
namespace {

constexpr Precision all_precisions[] = {Precision::fp64, Precision::fp32, Precision::tf32, Precision::bf16,
                                        Precision::bf16x3};

struct Way {
    Precision precision;
    Frozen frozen = Frozen::nothing;
    LossKernel kernel = LossKernel::plain;
};

/// A run's vectors x and its gradient, velocity and second moment.
class Descent {
  public:
    Descent(Backend& backend, const Labels& labels, const ModelShape& shape, const Way& way,
            const Guarded& start)
        : backend_(backend),
          x_(backend, start.vector().real, start.read()),
          gradient_(Guarded::poisoned(backend, x().real, x().size)),
          velocity_(backend, x().real, zeros()),
          square_(backend, x().real, zeros()),
          objective_(backend, labels.view(), x(), shape.dim) {
        configure(way);
    }
    /// The next evaluation converts W.
    void configure(const Way& way) { objective_.configure(way.precision, way.kernel, way.frozen); }

    [[nodiscard]] Vector x() const { return x_.vector(); }
    [[nodiscard]] Objective& objective() { return objective_; }
    [[nodiscard]] Vector trained() const { return objective_.trained(); }

    /// Loss and gradient at x.
    std::vector<double> evaluate() {
        const double value = objective_.evaluate(trained(), 0.01, gradient());
        std::vector<double> all = gradient_.read();
        all.push_back(value);
        return all;
    }
    void update(int kind, const Parameters& parameters) {
        const NumbersOn numbers(backend_, {.rate = kind == 2 ? 0.01 : 0.5});
        const UpdateNumbers* const n = numbers.get();
        if (kind == 0) backend_.descend(n, gradient(), parameters);
        if (kind == 1) backend_.heavy_ball(n, 0.9, gradient(), part(velocity_), parameters);
        if (kind == 2) backend_.adam(n, {}, gradient(), part(velocity_), part(square_), parameters);
        if (kind == 3) backend_.sign_step(n, 0.9, gradient(), part(velocity_), parameters);
    }

  private:
    [[nodiscard]] std::vector<double> zeros() const {
        return std::vector<double>(static_cast<std::size_t>(x_.vector().size));
    }
    [[nodiscard]] Vector part(const Guarded& array) const {
        Vector vector = array.vector();
        vector.size = trained().size;
        return vector;
    }
    [[nodiscard]] Vector gradient() const { return part(gradient_); }

    Backend& backend_;
    Guarded x_, gradient_, velocity_, square_;
    WholeObjective objective_;
};

class CudaWordsOperand : public CudaTest {
  protected:
    /// [W; H]
    Guarded start(const ModelShape& shape, Real master) {
        return {gpu(), master, random(shape.size(), master)};
    }
};

TEST_F(CudaWordsOperand, HasTheBitsOfAConversionAtEveryShape) {
    std::vector<Way> ways;
    for (const Precision precision : all_precisions) ways.push_back({precision});
    for (const Frozen frozen : {Frozen::words, Frozen::contexts}) ways.push_back({Precision::bf16, frozen});
    if (gpu().why_not(LossKernel::epilogue, Precision::bf16).empty())
        ways.push_back({Precision::bf16, Frozen::nothing, LossKernel::epilogue});
    // Only 128 words leave no padding between W's operand and what is not its own.
    const std::vector<std::array<std::int64_t, 3>> shapes{{2, 1, 1}, {31, 5, 7}, {33, 9, 12}, {128, 4, 8}};
    for (const auto& [vocab, contexts, dim] : shapes) {
        const Dataset data = random_dataset(vocab, contexts, contexts, 1, 2, seed());
        const Labels labels(gpu(), data);
        const ModelShape shape{vocab, contexts, dim};
        for (const Real master : {Real::fp64, Real::fp32})
            for (const Way& way : ways) {
                SCOPED_TRACE(testing::Message() << "V " << vocab << " d " << dim << " master "
                                                << bytes_of(master) << " way " << &way - ways.data());
                const Guarded x = start(shape, master);
                Descent together(gpu(), labels, shape, way, x), apart(gpu(), labels, shape, way, x);
                for (int step = 0; step < 7; ++step) {  // the recordings are replayed from the third on
                    apart.configure(way);
                    ASSERT_TRUE(same_bits(together.evaluate(), apart.evaluate()));
                    const int kind = step % 4;
                    together.update(kind, together.objective().update_of(together.trained()));
                    apart.update(kind, {apart.trained(), {}});
                }
            }
    }
}

TEST_F(CudaWordsOperand, MayComeFromAnyElementOn) {
    const std::int64_t vocab = 33, dim = 8;
    const Dataset data = random_dataset(vocab, 6, 6, 1, 3, seed());
    const Labels labels(gpu(), data);
    for (const Real master : {Real::fp64, Real::fp32})
        for (const Precision precision : all_precisions)
            for (const std::int64_t offset : {1, 2, 3}) {
                const auto step = gpu().make_loss_step(labels.view(), {dim, master, precision});
                const Guarded words(gpu(), master, random(vocab * dim, master), offset);
                const Guarded contexts(gpu(), master, random(6 * dim, master));
                const Guarded direction(gpu(), master, random(vocab * dim, master), offset);
                const Guarded gradient = Guarded::poisoned(gpu(), master, 6 * dim);
                const auto run = [&] {
                    const Matrix none;
                    step->run({words.vector().data, master, vocab, dim},
                              {contexts.vector().data, master, 6, dim}, 0, none,
                              {gradient.vector().data, master, 6, dim});
                    return gradient.read();
                };
                run();
                gpu().descend(NumbersOn(gpu(), {.rate = 0.1}).get(), direction.vector(),
                              {words.vector(), step->words_operand()});
                step->words_are_in_operand();
                const std::vector<double> taken = run(), converted = run();
                EXPECT_TRUE(same_bits(taken, converted));
            }
}

TEST_F(CudaWordsOperand, IsWhatTheNextStepMultipliesAndThatStepAlone) {
    const std::int64_t vocab = 20, dim = 8;
    const Dataset data = random_dataset(vocab, 6, 6, 1, 3, seed());
    const Labels labels(gpu(), data);
    const auto step = gpu().make_loss_step(labels.view(), {dim, Real::fp64, Precision::bf16});
    const Guarded words(gpu(), Real::fp64, random(vocab * dim)), contexts(gpu(), Real::fp64, random(6 * dim)),
        others(gpu(), Real::fp64, random(vocab * dim));
    const Guarded gradient = Guarded::poisoned(gpu(), Real::fp64, 6 * dim);
    const auto run = [&] {
        const Matrix none;
        step->run({words.vector().data, Real::fp64, vocab, dim}, {contexts.vector().data, Real::fp64, 6, dim},
                  0, none, {gradient.vector().data, Real::fp64, 6, dim});
        return gradient.read();
    };
    step->words_are_in_operand();  // nothing is in it yet: not even its padding
    const std::vector<double> first = run();
    gpu().descend(NumbersOn(gpu(), {}).get(), words.vector(), {others.vector(), step->words_operand()});
    step->words_are_in_operand();
    EXPECT_FALSE(same_bits(run(), first));
    EXPECT_TRUE(same_bits(run(), first));
}

TEST_F(CudaWordsOperand, IsForgottenWhereAnotherVectorIsEvaluated) {
    const ModelShape shape{20, 6, 8};
    const Dataset data = random_dataset(20, 6, 6, 1, 3, seed());
    const Labels labels(gpu(), data);
    const Guarded x = start(shape, Real::fp64), other = start(shape, Real::fp64);
    const Guarded gradient = Guarded::poisoned(gpu(), Real::fp64, x.vector().size);
    Descent run(gpu(), labels, shape, {Precision::bf16}, x);
    const auto at = [&](const Guarded& place) {
        return run.objective().evaluate(place.vector(), 0, gradient.vector());
    };
    const double expected = at(other);
    run.evaluate();
    run.update(0, run.objective().update_of(run.trained()));
    EXPECT_EQ(at(other), expected);
    // x may be changed by others after that.
    gpu().copy(other.vector(), run.x());
    EXPECT_EQ(run.objective().evaluate(run.x(), 0, gradient.vector()), expected);
}

}  // namespace
}  // namespace ntpgeo
