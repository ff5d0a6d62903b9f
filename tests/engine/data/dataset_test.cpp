#include "engine/data/dataset.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Three contexts over five tokens; the first and the last share their support.
Dataset small() {
    Dataset dataset;
    dataset.vocab_size = 5;
    dataset.indptr = {0, 2, 3, 5};
    dataset.indices = {1, 4, 0, 1, 4};
    dataset.probs = {0.25, 0.75, 1, 0.5, 0.5};
    dataset.context_probs = {0.5, 0.25, 0.25};
    dataset.counts = {1, 3, 2, 1, 1};
    dataset.context_tokens = {0, 1, 2, 3, 4, 0};
    dataset.context_length = 2;
    dataset.vocab = {"a", "b", "c", "d", "e"};
    return dataset;
}

struct Fault {
    std::string reason;
    std::function<void(Dataset&)> make;
};

TEST(CheckDataset, EveryFaultIsNamedWithItsPlace) {
    const std::vector<Fault> faults{
        {"vocab_size is 0", [](Dataset& d) { d.vocab_size = 0; }},
        {"vocab_size is -1", [](Dataset& d) { d.vocab_size = -1; }},
        {"vocab_size is 2147483648", [](Dataset& d) { d.vocab_size = 2147483648; }},
        {"has no context", [](Dataset& d) { d.context_probs.clear(); }},
        {"indptr has length 3; it must have 4", [](Dataset& d) { d.indptr.pop_back(); }},
        {"indptr has length 0; it must have 4", [](Dataset& d) { d.indptr.clear(); }},
        {"probs has length 4; it must have 5", [](Dataset& d) { d.probs.pop_back(); }},
        {"counts has length 6; it must have 5", [](Dataset& d) { d.counts.push_back(1); }},
        {"vocab has length 4; it must have 5", [](Dataset& d) { d.vocab.pop_back(); }},
        {"context_tokens has 5 entries for 3 contexts", [](Dataset& d) { d.context_tokens.pop_back(); }},
        {"contexts of length 3", [](Dataset& d) { d.context_length = 3; }},
        {"contexts of length 0", [](Dataset& d) { d.context_length = 0; }},
        {"contexts of length -2", [](Dataset& d) { d.context_length = -2; }},
        {"indptr begins with 1", [](Dataset& d) { d.indptr[0] = 1; }},
        {"indptr begins with -1", [](Dataset& d) { d.indptr[0] = -1; }},
        {"context 1 has an empty support", [](Dataset& d) { d.indptr[2] = 2; }},
        {"indptr decreases at context 1 (from 2 to 1)", [](Dataset& d) { d.indptr[2] = 1; }},
        {"indptr decreases at context 2", [](Dataset& d) { d.indptr[2] = std::int64_t{1} << 60; }},
        {"indptr ends with 6; it must end with 5", [](Dataset& d) { d.indptr[3] = 6; }},
        {"indptr ends with 4; it must end with 5", [](Dataset& d) { d.indptr[3] = 4; }},
        {"indices[2] of context 1 is 5; it must be from 0 to 4", [](Dataset& d) { d.indices[2] = 5; }},
        {"indices[0] of context 0 is -1", [](Dataset& d) { d.indices[0] = -1; }},
        {"indices[4] of context 2 is 1, a repetition", [](Dataset& d) { d.indices[4] = 1; }},
        {"indices[4] of context 2 is 0, after 1", [](Dataset& d) { d.indices[4] = 0; }},
        {"probs[1] of context 0 is 0, which is not positive", [](Dataset& d) { d.probs[1] = 0; }},
        {"probs[3] of context 2 is -0.5, which is not positive",
         [](Dataset& d) {
             d.probs[3] = -0.5;
             d.probs[4] = 1.5;
         }},
        {"probs[2] of context 1 is nan, which is not a number", [](Dataset& d) { d.probs[2] = nan; }},
        {"probs[2] of context 1 is inf, which is not finite", [](Dataset& d) { d.probs[2] = infinity; }},
        {"probs[0] of context 0 is 1e-310, which is subnormal",
         [](Dataset& d) {
             d.probs[0] = 1e-310;
             d.probs[1] = 1;
         }},
        {"probs of context 2 sum to 1.00002", [](Dataset& d) { d.probs[4] = 0.50002; }},
        {"probs of context 1 sum to 0.99998", [](Dataset& d) { d.probs[2] = 0.99998; }},
        {"context_probs[1] is 0, which is not positive",
         [](Dataset& d) {
             d.context_probs = {0.5, 0, 0.5};
         }},
        {"context_probs[2] is 1e-310, which is subnormal",
         [](Dataset& d) {
             d.context_probs = {0.5, 0.5, 1e-310};
         }},
        {"context_probs[0] is nan", [](Dataset& d) { d.context_probs[0] = nan; }},
        {"context_probs sum to 1.25", [](Dataset& d) { d.context_probs[0] = 0.75; }},
        {"counts[3] is 0", [](Dataset& d) { d.counts[3] = 0; }},
        {"counts[0] is -7", [](Dataset& d) { d.counts[0] = -7; }},
        {"context_tokens[1, 1] is 5", [](Dataset& d) { d.context_tokens[3] = 5; }},
        {"context_tokens[2, 0] is -1", [](Dataset& d) { d.context_tokens[4] = -1; }},
    };
    for (const Fault& fault : faults) {
        Dataset dataset = small();
        fault.make(dataset);
        try {
            check_dataset(dataset, "origin");
            ADD_FAILURE() << "not refused: " << fault.reason;
        } catch (const InputError& error) {
            const std::string message = error.what();
            EXPECT_TRUE(message.starts_with("origin: ")) << message;
            EXPECT_NE(message.find(fault.reason), std::string::npos)
                << fault.reason << " is not in: " << message;
            EXPECT_EQ(message.find('\n'), std::string::npos);
        }
    }
}

