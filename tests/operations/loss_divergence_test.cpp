// Loss steps of a teacher's top-k: labels with mass off their support, the three divergences, a bias, and
// gradients that are added to what is there, against the definitions in long double.
#include <cmath>
#include <string>
#include <vector>

#include "kernels/base/divergence.hpp"
#include "kernels/base/status.hpp"
#include "tests/operations/loss_caller_fixture.hpp"

namespace ntpgeo {
namespace {

using oracle::Dense;
using Number = long double;

/// What a batch has besides: b [V], and τ a context (or none).
struct Extras {
    std::vector<double> bias, tails;
    DivergenceOptions divergence;
};

/// The loss and ∂D/∂q of one cell, by the definitions.
struct Cell {
    Number loss, slope;
};
Cell cell(const DivergenceOptions& divergence, Number p, Number q) {
    const auto part = [](Number a, Number b) { return a == 0 ? 0 : a * std::log(a / b); };
    const Number beta = divergence.beta, m = beta * p + (1 - beta) * q;
    if (divergence.kind == Divergence::forward) return {part(p, q), p == 0 ? 0 : -p / q};
    if (divergence.kind == Divergence::reverse) return {part(q, p), std::log(q / p) + 1};
    return {beta * part(p, m) + (1 - beta) * part(q, m), (1 - beta) * std::log(q / m)};
}

/// By the definitions, with the words off a support as one cell.
struct Expected {
    CallResult result;
    std::vector<double> bias_gradient;
};
Expected expect(const Batch& batch, const Extras& extras, double upstream) {
    const Dense w = batch.dense_words(), h = batch.dense_contexts();
    const Dataset& data = batch.data;
    const std::size_t vocab = w.size(), dim = w[0].size();
    Dense dw = oracle::zeros(vocab, dim), dh = oracle::zeros(h.size(), dim);
    std::vector<Number> db(vocab, 0);
    Expected expected;
    Number total = 0, missing = 0;
    const Dense logits = oracle::logits(w, h);
    for (std::size_t j = 0; j < h.size(); ++j) {
        std::vector<Number> q(vocab);
        Number largest = -INFINITY, sum = 0;
        for (std::size_t v = 0; v < vocab; ++v) {
            q[v] = logits[v][j] + (extras.bias.empty() ? 0 : extras.bias[v]);
            largest = std::max(largest, q[v]);
        }
        for (Number& x : q) sum += x = std::exp(x - largest);
        for (Number& x : q) x /= sum;
        const Number tail = extras.tails.empty() ? 0 : extras.tails[j];
        std::vector<bool> supports(vocab, false);
        std::vector<Number> slope(vocab, 0);
        Number rest = 0, loss = 0, mean = 0;
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i) {
            const auto v = static_cast<std::size_t>(data.indices[i]);
            supports[v] = true;
            const Cell at = cell(extras.divergence, (1 - tail) * data.probs[i], q[v]);
            loss += at.loss;
            slope[v] = at.slope;
        }
        for (std::size_t v = 0; v < vocab; ++v)
            if (!supports[v]) rest += q[v];
        if (rest > 0) {
            const Cell at = cell(extras.divergence, tail, rest);
            loss += at.loss;
            for (std::size_t v = 0; v < vocab; ++v)
                if (!supports[v]) slope[v] = at.slope;
        }
        for (std::size_t v = 0; v < vocab; ++v) mean += q[v] * slope[v];
        const Number weight = data.context_probs[j];
        for (std::size_t v = 0; v < vocab; ++v) {
            const Number g = upstream * weight * q[v] * (slope[v] - mean);
            db[v] += g;
            for (std::size_t k = 0; k < dim; ++k) {
                dw[v][k] += g * h[j][k];
                dh[j][k] += g * w[v][k];
            }
        }
        total += weight * loss;
        missing += weight * rest;
        expected.result.excess.push_back(static_cast<double>(loss));
        expected.result.missing_mass.push_back(static_cast<double>(rest));
    }
    expected.result.sums = {static_cast<double>(total), static_cast<double>(missing)};
    for (const auto& row : dw)
        expected.result.words_gradient.insert(expected.result.words_gradient.end(), row.begin(), row.end());
    for (const auto& row : dh)
        expected.result.contexts_gradient.insert(expected.result.contexts_gradient.end(), row.begin(),
                                                 row.end());
    expected.bias_gradient.assign(db.begin(), db.end());
    return expected;
}

class LossDivergence : public LossCaller {
  protected:
    /// A call with the extras, held against the definitions.
    void check(LossCalls& calls, Batch& batch, const Extras& extras, double tolerance) const {
        const double upstream = 2;
        const Array tails = upload_array(backend(), extras.tails),
                    bias = upload_array(backend(), extras.bias),
                    bias_gradient = upload_array(backend(), Batch::nothing(batch.data.vocab_size));
        const CallResult found = call(calls, batch, 0, &upstream, [&](LossCall& one) {
            one.labels.tails = extras.tails.empty() ? nullptr : tails.as<double>();
            one.divergence = extras.divergence;
            if (extras.bias.empty()) return;
            one.bias = {bias.data(), Storage::fp64, batch.data.vocab_size, 1, 1};
            one.bias_gradient = {bias_gradient.data(), Storage::fp64, batch.data.vocab_size, 1, 1};
        });
        const Expected expected = expect(batch, extras, upstream);
        expect_result(batch, found, expected.result, tolerance);
        if (!extras.bias.empty()) {
            EXPECT_LT(worst_difference(
                          download_array<double>(backend(), bias_gradient.data(), batch.data.vocab_size),
                          expected.bias_gradient),
                      tolerance);
        }
    }
    [[nodiscard]] std::vector<double> uniform(std::int64_t size, double least, double most) {
        std::vector<double> values = random(size);
        for (double& x : values) x = least + (most - least) * std::abs(std::remainder(x, 2.0));
        return values;
    }
    /// Labels whose contexts are met to `distance`: P is near the softmax of the batch's logits.
    static Extras meet(Batch& batch, std::vector<double> bias, double distance,
                       const DivergenceOptions& divergence) {
        const Dense logits = oracle::logits(batch.dense_words(), batch.dense_contexts());
        Extras extras{std::move(bias), {}, divergence};
        for (std::int64_t j = 0; j < batch.data.contexts(); ++j) {
            Number on = 0, all = 0;
            const auto mass = [&](std::int64_t v) {
                const auto word = static_cast<std::size_t>(v);
                return std::exp(logits[word][static_cast<std::size_t>(j)] +
                                (extras.bias.empty() ? 0 : extras.bias[word]));
            };
            for (std::int64_t v = 0; v < batch.data.vocab_size; ++v) all += mass(v);
            for (std::int64_t i = batch.data.indptr[j]; i < batch.data.indptr[j + 1]; ++i)
                on += mass(batch.data.indices[i]) * (1 + distance * (i % 2 == 0 ? 1 : -1));
            for (std::int64_t i = batch.data.indptr[j]; i < batch.data.indptr[j + 1]; ++i)
                batch.data.probs[i] = static_cast<double>(mass(batch.data.indices[i]) *
                                                          (1 + distance * (i % 2 == 0 ? 1 : -1)) / on);
            extras.tails.push_back(static_cast<double>(1 - on / all));
        }
        return extras;
    }
};

constexpr DivergenceOptions kinds[] = {{Divergence::forward, 0.5},
                                       {Divergence::reverse, 0.5},
                                       {Divergence::jensen_shannon, 0.5},
                                       {Divergence::jensen_shannon, 0.1}};

TEST_F(LossDivergence, IsThatOfTheDefinitionsInEveryPrecision) {
    const std::vector<std::pair<Precision, double>> ways{{Precision::fp64, 1e-12},
                                                         {Precision::fp32, 3e-6},
                                                         {Precision::bf16x3, 5e-5},
                                                         {Precision::bf16, 2e-2}};
    for (const auto& [precision, tolerance] : ways) {
        if (!backend().supports(precision)) continue;
        LossCallPlan plan{150, 9, 34, 170, precision, LossKernel::plain, 16, 32};
        plan.biased = true;
        const auto calls = backend().plan_loss_calls(plan);
        for (const DivergenceOptions& kind : kinds)
            for (const bool tail : {false, true})
                for (const bool biased : {false, true}) {
                    if (kind.kind == Divergence::reverse && !tail) continue;
                    // The products know nothing of tails and divergences.
                    if (precision != Precision::fp64 && !(tail && biased)) continue;
                    SCOPED_TRACE(testing::Message() << static_cast<int>(precision) << " kind "
                                                    << static_cast<int>(kind.kind) << " tail " << tail);
                    Batch batch(labels(150, 34, seed()), 9, {}, seed());
                    check(*calls, batch,
                          {biased ? random(150) : std::vector<double>{},
                           tail ? uniform(34, 0.01, 0.9) : std::vector<double>{}, kind},
                          tolerance);
                }
    }
}

// A plan without a group, whose only one is shared, in words enough for several parts of it.
TEST_F(LossDivergence, HasTailsAndABiasWhereThreadsShareAChunk) {
    LossCallPlan plan{1700, 5, 70, 350, Precision::fp64};
    plan.biased = true;
    const auto calls = backend().plan_loss_calls(plan);
    Batch batch(labels(1700, 70, seed()), 5, {Storage::fp32, Storage::fp32, Storage::fp32, Storage::fp32},
                seed());
    check(*calls, batch, {random(1700), uniform(70, 0.01, 0.9), {}}, 1e-12);
}

// Where softmax minus label has no digit left in single precision, each of them keeps its own.
TEST_F(LossDivergence, KeepsItsDigitsWhereItIsNearlyMet) {
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
        LossCallPlan plan{60, 6, 30, 150, precision};
        plan.biased = true;
        const auto calls = backend().plan_loss_calls(plan);
        for (const DivergenceOptions& kind : kinds) {
            SCOPED_TRACE(testing::Message() << static_cast<int>(precision) << " kind "
                                            << static_cast<int>(kind.kind) << " beta " << kind.beta);
            Batch batch(random_dataset(60, 30, 7, 2, 5, seed()), 6, {}, seed());
            const Extras extras = meet(batch, random(60), 3e-5, kind);
            // (1 − τ)r − τ is a difference, of which the rounding of r takes its part: logits of up to 5 in
            // seven roundings of fp32 are 2e-6, 7 % of the distance, and its square is the loss (400 seeds: 3
            // % at most). That the labels' doubles sum to 1 to rounding only is 1e-7 of it.
            check(*calls, batch, extras, precision == Precision::fp64 ? 1e-6 : 0.14);
        }
    }
}

