#include "host/run/config.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/problems.hpp"

namespace ntpgeo {
namespace {

TEST(LambdaGrid, FallsFromTheFirstToTheLastInRoundNumbers) {
    EXPECT_EQ(lambda_grid("1e-2:1e-5:1"), (std::vector<double>{1e-2, 1e-3, 1e-4, 1e-5}));
    EXPECT_EQ(lambda_grid("0.5:0.5:3"), std::vector<double>{0.5});
    EXPECT_EQ(lambda_grid("1:0.09:1"), (std::vector<double>{1, 0.1}));  // the last λ is not below LO
    const std::vector<double> halves = lambda_grid("1e-1:1e-8:2");
    ASSERT_EQ(halves.size(), 15U);
    EXPECT_EQ(halves.back(), 1e-8);
    EXPECT_DOUBLE_EQ(halves[1], 0.1 / std::sqrt(10.0));
    for (std::size_t k = 1; k < halves.size(); ++k) EXPECT_LT(halves[k], halves[k - 1]);
    EXPECT_EQ(lambda_grid("1e-1:1e-2:9999").size(), 10'000U);
}

TEST(LambdaGrid, RefusesWhatIsNoFallingGrid) {
    for (const char* text : {"",
                             ":",
                             "::",
                             "1e-1",
                             "1e-1:1e-2",
                             "a:b:c",
                             "1e-1:1e-2:x",
                             "1e-1:1e-2:1.5",
                             "1e-1:1e-2:0",
                             "1e-1:1e-2:-1",
                             "1e-1:1e-2:1:1",
                             "1e-1:1e-2:1 ",
                             " 1e-1:1e-2:1",
                             "1e-1:0:1",
                             "-1:1e-2:1",
                             "0:0:1",
                             "inf:1:1",
                             "nan:1:1",
                             "1:nan:1",
                             "1:1e-999:1",
                             "1:0.1:99999999999999999999"})
        expect_contains(refusal<InputError>([&] { lambda_grid(text); }), "is not HI:LO:PER_DECADE");
    expect_contains(refusal<InputError>([] { lambda_grid("1e-3:1e-2:1"); }),
                    "rises: HI must not be below LO");
    expect_contains(refusal<InputError>([] { lambda_grid("1e-3:inf:1"); }), "rises");
    expect_contains(refusal<InputError>([] { lambda_grid("1e-1:1e-2:10000"); }), "more than 10000 values");
    expect_contains(refusal<InputError>([] { lambda_grid("a\nb"); }), "--lambda: 'a\\x0ab'");
}

class ExactConfiguration : public ::testing::Test {
  protected:
    ExactConfiguration() {
        config_.command = "path";
        config_.dataset = {"/data/d.safetensors", "xxh3-128:12"};
        config_.tolerance = 3e-7;
        config_.device = "cpu";
        config_.lambdas = {0.1, 0.01};
        config_.save_points = true;
        config_.limit = {"/runs/limit", "xxh3-128:34"};
    }
    [[nodiscard]] nlohmann::ordered_json json() const {
        return nlohmann::ordered_json::parse(config_text(config_, make_dataset(2, {{0}}, {{1}})));
    }
    static void expect_refused(const nlohmann::ordered_json& json, const std::string& said,
                               const std::string& command = "path") {
        SCOPED_TRACE(said);
        expect_contains(refusal<InputError>([&] { read_exact_config(json.dump(), command, "config.json"); }),
                        said);
    }

    ExactConfig config_;
};

TEST_F(ExactConfiguration, ComesBackAsItWas) {
    const ExactConfig back = read_exact_config(json().dump(), "path", "config.json");
    EXPECT_EQ(back.command, config_.command);
    EXPECT_EQ(back.dataset.path, config_.dataset.path);
    EXPECT_EQ(back.dataset.hash, config_.dataset.hash);
    EXPECT_EQ(back.tolerance, config_.tolerance);
    EXPECT_EQ(back.device, config_.device);
    EXPECT_EQ(back.lambdas, config_.lambdas);
    EXPECT_EQ(back.save_points, config_.save_points);
    EXPECT_EQ(back.limit.path, config_.limit.path);
    EXPECT_EQ(back.limit.hash, config_.limit.hash);
    // A limit has no grid, no points and no limit to measure against.
    config_.command = "limit";
    const nlohmann::ordered_json of_limit = json();
    for (const char* key : {"lambdas", "save_points", "limit"}) EXPECT_FALSE(of_limit.contains(key)) << key;
    EXPECT_EQ(read_exact_config(of_limit.dump(), "limit", "config.json").tolerance, 3e-7);
    EXPECT_EQ(of_limit["dataset"]["vocab_size"], 2);
}

TEST_F(ExactConfiguration, RefusesWhatAnotherVerbOrHandWrote) {
    const nlohmann::ordered_json good = json();
    const auto changed = [&](const char* key, const nlohmann::ordered_json& value) {
        nlohmann::ordered_json bad = good;
        bad[key] = value;
        return bad;
    };
    expect_refused(good, "is not a configuration of ntpgeo limit", "limit");
    expect_refused(changed("format", "ntpgeo.config.2"), "format ntpgeo.config.1");
    expect_refused(changed("command", 3), "command");
    expect_refused(changed("tol", "small"), "tol");
    expect_refused(changed("colour", "red"), "colour");
    expect_refused(changed("lambdas", "0.1"), "lambdas");
    expect_refused(changed("lambdas", {0.1, "x"}), "lambdas");
    expect_refused(changed("save_points", 1), "save_points");
    expect_refused(changed("limit", "here"), "limit must be a JSON object");
    expect_refused(changed("dataset", {{"colour", 1}}), "colour");
    nlohmann::ordered_json without = good;
    without.erase("lambdas");
    expect_refused(without, "lambdas");
    expect_contains(refusal<InputError>([] { read_exact_config("{", "path", "config.json"); }),
                    "config.json is not a JSON file");
    const std::string wide("\xFF\xFE{\0}\0", 6);
    expect_contains(
        refusal<InputError>([&] { read_exact_config(wide, "path", "config.json"); }),
        "config.json is UTF-16LE, and JSON must be UTF-8; convert it (iconv -f UTF-16LE -t UTF-8)");
    EXPECT_EQ(read_exact_config("\uFEFF" + good.dump(), "path", "config.json").tolerance, 3e-7);
    expect_contains(refusal<InputError>([] { read_exact_config("[]", "path", "config.json"); }),
                    "JSON object");
}

}  // namespace
}  // namespace ntpgeo
