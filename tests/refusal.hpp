// The message of a refusal.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace ntpgeo {

/// The message with which `action` throws Error, which must be one line; fails the test where it does not
/// throw it.
template <class Error, class Action>
std::string refusal(Action action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find_first_of("\n\r"), std::string::npos) << error.what();
        return error.what();
    } catch (const std::exception& error) {
        ADD_FAILURE() << "another error: " << error.what();
        return "";
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
}

/// Expects `part` in `text`.
inline void expect_contains(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text;
}

}  // namespace ntpgeo
