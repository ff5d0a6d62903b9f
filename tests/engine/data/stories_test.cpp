#include "engine/data/synthetic.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "kernels/base/status.hpp"

namespace ntpgeo {
namespace {

TEST(Stories, AreOneALineInPlainText) {
    const std::string text = write_stories(200, 0);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 200);
    EXPECT_EQ(text.back(), '\n');
    std::size_t line = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', line)) {
        EXPECT_EQ(text.compare(line, 29, "Once upon a time there was a "), 0);
        EXPECT_EQ(text.compare(end - 8, 8, "The end."), 0);
        line = end + 1;
    }
    // No slot was left open, and nothing but printable ASCII was written.
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) {
        return c == '\n' || (c >= ' ' && c <= '~' && c != '<' && c != '>');
    }));
}

TEST(Stories, DependOnTheSeedAloneAndMoreStoriesContinueFewer) {
    const std::string few = write_stories(20, 3);
    EXPECT_EQ(few, write_stories(20, 3));
    EXPECT_NE(few, write_stories(20, 4));
    EXPECT_EQ(few, write_stories(40, 3).substr(0, few.size()));
}

TEST(Stories, RefuseNoStories) {
    EXPECT_THROW(write_stories(0, 0), InputError);
}

}  // namespace
}  // namespace ntpgeo
