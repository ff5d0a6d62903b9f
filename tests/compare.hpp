// The one comparator of numbers against a reference: in norm and for the worst element, which it names.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

namespace ntpgeo {

/// Whether ‖actual − expected‖ ≤ tolerance·‖expected‖, no element is further off than
/// tolerance·max|expected|, and all of them are finite. The message names the worst element (the first that
/// is not finite) and `configuration`: what it takes to repeat the case.
inline testing::AssertionResult close_to(const std::vector<double>& actual,
                                         const std::vector<double>& expected, double tolerance,
                                         const std::string& configuration = "") {
    const auto failure = [&](std::size_t i) {
        return testing::AssertionFailure() << configuration << ": element " << i << " of " << expected.size()
                                           << " is " << actual[i] << " and should be " << expected[i] << "; ";
    };
    if (actual.size() != expected.size())
        return testing::AssertionFailure()
               << configuration << ": " << actual.size() << " elements, not " << expected.size();
    double square = 0, reference = 0, largest = 0, worst = 0;
    std::size_t place = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        if (!std::isfinite(actual[i]) || !std::isfinite(expected[i])) return failure(i) << "not finite";
        const double error = std::abs(actual[i] - expected[i]);
        square += error * error;
        reference += expected[i] * expected[i];
        largest = std::max(largest, std::abs(expected[i]));
        if (error > worst) {
            worst = error;
            place = i;
        }
    }
    if (worst > tolerance * largest)
        return failure(place) << "off by " << worst / largest << " of the largest, " << tolerance
                              << " allowed";
    if (std::sqrt(square) > tolerance * std::sqrt(reference))
        return failure(place) << "the relative error in norm is " << std::sqrt(square / reference) << ", "
                              << tolerance << " allowed";
    return testing::AssertionSuccess();
}

/// Whether every element of `actual` is as near to `expected` as a sum of terms can be told: within tolerance
/// times `magnitudes`, the sums of its terms' absolute values, which cancel in the sum itself.
inline testing::AssertionResult close_by_terms(const std::vector<double>& actual,
                                               const std::vector<double>& expected,
                                               const std::vector<double>& magnitudes, double tolerance,
                                               const std::string& configuration = "") {
    if (actual.size() != expected.size() || magnitudes.size() != expected.size())
        return testing::AssertionFailure()
               << configuration << ": " << actual.size() << " elements, not " << expected.size();
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (!(std::abs(actual[i] - expected[i]) <= tolerance * magnitudes[i]))
            return testing::AssertionFailure()
                   << configuration << ": element " << i << " of " << expected.size() << " is " << actual[i]
                   << " and should be " << expected[i] << ", a sum over terms of " << magnitudes[i];
    return testing::AssertionSuccess();
}

/// Whether both have the same bits.
inline testing::AssertionResult same_bits(const std::vector<double>& actual,
                                          const std::vector<double>& expected,
                                          const std::string& configuration = "") {
    if (actual.size() != expected.size())
        return testing::AssertionFailure()
               << configuration << ": " << actual.size() << " elements, not " << expected.size();
    for (std::size_t i = 0; i < expected.size(); ++i)
        if (std::memcmp(&actual[i], &expected[i], sizeof(double)) != 0) {
            std::ostringstream values;
            values.precision(17);
            values << actual[i] << " and " << expected[i];
            return testing::AssertionFailure() << configuration << ": element " << i << " of "
                                               << expected.size() << " differs: " << values.str();
        }
    return testing::AssertionSuccess();
}

}  // namespace ntpgeo