TEST(CheckDataset, AValidOneIsLeftAsItIs) {
    Dataset dataset = small();
    check_dataset(dataset, "origin");
    EXPECT_EQ(dataset.probs, small().probs);
    EXPECT_EQ(dataset.context_probs, small().context_probs);
}

TEST(CheckDataset, OptionalPartsMayBeMissing) {
    Dataset dataset = small();
    dataset.counts.clear();
    dataset.context_tokens.clear();
    dataset.context_length = 0;
    dataset.vocab.clear();
    EXPECT_NO_THROW(check_dataset(dataset, "origin"));
}

TEST(CheckDataset, EdgesOfTheLegalAreLegal) {
    Dataset dataset;
    dataset.vocab_size = 2;
    dataset.indptr = {0, 2};
    dataset.indices = {0, 1};
    dataset.probs = {std::numeric_limits<double>::min(), 1};
    dataset.context_probs = {1};
    EXPECT_NO_THROW(check_dataset(dataset, "one context, a full support, the least normal number"));
}

TEST(CheckDataset, SumsOffByAtMostTheToleranceAreRenormalised) {
    Dataset dataset = small();
    dataset.probs = {0.25, 0.750009, 0.999991, 0.5, 0.5};
    dataset.context_probs = {0.5, 0.25, 0.249995};
    check_dataset(dataset, "origin");
    EXPECT_NEAR(dataset.probs[0] + dataset.probs[1], 1, 3e-16);
    EXPECT_NEAR(dataset.probs[0] / dataset.probs[1], 0.25 / 0.750009, 1e-15);
    EXPECT_EQ(dataset.probs[2], 1);
    EXPECT_EQ(dataset.probs[3], 0.5);
    EXPECT_NEAR(dataset.context_probs[0] + dataset.context_probs[1] + dataset.context_probs[2], 1, 3e-16);
}

// Dividing by a sum above 1 must not make a subnormal that the next reading would refuse.
TEST(CheckDataset, RenormalisingNeverLeavesASubnormal) {
    Dataset dataset = small();
    dataset.probs[0] = std::numeric_limits<double>::min();
    dataset.probs[1] = 1.000005;
    EXPECT_THROW(check_dataset(dataset, "origin"), InputError);
}

