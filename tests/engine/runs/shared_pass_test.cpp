// The pass of a record by ranks that share the contexts: the same bits for any number of them, and the
// figures of one process.
#include "engine/runs/shared_pass.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/geometry/figures.hpp"
#include "tests/problems.hpp"
#include "tests/thread_team.hpp"

namespace ntpgeo {
namespace {

constexpr std::int64_t vocab = 600, contexts = 41, dim = 5, shards = 7;

class SharedPassTest : public testing::Test {
  protected:
    static Array own_rows(Memory& memory, const std::vector<double>& all, const RowRange& rows) {
        return upload_array(
            memory, std::vector<double>(all.begin() + rows.first * dim, all.begin() + rows.end * dim));
    }
    LossPass pass_of(int ranks, double ridge, Precision precision = Precision::fp64) {
        LossPass pass;
        ThreadJob::run(ranks, [&](Team& team) {
            const auto backend = make_cpu_backend();
            const TeamSums sums(team, shards);
            const SharedRows rows(sums, *backend, data_);
            const Array w = own_rows(*backend, words_, rows.words()),
                        h = own_rows(*backend, contexts_, rows.contexts());
            LossPass found = shared_pass(*backend, rows, w.matrix(Real::fp64, rows.words().size(), dim),
                                         h.matrix(Real::fp64, rows.contexts().size(), dim), ridge, precision);
            if (team.is_first())
                pass = std::move(found);
            else
                EXPECT_TRUE(found.support_logits.empty() && found.mean_logits.empty());
        });
        return pass;
    }
    Figures figures(double ridge, const LossPass* pass) {
        const auto backend = make_cpu_backend();
        FigureMeter meter(*backend, data_);
        const Array w = upload_array(*backend, words_), h = upload_array(*backend, contexts_);
        return meter.measure(w.matrix(Real::fp64, vocab, dim), h.matrix(Real::fp64, contexts, dim), ridge,
                             Precision::fp64, 3, 4, pass);
    }
    static std::vector<double> numbers(const LossPass& pass) {
        std::vector<double> all{pass.excess_loss,        pass.off_support_mass, pass.words_norm,
                                pass.contexts_norm,      pass.grad_norm,        pass.words_grad_norm,
                                pass.contexts_grad_norm, pass.up_words,         pass.up_contexts};
        for (const auto* part :
             {&pass.support_logits, &pass.mean_logits, &pass.off_support_max, &pass.off_support_square})
            all.insert(all.end(), part->begin(), part->end());
        return all;
    }

    Dataset data_ = random_dataset(vocab, contexts, 17, 1, 6, 11);
    std::vector<double> words_ = random_values(vocab * dim, 1, 5),
                        contexts_ = random_values(contexts * dim, 1, 6);
};

TEST_F(SharedPassTest, HasTheBitsOfOneRankOnAnyNumberOfThem) {
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
        const std::vector<double> alone = numbers(pass_of(1, 1e-2, precision));
        for (const int ranks : {2, 3, 7}) EXPECT_EQ(numbers(pass_of(ranks, 1e-2, precision)), alone) << ranks;
    }
}

void expect_near(double found, double expected, const char* what) {
    EXPECT_NEAR(found, expected, 1e-12 * std::max(1e-12, std::abs(expected))) << what;
}

TEST_F(SharedPassTest, GivesTheFiguresOfOneProcess) {
    // As they are, and where the squares of the norms leave the range of fp64 or underflow.
    for (const double scale : {1.0, 0x1p-300, 0x1p-510}) {
        for (double& value : words_) value *= scale;
        const LossPass pass = pass_of(3, 1e-2);
        EXPECT_EQ(pass.up_words != 1, scale != 1);
        const Figures found = figures(1e-2, &pass), expected = figures(1e-2, nullptr);
        expect_near(found.excess_loss, expected.excess_loss, "excess loss");
        expect_near(found.loss, expected.loss, "loss");
        expect_near(found.off_support_mass, expected.off_support_mass, "off-support mass");
        expect_near(found.grad_norm, expected.grad_norm, "gradient");
        expect_near(found.words_grad_norm, expected.words_grad_norm, "words' gradient");
        expect_near(found.contexts_grad_norm, expected.contexts_grad_norm, "contexts' gradient");
        EXPECT_NEAR(found.words_norm / expected.words_norm, 1, 1e-14);
        expect_near(found.contexts_norm, expected.contexts_norm, "contexts");
        expect_near(found.dominance.value(), expected.dominance.value(), "dominance");
        expect_near(found.alignment_proxy.value(), expected.alignment_proxy.value(), "alignment");
        expect_near(found.collapse.value(), expected.collapse.value(), "collapse");
        EXPECT_NEAR(found.min_margin.value() / expected.min_margin.value(), 1, 1e-11);
        EXPECT_NEAR(found.singular_values.at(0) / expected.singular_values.at(0), 1, 1e-12);
        for (double& value : words_) value /= scale;
    }
}

}  // namespace
}  // namespace ntpgeo
