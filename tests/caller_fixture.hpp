// What a caller of loss steps has: labels, hidden states and places for gradients, in types and with strides
// of its own, on the host; and what the reference makes of them.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/anchored_xent/loss_call.hpp"
#include "kernels/base/stored.hpp"
#include "tests/oracle.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {

/// A matrix of bytes as a caller keeps it: numbers in `storage`, rows `stride` apart, something else between.
struct HostMatrix {
    Storage storage = Storage::fp64;
    std::int64_t rows = 0, columns = 0, stride = 0;
    std::vector<unsigned char> bytes;

    static constexpr unsigned char between = 0xa5;

    HostMatrix(Storage in, std::int64_t high, std::int64_t wide, std::int64_t apart,
               const std::vector<double>& values)
        : storage(in),
          rows(high),
          columns(wide),
          stride(apart),
          bytes(static_cast<std::size_t>(high * apart * bytes_of(in)), between) {
        for (std::int64_t i = 0; i < high; ++i)
            for (std::int64_t k = 0; k < wide; ++k) put(i, k, values[static_cast<std::size_t>(i * wide + k)]);
    }

    [[nodiscard]] double get(std::int64_t row, std::int64_t column) const {
        const unsigned char* const at = bytes.data() + (row * stride + column) * bytes_of(storage);
        if (storage == Storage::fp64) return read<double>(at);
        if (storage == Storage::fp32) return read<float>(at);
        const auto bits = read<std::uint16_t>(at);
        return storage == Storage::bf16 ? widened_bf16(bits) : widened_fp16(bits);
    }
    void put(std::int64_t row, std::int64_t column, double value) {
        unsigned char* const at = bytes.data() + (row * stride + column) * bytes_of(storage);
        const auto single = static_cast<float>(value);
        if (storage == Storage::fp64) return write(at, value);
        if (storage == Storage::fp32) return write(at, single);
        write(at, storage == Storage::bf16 ? rounded_bf16(single) : rounded_fp16(single));
    }
    [[nodiscard]] std::vector<double> values() const {
        std::vector<double> all;
        for (std::int64_t i = 0; i < rows; ++i)
            for (std::int64_t k = 0; k < columns; ++k) all.push_back(get(i, k));
        return all;
    }
    /// What lies between rows is as it was.
    void expect_nothing_between() const {
        for (std::int64_t i = 0; i < rows; ++i)
            for (std::int64_t b = (i * stride + columns) * bytes_of(storage);
                 b < (i + 1) * stride * bytes_of(storage); ++b)
                ASSERT_EQ(bytes[static_cast<std::size_t>(b)], between) << "behind row " << i;
    }
    [[nodiscard]] StoredMatrix at(void* data) const { return {data, storage, rows, columns, stride}; }

  private:
    template <class T>
    static T read(const unsigned char* at) {
        T value;
        std::memcpy(&value, at, sizeof(T));
        return value;
    }
    template <class T>
    static void write(unsigned char* at, T value) {
        std::memcpy(at, &value, sizeof(T));
    }
};

/// In which types and how far apart a caller's rows lie.
struct CallerTypes {
    Storage words = Storage::fp64, contexts = Storage::fp64, words_gradient = Storage::fp64,
            contexts_gradient = Storage::fp64;
    std::int64_t room = 0;  ///< numbers between rows
};

/// One batch. Its gradients begin as NaN.
struct Batch {
    Dataset data;
    std::int64_t dim;
    HostMatrix words, contexts, words_gradient, contexts_gradient;

    Batch(Dataset labels, std::int64_t width, const CallerTypes& types, std::uint64_t seed,
          double scale = 0.7)
        : data(std::move(labels)),
          dim(width),
          words(types.words, data.vocab_size, width, width + types.room,
                random_values(data.vocab_size * width, scale, seed)),
          contexts(types.contexts, data.contexts(), width, width + 2 * types.room,
                   random_values(data.contexts() * width, scale, seed + 1)),
          words_gradient(types.words_gradient, data.vocab_size, width, width + 3 * types.room,
                         nothing(data.vocab_size * width)),
          contexts_gradient(types.contexts_gradient, data.contexts(), width, width + types.room,
                            nothing(data.contexts() * width)) {}