TEST(CheckDataset, WhatWasRenormalisedOnceNeverChangesAgain) {
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> uniform(1e-6, 1);
    for (const std::int64_t size : {2, 10, 1000, 300000}) {
        Dataset dataset;
        dataset.vocab_size = 1;
        double sum = 0;
        for (std::int64_t j = 0; j < size; ++j) sum += dataset.context_probs.emplace_back(uniform(random));
        for (double& weight : dataset.context_probs) weight /= sum * (1 + 3e-6);
        for (std::int64_t j = 0; j <= size; ++j) dataset.indptr.push_back(j);
        dataset.indices.assign(size, 0);
        dataset.probs.assign(size, 1);
        const std::vector<double> given = dataset.context_probs;
        check_dataset(dataset, "origin");
        const std::vector<double> once = dataset.context_probs;
        EXPECT_NE(once, given);
        check_dataset(dataset, "origin");
        EXPECT_EQ(dataset.context_probs, once) << size;
    }
}

// Correctly rounded quotients are as good as a sum can be: they stay bit for bit, however many they are.
TEST(CheckDataset, UniformWeightsAreLeftAlone) {
    constexpr std::int64_t contexts = 1234567;
    Dataset dataset;
    dataset.vocab_size = 1;
    dataset.context_probs.assign(contexts, 1.0 / contexts);
    for (std::int64_t j = 0; j <= contexts; ++j) dataset.indptr.push_back(j);
    dataset.indices.assign(contexts, 0);
    dataset.probs.assign(contexts, 1);
    check_dataset(dataset, "origin");
    EXPECT_EQ(dataset.context_probs, std::vector<double>(contexts, 1.0 / contexts));
}

TEST(Entropy, IsThatOfTheDefinition) {
    const double expected = 0.5 * (0.25 * std::log(4.0) + 0.75 * std::log(4.0 / 3)) + 0.25 * std::log(2.0);
    EXPECT_NEAR(entropy(small()), expected, 1e-15);
}

TEST(Entropy, IsZeroForOneHotLabels) {
    Dataset dataset = small();
    dataset.indptr = {0, 1, 2, 3};
    dataset.indices = {0, 1, 2};
    dataset.probs = {1, 1, 1};
    EXPECT_EQ(entropy(dataset), 0);
    EXPECT_FALSE(std::signbit(entropy(dataset)));
}

TEST(SupportClasses, AreNumberedInOrderOfAppearance) {
    const SupportClasses classes = support_classes(small());
    EXPECT_EQ(classes.class_of, (std::vector<std::int64_t>{0, 1, 0}));
    EXPECT_EQ(classes.size, (std::vector<std::int64_t>{2, 1}));
    EXPECT_EQ(classes.first, (std::vector<std::int64_t>{0, 1}));
    EXPECT_EQ(classes.count(), 2);
}

TEST(SupportClasses, AgreeWithASortedMap) {
    std::mt19937 random(3);
    Dataset dataset;
    dataset.vocab_size = 12;
    dataset.indptr = {0};
    std::vector<std::vector<std::int32_t>> supports;
    for (int j = 0; j < 5000; ++j) {
        std::set<std::int32_t> tokens;
        const unsigned size = 1 + random() % 5;
        while (tokens.size() < size) tokens.insert(static_cast<std::int32_t>(random() % 12));
        supports.emplace_back(tokens.begin(), tokens.end());
        dataset.indices.insert(dataset.indices.end(), tokens.begin(), tokens.end());
        dataset.indptr.push_back(dataset.nnz());
    }
    dataset.context_probs.assign(supports.size(), 1.0 / static_cast<double>(supports.size()));

    std::map<std::vector<std::int32_t>, std::int64_t> expected;
    std::vector<std::int64_t> sizes;
    const SupportClasses classes = support_classes(dataset);
    for (std::size_t j = 0; j < supports.size(); ++j) {
        const auto [entry, is_new] =
            expected.try_emplace(supports[j], static_cast<std::int64_t>(expected.size()));
        if (is_new) {
            sizes.push_back(0);
            ASSERT_EQ(classes.first[static_cast<std::size_t>(entry->second)], static_cast<std::int64_t>(j));
        }
        ++sizes[static_cast<std::size_t>(entry->second)];
        ASSERT_EQ(classes.class_of[j], entry->second) << j;
    }
    EXPECT_EQ(classes.size, sizes);
}

}  // namespace
}  // namespace ntpgeo
