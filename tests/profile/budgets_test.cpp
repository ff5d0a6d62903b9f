// What an iteration may ask of a GPU: upper bounds a case, in every column of its profile. Work on a case
// lowers them; nothing raises one without a reason that its commit gives.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "kernels/base/status.hpp"
#include "tests/profile/cases.hpp"
#include "tests/profile/table.hpp"

namespace ntpgeo::profile {
namespace {

struct Budget {
    std::string name;
    Columns most;
};

// launches, graph launches, library calls, bytes up, bytes down, synchronisations, allocations
const Budget budgets[] = {
    {"gd", {0, 1, 0, 0, 0, 0, 0}},
    {"momentum", {0, 1, 0, 0, 0, 0, 0}},
    {"ngd", {0, 1, 0, 0, 0, 0, 0}},
    {"adam", {0, 1, 0, 0, 0, 0, 0}},
    {"adam-chunks", {0, 1, 0, 0, 0, 0, 0}},
    {"adamw", {0, 1, 0, 0, 0, 0, 0}},
    {"lbfgs", {15, 1, 0, 176, 536, 4, 0}},
    {"sign", {0, 1, 0, 0, 0, 0, 0}},
    {"limit", {11, 0, 4, 0, 340, 2, 0}},
    {"limit-products", {54, 0, 68, 0, 200, 2, 0}},
    {"limit-certificate", {25, 0, 9, 0, 1220, 6, 0}},
    {"limit-newton", {107, 0, 32, 0, 892, 15, 0}},
    {"path", {10, 0, 4, 0, 340, 2, 0}},
    {"path-products", {75, 0, 112, 0, 200, 2, 0}},
    {"record", {57, 0, 21, 8, 2784, 9, 0}},
    {"counting", {18, 0, 0, 80036, 46800, 13, 25}},
};

void PrintTo(const Budget& budget, std::ostream* out) {
    *out << budget.name;
}

class ProfileBudget : public testing::TestWithParam<Budget> {};

TEST_P(ProfileBudget, Holds) {
    const Budget& budget = GetParam();
    const Profile profile = find_case(budget.name).measure(budget.name, Scale::quick);
    const Columns now = columns_of(profile.total(), profile.iterations);
    for (const Column& column : all_columns)
        EXPECT_LE(now.*column.value, budget.most.*column.value) << budget.name << ": " << column.title;
    EXPECT_EQ(profile.total().recordings, 0) << "an iteration in its steady state records no graph";
}

INSTANTIATE_TEST_SUITE_P(Cases, ProfileBudget, testing::ValuesIn(budgets), [](const auto& of) {
    std::string name = of.param.name;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

TEST(ProfileCases, EveryOneHasABudget) {
    std::set<std::string> with_budget, cases;
    for (const Budget& budget : budgets) with_budget.insert(budget.name);
    for (const Case& known : all_cases()) cases.insert(known.name);
    EXPECT_EQ(with_budget, cases);
}

TEST(ProfileCases, AnUnknownNameIsRefusedWithThoseThereAre) {
    try {
        find_case("sgd");
        FAIL() << "sgd is no case";
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("gd, momentum, ngd"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace ntpgeo::profile