    [[nodiscard]] oracle::Dense dense_words() const {
        return oracle::dense(words.values(), static_cast<std::size_t>(data.vocab_size),
                             static_cast<std::size_t>(dim));
    }
    [[nodiscard]] oracle::Dense dense_contexts() const {
        return oracle::dense(contexts.values(), static_cast<std::size_t>(data.contexts()),
                             static_cast<std::size_t>(dim));
    }

    static std::vector<double> nothing(std::int64_t size) {
        return std::vector<double>(static_cast<std::size_t>(size), std::numeric_limits<double>::quiet_NaN());
    }
};

/// What a call leaves.
struct CallResult {
    std::vector<double> sums, excess, missing_mass, words_gradient, contexts_gradient;
};

/// By the definitions, of what the batch's matrices hold.
inline CallResult expected_of(const Batch& batch, double ridge, double upstream) {
    const oracle::Dense w = batch.dense_words(), h = batch.dense_contexts();
    const oracle::Loss whole = oracle::loss(batch.data, w, h);
    CallResult result;
    result.sums = {static_cast<double>(whole.excess), static_cast<double>(whole.off_support_mass)};
    const auto take = [&](const oracle::Dense& gradient, const oracle::Dense& x, std::vector<double>& to) {
        for (std::size_t i = 0; i < x.size(); ++i)
            for (std::size_t k = 0; k < x[i].size(); ++k)
                to.push_back(static_cast<double>(upstream * gradient[i][k] + ridge * x[i][k]));
    };
    take(whole.words_gradient, w, result.words_gradient);
    take(whole.contexts_gradient, h, result.contexts_gradient);
    for (std::int64_t j = 0; j < batch.data.contexts(); ++j) {
        Dataset one;
        one.vocab_size = batch.data.vocab_size;
        const auto begin = batch.data.indptr[j], end = batch.data.indptr[j + 1];
        one.indptr = {0, end - begin};
        one.indices.assign(batch.data.indices.begin() + begin, batch.data.indices.begin() + end);
        one.probs.assign(batch.data.probs.begin() + begin, batch.data.probs.begin() + end);
        one.context_probs = {1.0};
        const oracle::Loss alone = oracle::loss(one, w, {h[static_cast<std::size_t>(j)]});
        result.excess.push_back(static_cast<double>(alone.excess));
        result.missing_mass.push_back(static_cast<double>(alone.off_support_mass));
    }
    return result;
}

/// The largest difference over the largest number expected.
inline double worst_difference(const std::vector<double>& actual, const std::vector<double>& expected) {
    if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
    double worst = 0, largest = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double difference = std::abs(actual[i] - expected[i]);
        if (!(difference <= worst)) worst = std::isnan(difference) ? INFINITY : difference;
        largest = std::max(largest, std::abs(expected[i]));
    }
    return largest == 0 ? worst : worst / largest;
}

/// The unit roundoff of a storage.
inline double roundoff(Storage storage) {
    switch (storage) {
        case Storage::bf16:
            return 0x1p-8;
        case Storage::fp16:
            return 0x1p-11;
        case Storage::fp32:
            return 0x1p-24;
        case Storage::fp64:
            break;
    }
    return 0x1p-53;
}

/// Everything within `tolerance`, and stored gradients within their own rounding besides.
inline void expect_result(const Batch& batch, const CallResult& actual, const CallResult& expected,
                          double tolerance) {
    EXPECT_LT(worst_difference(actual.sums, expected.sums), tolerance);
    EXPECT_LT(worst_difference(actual.excess, expected.excess), tolerance);
    EXPECT_LT(worst_difference(actual.missing_mass, expected.missing_mass), tolerance);
    EXPECT_LT(worst_difference(actual.words_gradient, expected.words_gradient),
              tolerance + roundoff(batch.words_gradient.storage));
    EXPECT_LT(worst_difference(actual.contexts_gradient, expected.contexts_gradient),
              tolerance + roundoff(batch.contexts_gradient.storage));
}

}  // namespace ntpgeo
