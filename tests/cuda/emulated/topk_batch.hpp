// Batches of a teacher's top-k as a framework gives them to the C library's loss step, with something of
// everything that a call may have; and the same call on the CPU, for comparison.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>
#include <ntpgeo.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "kernels/device/device.cuh"
#include "tests/caller_fixture.hpp"

namespace ntpgeo {

/// The sizes of every batch, and what it keeps within.
namespace topk {
constexpr std::int64_t vocab = 90, dim = 8, most_contexts = 30, k = 6;
}

struct FreeLossHandle {
    void operator()(ntpgeo_loss* loss) const { ntpgeo_loss_free(loss); }
};
using LossHandle = std::unique_ptr<ntpgeo_loss, FreeLossHandle>;

inline LossHandle loss_on(const char* device, const char* precision) {
    const ntpgeo_loss_sizes sizes = {
        sizeof sizes, topk::vocab, topk::dim, topk::most_contexts, topk::most_contexts * topk::k, 1};
    ntpgeo_loss* loss = nullptr;
    EXPECT_EQ(ntpgeo_loss_new(device, precision, &sizes, &loss), NTPGEO_OK) << ntpgeo_last_error();
    return LossHandle(loss);
}

inline LossHandle loss_on_gpu(const char* precision) {
    LossHandle loss = loss_on("cuda:0", precision);
    // A GPU that is new is probed on the default stream, and memory is freed when nothing is under way.
    NTPGEO_CHECK(cudaDeviceSynchronize());
    return loss;
}

/// Where the arrays of a call lie.
struct CallPlaces {
    std::int64_t* indptr;
    std::int32_t* indices;
    double *probs, *tails, *weights, *upstream, *out;
    void *words, *hidden, *bias, *words_gradient, *hidden_gradient, *bias_gradient;
};

/// A batch with something of everything that a call may have: which, its number says.
class TopKBatch {
  public:
    explicit TopKBatch(std::uint64_t number)
        : number_(number),
          contexts_(topk::most_contexts - static_cast<std::int64_t>(number * 7 % 20)),
          out(static_cast<std::size_t>(2 + 2 * contexts_)),
          upstream{1 + 0.5 * static_cast<double>(number % 3)},
          weights(random_values(contexts_, 1, 10 + number)),
          words(tensor(0, topk::vocab, topk::dim, 20)),
          hidden(tensor(1, contexts_, topk::dim, 30)),
          bias(Storage::fp32, topk::vocab, 1, 1, random_values(topk::vocab, 0.3, 40 + number)),
          words_gradient(Storage::fp32, topk::vocab, topk::dim, topk::dim,
                         std::vector<double>(topk::vocab * topk::dim, 0.25)),
          hidden_gradient(nothing(2, contexts_, topk::dim)),
          bias_gradient(nothing(3, topk::vocab, 1)) {
        for (double& weight : weights) weight = std::abs(weight);
        make_labels();
    }

    /// Entries are those that there is room for: how many there are only indptr says.
    [[nodiscard]] ntpgeo_loss_call call(const CallPlaces& at, bool entries_known) const {
        ntpgeo_loss_call call = {};
        call.size = sizeof call;
        call.contexts = contexts_;
        call.entries = entries_known ? indptr.back() : contexts_ * topk::k;
        call.indptr = at.indptr;
        call.indices = at.indices;
        call.probs = at.probs;
        call.tails = has_tail() ? at.tails : nullptr;
        call.weights = at.weights;
        call.words = described(words, at.words);
        call.hidden = described(hidden, at.hidden);
        call.bias = described(bias, at.bias);
        call.words_gradient = described(words_gradient, at.words_gradient);
        call.hidden_gradient = described(hidden_gradient, at.hidden_gradient);
        call.bias_gradient = described(bias_gradient, at.bias_gradient);
        call.adds_to_words_gradient = number_ % 2 == 0;
        call.divergence = static_cast<int>(number_ % 3);
        call.beta = 0.3;
        call.upstream = at.upstream;
        call.sum = at.out;
        call.losses = at.out + 2;
        call.missing_mass = at.out + 2 + contexts_;
        return call;
    }

    /// Its own arrays.
    CallPlaces own() {
        return {indptr.data(),
                indices.data(),
                probs.data(),
                tails.data(),
                weights.data(),
                upstream.data(),
                out.data(),
                words.bytes.data(),
                hidden.bytes.data(),
                bias.bytes.data(),
                words_gradient.bytes.data(),
                hidden_gradient.bytes.data(),
                bias_gradient.bytes.data()};
    }
    /// What the CPU's call makes of it in double precision.
    [[nodiscard]] TopKBatch on_cpu() const {
        TopKBatch done = *this;
        const LossHandle loss = loss_on("cpu", "fp64");
        const ntpgeo_loss_call call = done.call(done.own(), true);
        std::int64_t bytes = 0;
        EXPECT_EQ(ntpgeo_loss_workspace(loss.get(), &call, &bytes), NTPGEO_OK) << ntpgeo_last_error();
        std::vector<std::max_align_t> room(static_cast<std::size_t>(bytes) / sizeof(std::max_align_t) + 16);
        void* memory = room.data();
        std::size_t space = room.size() * sizeof(std::max_align_t);
        std::align(256, static_cast<std::size_t>(bytes), memory, space);
        EXPECT_EQ(ntpgeo_loss_enqueue(loss.get(), &call, memory, bytes, nullptr), NTPGEO_OK)
            << ntpgeo_last_error();
        return done;
    }

