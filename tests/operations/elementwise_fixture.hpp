// How operations that treat one element like another are tried: on vectors of many sizes, off their
// boundaries, in both precisions.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "tests/operations/operation_fixture.hpp"

namespace ntpgeo {

/// Sizes around a warp and a block, empty ones, and starts off the boundary of an access.
struct VectorCase {
    Real real;
    std::int64_t size, offset;
    [[nodiscard]] double tolerance() const { return real == Real::fp64 ? 1e-12 : 1e-5; }
    [[nodiscard]] std::string words() const {
        return std::string(real == Real::fp64 ? "fp64" : "fp32") + ", " + std::to_string(size) +
               " elements, offset " + std::to_string(offset);
    }
};

class ElementwiseTest : public OperationTest {
  protected:
    using Operands = std::vector<Vector>;
    using Numbers = std::vector<std::vector<double>>;

    [[nodiscard]] std::vector<VectorCase> vector_cases() const {
        std::vector<VectorCase> cases;
        for (const Real real : {Real::fp64, Real::fp32})
            for (const std::int64_t size : {0, 1, 2, 3, 31, 32, 33, 1000, 4099})
                for (const std::int64_t offset : {0, 1}) cases.push_back({real, size, offset});
        if (on_cpu()) cases.push_back({Real::fp64, 40003, 1});  // takes a team of threads
        return cases;
    }

    /// Runs `operation(backend, vectors...)` on the given vectors, which start at different offsets from
    /// their boundaries where `skewed`; returns all of them afterwards, one after the other.
    template <class Operation>
    static std::vector<double> result(Backend& backend, const VectorCase& shape, const Numbers& inputs,
                                      bool skewed, const Operation& operation) {
        std::vector<Guarded> arrays;
        Operands vectors;
        for (std::size_t k = 0; k < inputs.size(); ++k) {
            const std::int64_t skew = skewed ? static_cast<std::int64_t>(k) : 0;
            arrays.emplace_back(backend, shape.real, inputs[k], shape.offset + skew);
            vectors.push_back(arrays.back().vector());
        }
        operation(backend, vectors);
        std::vector<double> all;
        for (const Guarded& array : arrays) {
            const std::vector<double> values = array.read();
            all.insert(all.end(), values.begin(), values.end());
        }
        return all;
    }

    /// Tries `operation` on `count` random vectors of every case: against `formula(vectors, i)`, which
    /// overwrites element i, and against the CPU, whose bits every backend has here.
    template <class Operation, class Formula>
    void expect(int count, const Operation& operation, const Formula& formula) {
        for (const VectorCase& shape : vector_cases())
            for (const bool skewed : {false, true}) {
                Numbers inputs;
                for (int k = 0; k < count; ++k) inputs.push_back(random(shape.size, shape.real));
                // The last vector holds squares in every use of more than two.
                if (count > 2)
                    for (double& x : inputs.back()) x = std::abs(x);
                const auto words = shape.words() + (skewed ? ", skewed" : "");
                const std::vector<double> actual = result(backend(), shape, inputs, skewed, operation);
                EXPECT_TRUE(same_bits(actual, result(cpu(), shape, inputs, skewed, operation), words));
                for (std::int64_t i = 0; i < shape.size; ++i) formula(inputs, i);
                std::vector<double> expected;
                for (const auto& input : inputs) expected.insert(expected.end(), input.begin(), input.end());
                EXPECT_TRUE(close_to(actual, expected, shape.tolerance(), words));
            }
    }
};

}  // namespace ntpgeo
