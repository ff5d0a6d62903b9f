// A caller of loss steps, on the backend that is tried.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/base/status.hpp"
#include "tests/caller_fixture.hpp"
#include "tests/operations/operation_fixture.hpp"
#include "tests/refusal.hpp"

namespace ntpgeo {

class LossCaller : public OperationTest {
  protected:
    /// One call of `calls`, whose outputs are all asked for; `change` may ask for something else.
    CallResult call(LossCalls& calls, Batch& batch, double ridge, const double* upstream,
                    const std::function<void(LossCall&)>& change = {}) const {
        const Dataset& data = batch.data;
        const auto upload = [&]<class T>(const std::vector<T>& values) {
            return upload_array(backend(), values);
        };
        const Array indptr = upload(data.indptr), indices = upload(data.indices), probs = upload(data.probs),
                    weights = upload(data.context_probs), words = upload(batch.words.bytes),
                    contexts = upload(batch.contexts.bytes), dw = upload(batch.words_gradient.bytes),
                    dh = upload(batch.contexts_gradient.bytes),
                    factors = upload(std::vector<double>{ridge, upstream ? *upstream : 0}),
                    outputs = upload(Batch::nothing(2 + 2 * data.contexts()));
        auto* const out = outputs.as<double>();
        LossCall one;
        one.labels = {data.contexts(),    data.nnz(), indptr.as<std::int64_t>(), indices.as<std::int32_t>(),
                      probs.as<double>(), nullptr,    weights.as<double>()};
        one.words = batch.words.at(words.data());
        one.contexts = batch.contexts.at(contexts.data());
        one.words_gradient = batch.words_gradient.at(dw.data());
        one.contexts_gradient = batch.contexts_gradient.at(dh.data());
        one.ridge = factors.as<double>();
        one.upstream = upstream ? factors.as<double>() + 1 : nullptr;
        one.sums = out;
        one.excess = out + 2;
        one.missing_mass = out + 2 + data.contexts();
        if (change) change(one);
        const Array memory(backend(), calls.workspace_bytes(one));
        calls.enqueue(one, {memory.data(), memory.bytes()}, stream());
        const auto read = [&](HostMatrix& matrix, const Array& from) {
            matrix.bytes = download_array<unsigned char>(backend(), from.data(), from.bytes());
            matrix.expect_nothing_between();
            return matrix.values();
        };
        CallResult result{download_array<double>(backend(), out, 2),
                          download_array<double>(backend(), out + 2, data.contexts()),
                          download_array<double>(backend(), out + 2 + data.contexts(), data.contexts()),
                          read(batch.words_gradient, dw), read(batch.contexts_gradient, dh)};
        return result;
    }
    /// With what words a call is refused.
    std::string refusal_of(LossCalls& calls, Batch& batch,
                           const std::function<void(LossCall&)>& change) const {
        return refusal<InputError>([&] { call(calls, batch, 0, nullptr, change); });
    }
    /// The default stream on a GPU: downloads wait for the backend's own, which is the same here.
    [[nodiscard]] static void* stream() { return nullptr; }
    void SetUp() override { set_up(make_tested_backend_of_a_caller()); }

    static Dataset labels(std::int64_t vocab, std::int64_t contexts, std::uint64_t seed) {
        return random_dataset(vocab, contexts, std::min<std::int64_t>(contexts, 7), 1,
                              std::min<std::int64_t>(vocab, 5), seed);
    }
};

}  // namespace ntpgeo