    void expect_as(const TopKBatch& expected, double tolerance) const {
        SCOPED_TRACE(testing::Message() << "batch " << number_);
        EXPECT_LT(worst_difference(out, expected.out), tolerance);
        for (const auto& [mine, others] : {std::pair{&words_gradient, &expected.words_gradient},
                                           std::pair{&hidden_gradient, &expected.hidden_gradient},
                                           std::pair{&bias_gradient, &expected.bias_gradient}}) {
            EXPECT_LT(worst_difference(mine->values(), others->values()),
                      tolerance + 2 * roundoff(mine->storage));
            mine->expect_nothing_between();
        }
    }

  private:
    [[nodiscard]] bool has_tail() const { return number_ % 3 != 0; }
    [[nodiscard]] Storage storage(std::uint64_t which) const {
        return static_cast<Storage>((number_ + which) % 4);
    }
    [[nodiscard]] HostMatrix tensor(std::uint64_t which, std::int64_t rows, std::int64_t columns,
                                    std::uint64_t seed) const {
        return {storage(which), rows, columns, columns + static_cast<std::int64_t>(number_ % 3),
                random_values(rows * columns, 0.7, seed + number_)};
    }
    [[nodiscard]] HostMatrix nothing(std::uint64_t which, std::int64_t rows, std::int64_t columns) const {
        return {storage(which), rows, columns, columns == 1 ? 1 : columns + 2,
                Batch::nothing(rows * columns)};
    }
    static ntpgeo_matrix described(const HostMatrix& matrix, void* data) {
        constexpr auto type = [](Storage storage) {
            switch (storage) {
                case Storage::bf16:
                    return NTPGEO_BFLOAT16;
                case Storage::fp16:
                    return NTPGEO_FLOAT16;
                case Storage::fp32:
                    return NTPGEO_FLOAT32;
                case Storage::fp64:
                    break;
            }
            return NTPGEO_FLOAT64;
        };
        return {data, type(matrix.storage), matrix.rows, matrix.columns, matrix.stride};
    }
    /// Of a top-k with duplicates and padding, one of whose rows has nothing.
    void make_labels() {
        std::mt19937_64 random(60 + number_);
        const auto size = static_cast<std::size_t>(contexts_ * topk::k);
        std::vector<std::int64_t> ids(size);
        std::vector<float> given(size);
        for (std::size_t i = 0; i < size; ++i) {
            ids[i] = i < topk::k ? -1 : static_cast<std::int64_t>(random() % (topk::vocab + 8)) - 8;
            given[i] = 0.15F * static_cast<float>(1 + random() % 100) / 100;
        }
        ntpgeo_teacher teacher = {};
        teacher.size = sizeof teacher;
        teacher.vocab_size = topk::vocab;
        teacher.contexts = contexts_;
        teacher.k = topk::k;
        teacher.ids = ids.data();
        teacher.ids_type = NTPGEO_INT64;
        teacher.probs = given.data();
        teacher.probs_type = NTPGEO_FLOAT32;
        teacher.tail = has_tail() ? NTPGEO_TAIL_REST : NTPGEO_TAIL_NONE;
        teacher.check = 1;
        indptr.resize(static_cast<std::size_t>(contexts_ + 1));
        indices.resize(size);
        for (std::vector<double>* array : {&probs, &tails, &masses, &entropies}) array->resize(size);
        const ntpgeo_loss_rows rows = {sizeof rows,   indptr.data(), indices.data(),  probs.data(),
                                       masses.data(), tails.data(),  entropies.data()};
        ASSERT_EQ(ntpgeo_loss_labels(&teacher, &rows), NTPGEO_OK) << ntpgeo_last_error();
        for (std::size_t j = 0; j < weights.size(); ++j) weights[j] *= masses[j];
    }

    std::uint64_t number_;
    std::int64_t contexts_;
    std::vector<double> masses, entropies;

  public:
    std::vector<std::int64_t> indptr;
    std::vector<std::int32_t> indices;
    std::vector<double> probs, tails, out, upstream, weights;
    HostMatrix words, hidden, bias, words_gradient, hidden_gradient, bias_gradient;
};

}  // namespace ntpgeo
