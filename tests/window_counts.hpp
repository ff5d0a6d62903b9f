// Counts of windows, compared.
#pragma once

#include <gtest/gtest.h>

#include "kernels/counting/counting.hpp"

namespace ntpgeo {

/// All but the entropy, which not every counter knows.
inline void expect_equal(const WindowCounts& actual, const WindowCounts& expected) {
    EXPECT_EQ(actual.windows, expected.windows);
    EXPECT_EQ(actual.contexts, expected.contexts);
    EXPECT_EQ(actual.most, expected.most);
    EXPECT_EQ(actual.context_tokens, expected.context_tokens);
    EXPECT_EQ(actual.indptr, expected.indptr);
    EXPECT_EQ(actual.next, expected.next);
    EXPECT_EQ(actual.counts, expected.counts);
}

}  // namespace ntpgeo
