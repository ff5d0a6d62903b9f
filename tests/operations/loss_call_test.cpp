// Loss steps as a caller makes them, against the double-precision reference: every storage, strides, labels
// that change, an upstream factor, and what is refused before anything is queued.
#include <functional>
#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "kernels/base/status.hpp"
#include "tests/operations/loss_caller_fixture.hpp"

namespace ntpgeo {
namespace {

TEST_F(LossCaller, AgreesWithTheReferenceInEveryStorage) {
    const double upstream = 3;
    constexpr Storage storages[] = {Storage::bf16, Storage::fp16, Storage::fp32, Storage::fp64};
    const auto calls = backend().plan_loss_calls({37, 6, 40, 200, Precision::fp64});
    for (const Storage words : storages)
        for (const Storage contexts : storages) {
            SCOPED_TRACE(testing::Message() << "words " << static_cast<int>(words) << " contexts "
                                            << static_cast<int>(contexts));
            Batch batch(labels(37, 40, 3), 6, {words, contexts, contexts, words, 3}, 4);
            const CallResult expected = expected_of(batch, 0.25, upstream);
            expect_result(batch, call(*calls, batch, 0.25, &upstream), expected, 1e-12);
        }
}

TEST_F(LossCaller, AgreesWithTheReferenceInEveryPrecision) {
    const std::vector<std::pair<Precision, double>> ways{{Precision::fp64, 1e-12},
                                                         {Precision::fp32, 3e-6},
                                                         {Precision::tf32, 1e-3},
                                                         {Precision::bf16x3, 5e-5},
                                                         {Precision::bf16, 2e-2}};
    for (const auto& [precision, tolerance] : ways) {
        if (!backend().supports(precision)) continue;
        for (const LossKernel kernel : {LossKernel::plain, LossKernel::epilogue}) {
            if (!backend().why_not(kernel, precision).empty()) continue;
            SCOPED_TRACE(testing::Message() << static_cast<int>(precision) << static_cast<int>(kernel));
            const auto calls = backend().plan_loss_calls({150, 9, 50, 250, precision, kernel, 16, 32});
            Batch batch(labels(150, 50, 5), 9,
                        {Storage::fp32, Storage::bf16, Storage::fp32, Storage::fp32, 1}, 6);
            expect_result(batch, call(*calls, batch, 0, nullptr), expected_of(batch, 0, 1), tolerance);
        }
    }
}

TEST_F(LossCaller, MayChangeItsLabelsAndBringFewerContexts) {
    for (const LossKernel kernel : {LossKernel::plain, LossKernel::epilogue}) {
        const Precision precision = kernel == LossKernel::plain ? Precision::fp32 : Precision::bf16;
        if (!backend().why_not(kernel, precision).empty() || !backend().supports(precision)) continue;
        const auto calls = backend().plan_loss_calls({140, 8, 60, 300, precision, kernel, 16, 32});
        for (const std::int64_t contexts : {60, 1, 33, 16, 17}) {
            SCOPED_TRACE(contexts);
            Batch batch(labels(140, contexts, 10 + static_cast<std::uint64_t>(contexts)), 8, {}, 7);
            expect_result(batch, call(*calls, batch, 0, nullptr), expected_of(batch, 0, 1),
                          kernel == LossKernel::plain ? 3e-6 : 2e-2);
        }
    }
}

TEST_F(LossCaller, LeavesOutWhatItIsNotAskedFor) {
    const auto calls = backend().plan_loss_calls({30, 5, 20, 100, Precision::fp64});
    Batch whole(labels(30, 20, 8), 5, {}, 9), part = whole;
    const CallResult both = call(*calls, whole, 0, nullptr);
    const CallResult contexts = call(*calls, part, 0, nullptr, [](LossCall& one) {
        one.words_gradient = {};
        one.ridge = nullptr;
        one.excess = nullptr;
        one.sums = nullptr;
    });
    EXPECT_EQ(contexts.contexts_gradient, both.contexts_gradient);
    EXPECT_EQ(contexts.missing_mass, both.missing_mass);
    for (const std::vector<double>* untouched : {&contexts.words_gradient, &contexts.excess, &contexts.sums})
        for (const double x : *untouched) EXPECT_TRUE(std::isnan(x));
}

TEST_F(LossCaller, HasTheBitsOfALossStepOfTheSameSizes) {
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
        Batch batch(labels(70, 45, 11), 7, {}, 12);
        const Labels kept(backend(), batch.data);
        const LossPlan plan{7, Real::fp64, precision, 16, 32};
        const auto step = backend().make_loss_step(kept.view(), plan);
        const Guarded words(backend(), Real::fp64, batch.words.values()),
            contexts(backend(), Real::fp64, batch.contexts.values());
        const Guarded dw = Guarded::poisoned(backend(), Real::fp64, 70 * 7),
                      dh = Guarded::poisoned(backend(), Real::fp64, 45 * 7);
        const LossSums sums =
            step->run(words.matrix(70, 7), contexts.matrix(45, 7), 0.5, dw.matrix(70, 7), dh.matrix(45, 7));
        const auto calls =
            backend().plan_loss_calls({70, 7, 45, batch.data.nnz(), precision, LossKernel::plain, 16, 32});
        const CallResult found = call(*calls, batch, 0.5, nullptr, [&](LossCall& one) {
            one.labels.log_probs = kept.view().log_probs;  // the host's logarithms may differ from a GPU's
        });
        EXPECT_TRUE(same_bits(found.words_gradient, dw.read()));
        EXPECT_TRUE(same_bits(found.contexts_gradient, dh.read()));
        EXPECT_EQ(found.sums, (std::vector<double>{sums.excess_loss, sums.off_support_mass}));
    }
}

TEST_F(LossCaller, IsRefusedWhatThePlanDoesNotHold) {
    const auto calls = backend().plan_loss_calls({30, 5, 20, 100, Precision::fp64});
    Batch batch(labels(30, 20, 8), 5, {}, 9);
    const auto refused = [&](const std::function<void(LossCall&)>& change) {
        return refusal_of(*calls, batch, change);
    };
    EXPECT_NO_THROW(call(*calls, batch, 0, nullptr));
    EXPECT_NE(refused([](LossCall& one) { one.labels.contexts = 21; }).find("21 contexts"),
              std::string::npos);
    EXPECT_NE(refused([](LossCall& one) { one.labels.nnz = 101; }).find("101 label entries"),
              std::string::npos);
    EXPECT_NE(refused([](LossCall& one) { one.words.rows = 31; }).find("words are [31, 5]"),
              std::string::npos);
    EXPECT_NE(refused([](LossCall& one) { one.contexts.stride = 4; }).find("4 apart"), std::string::npos);
    EXPECT_NE(refused([](LossCall& one) { one.labels.indptr = nullptr; }).find("without indptr"),
              std::string::npos);
    EXPECT_THROW(backend().plan_loss_calls({30, 5, 0, 100, Precision::fp64}), InputError);
    if (on_cpu()) {
        EXPECT_THROW(backend().plan_loss_calls({30, 5, 20, 100, Precision::bf16}), InputError);
    }
}

TEST_F(LossCaller, IsRefusedAWorkspaceOneByteShort) {
    const auto calls = backend().plan_loss_calls({30, 5, 20, 100, Precision::fp32});
    Batch batch(labels(30, 20, 8), 5, {}, 9);
    LossCall one;
    const Array anything(backend(), 4096);
    one.labels = {20,
                  40,
                  anything.as<std::int64_t>(),
                  anything.as<std::int32_t>(),
                  anything.as<double>(),
                  nullptr,
                  anything.as<double>()};
    one.words = batch.words.at(anything.data());
    one.contexts = batch.contexts.at(anything.data());
    const Array memory(backend(), calls->workspace_bytes(one) + 256);
    const auto refusal = [&](const CallMemory& workspace) -> std::string {
        try {
            calls->enqueue(one, workspace, stream());
        } catch (const InputError& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(refusal({memory.data(), calls->workspace_bytes(one) - 1}),
              "loss call: a workspace of " + std::to_string(calls->workspace_bytes(one) - 1) +
                  " bytes, where the plan needs " + std::to_string(calls->workspace_bytes(one)));
    EXPECT_NE(refusal({memory.as<char>() + 32, calls->workspace_bytes(one)}).find("boundary"),
              std::string::npos);
}

}  // namespace
}  // namespace ntpgeo
