// Dense columns to try the operations on them with, of every kind of support, and how that is done.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "tests/columns_reference.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {

/// One call's results, and what it takes to repeat it.
struct Outcome {
    std::string configuration;
    std::vector<double> values;
};
using Outcomes = std::vector<Outcome>;

/// Whether two backends, or two runs, agree in every call.
template <class Compare>
void expect_alike(const Outcomes& actual, const Outcomes& expected, const Compare& compare) {
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t k = 0; k < actual.size(); ++k)
        EXPECT_TRUE(compare(actual[k].values, expected[k].values, actual[k].configuration));
}

/// Labels and scales. Supports of one word, of some, of all words, or one after the other of each kind.
struct ColumnsCase {
    Dataset labels;
    std::vector<double> scales;  // [n], as √n_c; the margins too
    std::string words;

    [[nodiscard]] std::int64_t rows() const { return labels.contexts(); }
    [[nodiscard]] std::int64_t vocab() const { return labels.vocab_size; }
    [[nodiscard]] std::int64_t size() const { return rows() * vocab(); }
    [[nodiscard]] columns_reference::Row row(const std::vector<double>& matrix, std::int64_t c) const {
        return {matrix.begin() + c * vocab(), matrix.begin() + (c + 1) * vocab()};
    }
};

inline ColumnsCase columns_case(std::int64_t vocab, std::int64_t rows, int first_kind, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(0.05, 1);
    ColumnsCase result;
    Dataset& data = result.labels;
    data.vocab_size = vocab;
    data.indptr = {0};
    std::vector<std::int32_t> all(static_cast<std::size_t>(vocab));
    std::iota(all.begin(), all.end(), 0);
    for (std::int64_t c = 0; c < rows; ++c) {
        const std::int64_t sizes[] = {
            1, std::min<std::int64_t>(vocab, 2 + static_cast<std::int64_t>(random() % 40)), vocab};
        std::shuffle(all.begin(), all.end(), random);
        const std::int64_t size = sizes[(first_kind + c) % 3];
        data.indices.insert(data.indices.end(), all.begin(), all.begin() + size);
        std::sort(data.indices.end() - size, data.indices.end());
        double mass = 0;
        for (std::int64_t s = 0; s < size; ++s) {
            data.probs.push_back(size == 1 ? 1 : uniform(random));
            mass += data.probs.back();
        }
        for (std::int64_t s = 0; s < size; ++s) data.probs.end()[-1 - s] /= mass;
        data.indptr.push_back(data.nnz());
        data.context_probs.push_back(uniform(random));
        result.scales.push_back(std::sqrt(static_cast<double>(1 + random() % 5)));
    }
    const double total = std::accumulate(data.context_probs.begin(), data.context_probs.end(), 0.0);
    for (double& weight : data.context_probs) weight /= total;
    result.words = std::to_string(vocab) + " words, " + std::to_string(rows) + " rows from kind " +
                   std::to_string(first_kind);
    return result;
}

/// Vocabularies around a warp, and one of several strides of a block.
using Vocabularies = std::vector<std::int64_t>;
inline const Vocabularies few_words = tried({1, 2, 31, 32, 33}, {2, 33}), many_words{1000};
inline const Vocabularies all_vocabularies = tried({1, 2, 31, 32, 33, 1000}, {33, 1000});

/// Rows of all kinds, and one alone.
inline std::vector<ColumnsCase> columns_cases(std::uint64_t seed,
                                              const Vocabularies& vocabularies = all_vocabularies) {
    std::vector<ColumnsCase> cases;
    int kind = 0;
    for (const std::int64_t vocab : vocabularies) {
        cases.push_back(columns_case(vocab, 7, 0, ++seed));
        cases.push_back(columns_case(vocab, 1, kind++ % 3, ++seed));
    }
    return cases;
}

/// scales·logits [n, V]: of no order at all; near the labels, where the excess is about 1e-11; far from them,
/// with words off the support so far above it that their ratio passes 2^40 and needs a larger anchor.
enum class Logits { any, near_labels, far_off };
inline const char* words_of(Logits kind) {
    return kind == Logits::any ? ", any logits" : kind == Logits::near_labels ? ", near labels" : ", far off";
}
inline std::vector<double> logits_of(const ColumnsCase& problem, Logits kind, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    std::vector<double> logits;
    for (std::int64_t c = 0; c < problem.rows(); ++c) {
        const auto label = columns_reference::label_of(problem.labels, c);
        for (std::int64_t v = 0; v < problem.vocab(); ++v) {
            double z = 3 * normal(random);
            if (kind == Logits::near_labels)
                z = label.on[v] ? static_cast<double>(std::log(label.p[v])) + 3e-6 * normal(random)
                                : -33 + normal(random);
            if (kind == Logits::far_off && !label.on[v]) z += 60;
            logits.push_back(problem.scales[c] * z);
        }
    }
    return logits;
}

/// A case where a backend finds it.
struct ColumnsOn {
    Backend& backend;
    const ColumnsCase& problem;
    Labels labels{backend, problem.labels};
    Guarded scales{backend, Real::fp64, problem.scales};

    [[nodiscard]] Guarded upload(const std::vector<double>& values) const {
        return {backend, Real::fp64, values};
    }
    [[nodiscard]] Guarded poisoned() const { return Guarded::poisoned(backend, Real::fp64, problem.size()); }
    [[nodiscard]] Matrix matrix(const Guarded& array) const {
        return array.matrix(problem.rows(), problem.vocab());
    }
};

/// 2·point − from, to the last bit.
inline std::vector<double> reflection(const std::vector<double>& point, const std::vector<double>& from) {
    std::vector<double> result;
    for (std::size_t i = 0; i < point.size(); ++i) result.push_back(2 * point[i] - from[i]);
    return result;
}

class ColumnsTest : public OperationTest {
  protected:
    /// `as_defined(case on a backend, seed)` expects what it should of a call, and says what came of it.
    using AsDefined = Outcome (*)(const ColumnsOn& on, std::uint64_t seed);
    void expect(AsDefined as_defined, double tolerance) {
        expect([&](const ColumnsOn& on, std::uint64_t& seed,
                   Outcomes& outcomes) { outcomes.push_back(as_defined(on, seed += 1000)); },
               tolerance);
    }
    /// The same with several calls a case: all of them twice on the backend, with the same bits, and on the
    /// CPU, which agrees to `tolerance`.
    template <class Calls>
    void expect(const Calls& calls, double tolerance, const Vocabularies& vocabularies = all_vocabularies) {
        const auto run = [&](Backend& on) {
            Outcomes outcomes;
            std::uint64_t call_seed = seed();
            for (const ColumnsCase& problem : columns_cases(seed(), vocabularies))
                calls(ColumnsOn{on, problem}, call_seed, outcomes);
            return outcomes;
        };
        const Outcomes outcomes = run(backend());
        ASSERT_FALSE(outcomes.empty());
        expect_alike(run(backend()), outcomes,
                     [](const auto& actual, const auto& expected, const std::string& configuration) {
                         return same_bits(actual, expected, configuration);
                     });
        expect_alike(outcomes, run(cpu()),
                     [&](const auto& actual, const auto& expected, const std::string& configuration) {
                         return close_to(actual, expected, tolerance, configuration);
                     });
    }
};

}  // namespace ntpgeo
