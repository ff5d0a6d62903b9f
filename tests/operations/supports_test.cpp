// What figures sum up over supports and classes, against their definitions on the dense logits of each
// context and against the CPU.
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/data/labels.hpp"
#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {
namespace {

using Numbers = std::vector<double>;

struct Problem {
    Dataset data;
    Numbers logits;  // [m, V]
    std::string words;
};

/// Singletons, full supports and shared ones; more contexts than a block has warps.
std::vector<Problem> problems(std::uint64_t seed) {
    std::vector<Problem> all;
    for (auto& [data, words] : {std::pair(random_dataset(9, 40, 7, 1, 4, seed), "shared"),
                                std::pair(random_dataset(70, 9, 9, 33, 68, seed + 1), "wide, nobody shares"),
                                std::pair(random_dataset(5, 33, 3, 5, 5, seed + 2), "full"),
                                std::pair(random_dataset(7, 5000, 90, 1, 7, seed + 3), "many")})
        all.push_back({data, random_values(data.contexts() * data.vocab_size, 2, seed + 9), words});
    return all;
}

struct Split {
    Numbers sums, sparse_part, energy;
};

constexpr double up = 4, other_up = 0.5;

Split split_by_definition(const Problem& problem) {
    const Dataset& data = problem.data;
    Split split;
    long double sparse = 0, low_rank = 0, errors = 0, limits = 0, log_means = 0, with_support = 0;
    double lead = std::numeric_limits<double>::infinity();
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        const double* const row = problem.logits.data() + j * data.vocab_size;
        std::vector<bool> on(static_cast<std::size_t>(data.vocab_size), false);
        const auto size = static_cast<double>(data.support_size(j));
        long double mean = 0, on_support = 0, log_mean = 0, energy = 0;
        double lowest = std::numeric_limits<double>::infinity(), highest = -lowest;
        for (std::int64_t v = 0; v < data.vocab_size; ++v) mean += row[v] / static_cast<double>(on.size());
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i) {
            on[data.indices[i]] = true;
            on_support += row[data.indices[i]] / size;
            log_mean += std::log(data.probs[i]) / size;
            lowest = std::min(lowest, row[data.indices[i]]);
        }
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i) {
            const long double own = row[data.indices[i]] - on_support,
                              limit = std::log(data.probs[i]) - log_mean;
            split.sparse_part.push_back(static_cast<double>(own));
            sparse += own * own;
            errors += (own / up / other_up - limit) * (own / up / other_up - limit);
            limits += limit * limit;
            log_means += log_mean * log_mean;
        }
        const bool full = data.support_size(j) == data.vocab_size;
        for (std::int64_t v = 0; v < data.vocab_size && !full; ++v) {
            const long double rest = (on[v] ? on_support : row[v]) - mean;
            energy += rest * rest;
            if (on[v]) with_support += rest;
            if (!on[v]) highest = std::max(highest, row[v]);
        }
        if (!full) lead = std::min(lead, lowest - highest);
        split.energy.push_back(static_cast<double>(energy));
        low_rank += energy;
    }
    for (const long double sum : {sparse, low_rank, errors, limits, log_means, with_support})
        split.sums.push_back(static_cast<double>(sum));
    if (std::isfinite(lead)) split.sums.push_back(lead);
    return split;
}

/// What a loss step leaves of the logits, by their definitions.
struct Left {
    Numbers support, mean, largest, square;
};

Left left_of(const Problem& problem) {
    const Dataset& data = problem.data;
    Left left;
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        const double* const row = problem.logits.data() + j * data.vocab_size;
        std::vector<bool> on(static_cast<std::size_t>(data.vocab_size), false);
        for (std::int64_t i = data.indptr[j]; i < data.indptr[j + 1]; ++i) {
            on[data.indices[i]] = true;
            left.support.push_back(row[data.indices[i]]);
        }
        long double mean = 0, square = 0;
        double largest = -std::numeric_limits<double>::infinity();
        for (std::int64_t v = 0; v < data.vocab_size; ++v) mean += row[v] / static_cast<double>(on.size());
        for (std::int64_t v = 0; v < data.vocab_size; ++v) {
            if (on[v]) continue;
            square += (row[v] - mean) * (row[v] - mean);
            largest = std::max(largest, row[v]);
        }
        left.mean.push_back(static_cast<double>(mean));
        left.square.push_back(static_cast<double>(square));
        left.largest.push_back(largest);
    }
    return left;
}

class Supports : public OperationTest {
  protected:
    Split split(Backend& on, const Problem& problem) {
        const Left left = left_of(problem);
        const Labels labels(on, problem.data);
        const Guarded support(on, Real::fp64, left.support), mean(on, Real::fp64, left.mean),
            largest(on, Real::fp64, left.largest), square(on, Real::fp64, left.square),
            sparse = Guarded::poisoned(on, Real::fp64, problem.data.nnz()),
            energy = Guarded::poisoned(on, Real::fp64, problem.data.contexts());
        const SupportSums sums =
            on.split_logits(labels.view(), {support.data(), mean.data(), largest.data(), square.data()}, up,
                            other_up, sparse.vector().as<double>(), energy.vector().as<double>());
        Split found{{sums.sparse, sums.low_rank, sums.error, sums.limit, sums.log_mean, sums.with_support},
                    sparse.read(),
                    energy.read()};
        if (std::isfinite(sums.least_lead)) found.sums.push_back(sums.least_lead);
        return found;
    }
};

