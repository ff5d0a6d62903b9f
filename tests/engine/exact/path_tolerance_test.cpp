// The least tolerance that a path is said to be certified to: it is reached, and hardly anything below it is.
#include "engine/exact/path_tolerance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/exact/settings.hpp"
#include "kernels/base/status.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

struct Case {
    const char* name;
    Dataset data;
    std::vector<double> lambdas;
};

/// Weights π_j in proportion to weight(j).
template <class Weight>
Dataset weighted(Dataset data, const Weight& weight) {
    for (std::int64_t j = 0; j < data.contexts(); ++j) data.context_probs[j] = weight(static_cast<double>(j));
    const double total = std::accumulate(data.context_probs.begin(), data.context_probs.end(), 0.0);
    for (double& share : data.context_probs) share /= total;
    return data;
}

std::vector<Case> cases() {
    const std::vector<double> falling = {1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10};
    const Dataset tall = random_dataset(20, 60, 40, 1, 5, 1), wide = random_dataset(40, 15, 15, 1, 6, 2);
    return {
        {"more contexts than words", tall, falling},
        {"more words than contexts", wide, falling},
        {"one lambda", tall, {1e-3}},
        {"tiny lambda", tall, {1e-12, 1e-13}},
        {"Zipf", weighted(tall, [](double j) { return 1 / (j + 1); }), falling},
        {"one context has all the weight", weighted(tall, [](double j) { return j == 0 ? 1 : 1e-12; }),
         falling},
        {"weights over twelve decades", weighted(wide, [](double j) { return std::pow(10, -0.8 * j); }),
         falling},
        {"one-hot", uniform_dataset(5, {{0}, {1}, {2}, {3}, {4}}), falling},
        {"one context of two words", uniform_dataset(2, {{0}}), falling},
    };
}

double least_of(Backend& backend, const Case& one) {
    ToleranceSurvey survey(backend, one.data, one.lambdas);
    while (!survey.finished()) survey.advance();
    return survey.least();
}

TEST(PathTolerance, TheLeastIsReachedAndLittleBelowItIs) {
    const auto backend = make_cpu_backend();
    for (const Case& one : cases()) {
        SCOPED_TRACE(one.name);
        const double least = least_of(*backend, one);
        EXPECT_LT(least, surely_certified_tolerance(one.data.contexts(), one.data.vocab_size));
        PathSolver solver(*backend, one.data, one.lambdas, least);
        double worst = 0, rounding = 0;
        for (; !solver.finished(); solver.next_point()) {
            while (!solver.advance()) {
            }
            EXPECT_LE(solver.last()->relative_gap, least) << solver.lambda();
            EXPECT_LE(solver.last()->rounding, solver.last()->relative_gap + 16 * 0x1p-53) << solver.lambda();
            worst = std::max(worst, solver.last()->relative_gap);
            rounding = std::max(rounding, solver.last()->rounding);
        }
        EXPECT_GT(rounding, 0.3 * least) << "what is said to be the least is far above what rounding takes";
        EXPECT_GT(worst, 0.3 * least);
    }
}

TEST(PathTolerance, WhatRoundingTakesIsNeverBeaten) {
    const auto backend = make_cpu_backend();
    for (const Case& one : cases()) {
        SCOPED_TRACE(one.name);
        PathSolver solver(*backend, one.data, {one.lambdas.back()}, 1e-18);
        while (!solver.advance()) {
        }
        EXPECT_GT(solver.last()->relative_gap, solver.last()->rounding - 16 * 0x1p-53);
        EXPECT_LT(solver.last()->relative_gap, 1.3 * solver.last()->rounding + 64 * 0x1p-53);
    }
}

TEST(PathTolerance, ASurveyRefusesWithALeastThatItAccepts) {
    const auto backend = make_cpu_backend();
    for (const Case& one : cases()) {
        SCOPED_TRACE(one.name);
        ToleranceSurvey survey(*backend, one.data, one.lambdas);
        while (!survey.finished()) survey.advance();
        const std::string said = least_tolerance_text(survey.least());
        try {
            survey.require(survey.least() / 2);
            FAIL() << "half of the least was taken";
        } catch (const InputError& error) {
            EXPECT_NE(std::string(error.what()).find("the least that can is " + said), std::string::npos)
                << error.what();
        }
        EXPECT_NO_THROW(survey.require(std::stod(said)));
    }
}

TEST(PathTolerance, AnOptimumOfZeroIsCertifiedToAny) {
    const auto backend = make_cpu_backend();
    const Case full{"full", uniform_dataset(4, {{0, 1, 2, 3}, {0, 1, 2, 3}}), {1e-1, 1e-2}};
    EXPECT_EQ(least_of(*backend, full), 0);
}

TEST(PathTolerance, WhatIsSaidOfALeastIsNotBelowIt) {
    for (double least = 1e-13; least < 1e-11; least *= 1.0007) {
        const double said = std::stod(least_tolerance_text(least));
        EXPECT_GE(said, least);
        EXPECT_LE(said, 1.12 * least);
    }
    EXPECT_EQ(least_tolerance_text(9.97e-12), "1.1e-11");
}

}  // namespace
}  // namespace ntpgeo