TEST_F(LossDivergence, IsFiniteWhereTheModelHasAlmostNothingOffTheSupport) {
    LossCallPlan plan{40, 3, 12, 60, Precision::fp64};
    plan.biased = true;
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
        plan.precision = precision;
        const auto calls = backend().plan_loss_calls(plan);
        for (const DivergenceOptions& kind : kinds) {
            SCOPED_TRACE(testing::Message()
                         << static_cast<int>(precision) << " kind " << static_cast<int>(kind.kind));
            Batch batch(make_dataset(40, std::vector<std::vector<std::int32_t>>(12, {33, 35, 38}),
                                     std::vector<std::vector<double>>(12, {0.5, 0.25, 0.25})),
                        3, {}, seed());
            std::vector<double> bias(40, -210);
            for (const int v : {33, 35, 38}) bias[static_cast<std::size_t>(v)] = 0;
            check(*calls, batch, {bias, uniform(12, 0.1, 0.5), kind},
                  precision == Precision::fp64 ? 1e-11 : 1e-5);
        }
    }
}

TEST_F(LossDivergence, AddsToTheWordsGradient) {
    for (const auto& [storage, stride] :
         {std::pair(Storage::fp64, 6), std::pair(Storage::fp32, 6), std::pair(Storage::bf16, 6),
          std::pair(Storage::fp64, 9), std::pair(Storage::bf16, 9)}) {
        const auto calls = backend().plan_loss_calls({37, 6, 40, 200, Precision::fp64});
        Batch batch(labels(37, 40, seed()), 6, {Storage::fp32, Storage::fp32, storage, Storage::fp32},
                    seed());
        Batch other = batch;
        const std::vector<double> alone = call(*calls, other, 0, nullptr).words_gradient;
        const std::vector<double> before = random(37 * 6);
        batch.words_gradient = HostMatrix(storage, 37, 6, stride, before);
        const std::vector<double> held = batch.words_gradient.values();
        const std::vector<double> sum = call(*calls, batch, 0, nullptr, [](LossCall& one) {
                                            one.ridge = nullptr;
                                            one.adds_to_words_gradient = true;
                                        }).words_gradient;
        std::vector<double> expected = alone;
        for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += held[i];
        EXPECT_LT(worst_difference(sum, expected), 1e-12 + 2 * roundoff(storage));
    }
}

TEST_F(LossDivergence, IsRefusedWhatDoesNotExist) {
    const auto calls = backend().plan_loss_calls({30, 5, 20, 100, Precision::fp64});
    Batch batch(labels(30, 20, 8), 5, {}, 9);
    const Array bias = upload_array(backend(), std::vector<double>(30));
    const auto refused = [&](const std::function<void(LossCall&)>& change) {
        return refusal_of(*calls, batch, change);
    };
    EXPECT_NE(refused([&](LossCall& one) {
                  one.bias = {bias.data(), Storage::fp64, 30, 1, 1};
              }).find("where the plan is for none"),
              std::string::npos);
    EXPECT_NE(refused([](LossCall& one) { one.divergence.kind = Divergence::reverse; }).find("is infinite"),
              std::string::npos);
    EXPECT_NE(refused([](LossCall& one) {
                  one.divergence = {Divergence::jensen_shannon, 1};
              }).find("beta"),
              std::string::npos);
    EXPECT_NE(refused([](LossCall& one) { one.adds_to_words_gradient = true; }).find("ridge"),
              std::string::npos);
}

}  // namespace
}  // namespace ntpgeo