TEST_F(Supports, SplitLogitsAsDefined) {
    for (const Problem& problem : problems(seed())) {
        const Split found = split(backend(), problem), expected = split_by_definition(problem),
                    again = split(backend(), problem), twin = split(cpu(), problem);
        EXPECT_TRUE(close_to(found.sparse_part, expected.sparse_part, 1e-13, problem.words));
        EXPECT_TRUE(close_to(found.energy, expected.energy, 1e-12, problem.words));
        EXPECT_TRUE(close_to(found.sparse_part, twin.sparse_part, 1e-13, problem.words));
        ASSERT_EQ(found.sums.size(), expected.sums.size()) << problem.words;
        for (std::size_t s = 0; s < found.sums.size(); ++s) {
            const double within = 1e-11 * (std::abs(expected.sums[s]) + 1);
            EXPECT_NEAR(found.sums[s], expected.sums[s], within) << problem.words << ", sum " << s;
            EXPECT_NEAR(found.sums[s], twin.sums[s], within) << problem.words << ", sum " << s;
        }
        EXPECT_TRUE(same_bits(found.sums, again.sums, problem.words));
    }
}

struct Scattered {
    Numbers sums, rows;
};

/// By pairs of contexts: the mean of a class is not looked at.
Scattered scatter_by_definition(const Dataset& data, const Numbers& h, std::int64_t dim,
                                const Numbers& sparse, const Numbers& energy) {
    const SupportClasses classes = support_classes(data);
    Scattered result{{0, 0, 0, 0}, Numbers(h.size(), 0.0)};
    std::map<std::int64_t, Numbers> cosines;  // by class, of its pairs
    for (std::int64_t j = 0; j < data.contexts(); ++j) {
        const auto members = static_cast<double>(classes.size[classes.class_of[j]]);
        if (members < 2) continue;
        result.sums[0] += energy[j];
        for (std::int64_t i = 0; i < data.contexts(); ++i) {
            if (classes.class_of[i] != classes.class_of[j]) continue;
            long double inner = 0, own = 0, other = 0;
            for (std::int64_t k = 0; k < dim; ++k) {
                inner += static_cast<long double>(h[j * dim + k]) * h[i * dim + k];
                own += static_cast<long double>(h[j * dim + k]) * h[j * dim + k];
                other += static_cast<long double>(h[i * dim + k]) * h[i * dim + k];
            }
            if (i != j && own > 0 && other > 0)
                cosines[classes.class_of[j]].push_back(static_cast<double>(inner / std::sqrt(own * other)));
            if (data.support_size(j) == data.vocab_size) continue;
            for (std::int64_t k = 0; k < dim; ++k)
                result.rows[j * dim + k] += (h[j * dim + k] - h[i * dim + k]) / members;
            // Σ ‖f_j − f̄‖² = Σ over ordered pairs of ‖f_j − f_i‖² over twice the members.
            for (std::int64_t s = 0; s < data.support_size(j); ++s) {
                const double difference = sparse[data.indptr[j] + s] - sparse[data.indptr[i] + s];
                result.sums[1] += difference * difference / (2 * members);
            }
        }
    }
    for (const auto& [own, pairs] : cosines) {
        double sum = 0;
        for (const double cosine : pairs) sum += cosine;
        result.sums[2] += sum / static_cast<double>(pairs.size());
        result.sums[3] += 1;
    }
    return result;
}

TEST_F(Supports, ScatterClassesAsDefined) {
    for (const Problem& problem : problems(seed())) {
        const Dataset& data = problem.data;
        const SupportClasses classes = support_classes(data);
        std::vector<std::int64_t> indptr{0}, members;
        for (std::int64_t c = 0; c < classes.count(); ++c) {
            for (std::int64_t j = 0; j < data.contexts(); ++j)
                if (classes.class_of[j] == c) members.push_back(j);
            indptr.push_back(static_cast<std::int64_t>(members.size()));
        }
        for (const std::int64_t dim : {1, 33, 300}) {
            if (dim > 1 && data.contexts() > 1000) continue;
            const std::string words = problem.words + ", d " + std::to_string(dim);
            Numbers h = random(data.contexts() * dim);
            const Numbers sparse = random(data.nnz()), energy = random(data.contexts());
            for (std::int64_t k = 0; k < dim; ++k) h[k] = 0;  // one has no direction
            const auto run = [&](Backend& on) {
                const Labels labels(on, data);
                const Array begins = upload_array(on, indptr), all = upload_array(on, members);
                const Guarded contexts(on, Real::fp64, h), parts(on, Real::fp64, sparse),
                    energies(on, Real::fp64, energy),
                    rows = Guarded::poisoned(on, Real::fp64, data.contexts() * dim);
                const ClassSums sums = on.scatter_classes(
                    labels.view(), {classes.count(), begins.as<std::int64_t>(), all.as<std::int64_t>()},
                    contexts.matrix(data.contexts(), dim), parts.data(), energies.data(),
                    rows.matrix(data.contexts(), dim));
                EXPECT_TRUE(same_bits(contexts.read(), h, words));
                return Scattered{{sums.energy, sums.sparse_within, sums.cosines, sums.with_cosine},
                                 rows.read()};
            };
            const Scattered found = run(backend()),
                            expected = scatter_by_definition(data, h, dim, sparse, energy), twin = run(cpu());
            EXPECT_TRUE(close_to(found.rows, expected.rows, 1e-12, words));
            EXPECT_TRUE(close_to(found.rows, twin.rows, 1e-13, words));
            for (std::size_t s = 0; s < found.sums.size(); ++s) {
                const double within = 1e-10 * (std::abs(expected.sums[s]) + 1);
                EXPECT_NEAR(found.sums[s], expected.sums[s], within) << words << ", sum " << s;
                EXPECT_NEAR(found.sums[s], twin.sums[s], within) << words << ", sum " << s;
            }
            EXPECT_TRUE(same_bits(run(backend()).sums, found.sums, words));
        }
    }
}

}  // namespace
}  // namespace ntpgeo
