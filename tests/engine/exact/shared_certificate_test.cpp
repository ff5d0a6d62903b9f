// Certificates of training on rows that ranks share: the same bits on any number of ranks, and what one
// process without shards proves.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/data/labels.hpp"
#include "engine/exact/candidate.hpp"
#include "engine/training/shared_rows.hpp"
#include "tests/problems.hpp"
#include "tests/thread_team.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t dim = 4, shards = 5;
constexpr double lambda = 1e-2;

struct Problem {
    Problem(std::int64_t vocab, std::int64_t contexts)
        : data(random_dataset(vocab, contexts, contexts, 1, 4, 21)),
          words(random_values(vocab * dim, 1, 5)),
          rows(random_values(contexts * dim, 1, 6)) {}
    Dataset data;
    std::vector<double> words, rows;
};

const std::vector<std::pair<std::int64_t, std::int64_t>> shapes = {{9, 17}, {17, 9}};

/// What every rank gets: `work` is given the rows, their labels, W and own H on its backend.
template <class Work>
std::string on_ranks(int ranks, const Problem& problem, const Work& work) {
    std::vector<std::string> found(static_cast<std::size_t>(ranks));
    ThreadJob::run(ranks, [&](Team& team) {
        const auto backend = make_cpu_backend();
        const TeamSums sums(team, shards);
        const SharedRows shared(sums, *backend, problem.data);
        const std::int64_t vocab = problem.data.vocab_size;
        const SolverRows rows(*backend, &sums, problem.data.contexts(), vocab);
        const Array words = upload_array(*backend, problem.words),
                    contexts = upload_array(*backend,
                                            std::vector<double>(problem.rows.begin() + rows.own().first * dim,
                                                                problem.rows.begin() + rows.own().end * dim));
        found[static_cast<std::size_t>(team.rank())] =
            work(rows, shared.view(), words.matrix(Real::fp64, vocab, dim),
                 contexts.matrix(Real::fp64, rows.own().size(), dim));
    });
    for (const std::string& other : found) EXPECT_EQ(other, found[0]);
    return found[0];
}

TEST(SharedCertificate, HasTheSameBitsAndProvesWhatOneProcessDoes) {
    for (const auto& [vocab, contexts] : shapes) {
        const Problem problem(vocab, contexts);
        double excess = 0;
        const auto bound = [&](const SolverRows& rows, const LabelsView& labels, Matrix words, Matrix own) {
            const OptimumBound found =
                shared_optimum_bound(rows, problem.data, labels, words, own, lambda, 3, 7, [] {});
            if (rows.is_first()) excess = found.excess;
            return fmt::format("{:.17g} {}", found.excess, found.kind);
        };
        const std::string one = on_ranks(1, problem, bound);
        EXPECT_EQ(on_ranks(2, problem, bound), one);
        EXPECT_EQ(on_ranks(3, problem, bound), one);
        const auto backend = make_cpu_backend();
        const Labels labels(*backend, problem.data);
        const Array words = upload_array(*backend, problem.words),
                    rows = upload_array(*backend, problem.rows);
        const OptimumBound alone = OptimumBounder(*backend, problem.data, labels.view())
                                       .bound(words.matrix(Real::fp64, vocab, dim),
                                              rows.matrix(Real::fp64, contexts, dim), lambda, 3, 7);
        EXPECT_GT(alone.excess, 0);
        EXPECT_NEAR(excess, alone.excess, 1e-12 * alone.excess);
    }
}

// By D at once, by the sum of the words' Gram matrices, and by Lanczos.
TEST(SharedCertificate, CandidatesHaveTheSameNormsHoweverTheyAreMade) {
    for (const auto& [vocab, contexts] : shapes) {
        const Problem problem(vocab, contexts);
        const auto backend = make_cpu_backend();
        const Labels labels(*backend, problem.data);
        const Array words = upload_array(*backend, problem.words),
                    rows = upload_array(*backend, problem.rows);
        WholeCandidate whole(
            *backend, labels.view(),
            {words.matrix(Real::fp64, vocab, dim), rows.matrix(Real::fp64, contexts, dim), {}, {}}, lambda);
        const double norm = whole.norm(1, 2).value, entropy = whole.entropy(0.5 * lambda / norm);
        for (const CandidateLimits& limits :
             {CandidateLimits{}, CandidateLimits{1, 100}, CandidateLimits{1, 1}}) {
            double of_norm = 0, of_entropy = 0;
            const auto all = [&](const SolverRows& own, const LabelsView& view, Matrix w, Matrix h) {
                SharedCandidate candidate(own, view, {w, h, {}, {}}, lambda, limits);
                const CandidateNorm found = candidate.norm(1, 2);
                const double proven = candidate.entropy(0.5 * lambda / norm);
                EXPECT_EQ(found.exact, limits.gram > 1);
                if (own.is_first()) {
                    of_norm = found.value;
                    of_entropy = proven;
                }
                return fmt::format("{:.17g} {:.17g} {}", found.value, proven, candidate.largest_scale());
            };
            const std::string one = on_ranks(1, problem, all);
            EXPECT_EQ(on_ranks(2, problem, all), one);
            EXPECT_EQ(on_ranks(3, problem, all), one);
            EXPECT_NEAR(of_entropy, entropy, 1e-12 * std::abs(entropy));
            EXPECT_GE(of_norm, norm * (1 - 1e-12));
            EXPECT_LE(of_norm, norm * (limits.gram > 1 ? 1 + 1e-12 : 1.1));
        }
    }
}

}  // namespace
}  // namespace ntpgeo
