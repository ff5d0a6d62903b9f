// Pages of training runs, paths and limits together.
#include <gtest/gtest.h>

#include "host/report/catalogue.hpp"
#include "host/report/page.hpp"
#include "kernels/base/status.hpp"
#include "tests/host/files/scratch.hpp"
#include "tests/host/report/sample_runs.hpp"

namespace ntpgeo {
namespace {

using nlohmann::json;

class Mixture : public ::testing::Test {
  protected:
    Mixture() {
        write_sample_limit(folder_ / "limit");
        write_sample_path(folder_ / "path");
        // The last record stands at λ = 1e-9.
        write_sample_run(folder_ / "adam", sample_steps(), [](json& record) {
            record["lambda"] = 1e-9;
            if (record["step"] != 100 && record["step"] != 1500) return;
            record["relative_gap"] = 0.5;
            record["gap_kind"] = "polar <candidate>, probabilistic norm";
        });
    }
    [[nodiscard]] std::vector<ntpgeo::Run> runs(const std::vector<std::string>& names) const {
        std::vector<std::filesystem::path> paths;
        for (const std::string& name : names) paths.push_back(folder_ / name);
        return read_runs(paths);
    }
    [[nodiscard]] std::string page(const std::vector<std::string>& names) const {
        return report_page(runs(names));
    }
    /// The one chart of a kind.
    [[nodiscard]] Chart chart(const std::vector<std::string>& names, const std::string& id) const {
        for (const FigureKind& kind : figure_kinds()) {
            if (kind.id != id) continue;
            auto charts = make_charts(kind, runs(names));
            EXPECT_EQ(charts.size(), 1U) << id;
            return charts.front();
        }
        throw std::runtime_error("no such kind");
    }

    ScratchFolder folder_;
};

std::string figure(const std::string& page, const std::string& id) {
    const std::size_t begin = page.find("<figure id=\"" + id + "\">");
    if (begin == std::string::npos) return "";
    return page.substr(begin, page.find("</figure>", begin) - begin);
}

TEST_F(Mixture, IsAPageOfEveryKindInAnyOrder) {
    for (const std::vector<std::string>& names : std::vector<std::vector<std::string>>{
             {"limit", "path", "adam"}, {"adam", "limit", "path"}, {"path"}, {"limit"}, {"path", "limit"}}) {
        const std::string html = page(names);
        EXPECT_EQ(malformed(html), "");
        EXPECT_EQ(html, page(names));
    }
}

TEST_F(Mixture, PlacesThePathAgainstTheNormOfTheLogits) {
    const Chart dominance = chart({"limit", "path", "adam"}, "dominance-norm");
    ASSERT_EQ(dominance.series.size(), 2U);
    const Series& path = dominance.series[0];
    EXPECT_EQ(path.across, (std::vector<double>{0, 5, 13}));  // 3² + 4² = 5², 5² + 12² = 13²
    EXPECT_TRUE(std::isnan(path.values[0]));
    EXPECT_DOUBLE_EQ(path.values[1], 4.0 / 3.0);
    EXPECT_DOUBLE_EQ(path.values[2], 12.0 / 5.0);
    EXPECT_EQ(dominance.series[1].across.size(), sample_steps().size());
    EXPECT_EQ(dominance.across.name(), "‖L‖_{F}");
    // The runs keep their colours whatever limits stand before them.
    EXPECT_EQ(path.colour, "0");
    EXPECT_EQ(dominance.series[1].colour, "1");
    const Chart limit = chart({"path", "adam"}, "alignment-limit-norm");
    ASSERT_EQ(limit.series.size(), 1U);
    EXPECT_EQ(limit.series[0].run, "path");
    EXPECT_DOUBLE_EQ(limit.series[0].values[2], 1 - 1e-4);
}

TEST_F(Mixture, DrawsAPathAgainstFallingLambdaWithTheEndsOfTraining) {
    const Chart excess = chart({"adam", "path"}, "path-excess");
    ASSERT_EQ(excess.series.size(), 2U);
    EXPECT_EQ(excess.series[0].across, std::vector<double>{1e-9});
    EXPECT_EQ(excess.series[0].values, std::vector<double>{sample_record(1500)["excess_loss"].get<double>()});
    EXPECT_EQ(excess.series[1].across, (std::vector<double>{1e-2, 1e-3, 1e-4}));
    EXPECT_LT(excess.across.position(1e-2), excess.across.position(1e-3));
    EXPECT_LT(excess.across.position(1e-3), excess.across.position(1e-9));
    EXPECT_EQ(excess.across.name(), "λ, falling to the right");
    EXPECT_EQ(chart({"adam", "path"}, "path-rank").series.size(), 1U);
    EXPECT_EQ(chart({"adam", "path"}, "path-gap").series.size(), 2U);
    // Each point of a path is marked: three where all have a value, two where the first is null.
    EXPECT_EQ(occurrences(figure(page({"path"}), "path-excess"), "<circle"), 3U);
    EXPECT_EQ(occurrences(figure(page({"path"}), "path-dominance"), "<circle"), 2U);
    // Where another run comes first, the path keeps the second mark in the figures that it has to itself.
    EXPECT_EQ(occurrences(figure(page({"adam", "path"}), "path-rank"), "<path class=\"mark fill-1\""), 3U);
}

TEST_F(Mixture, LeavesTrainingWithoutLambdaOffTheLambdaAxis) {
    write_sample_run(folder_ / "plain", sample_steps(), [](json& record) { record["lambda"] = 0.0; });
    EXPECT_EQ(chart({"plain", "path"}, "path-excess").series.size(), 1U);
    EXPECT_EQ(figure(page({"plain"}), "path-excess"), "");
    // Without a path there is no figure of one, whatever λ the training had.
    EXPECT_EQ(figure(page({"adam"}), "path-excess"), "");
}

TEST_F(Mixture, JoinsOccasionalCertificatesAndSaysHowTheyWereMade) {
    const std::string gap = figure(page({"adam"}), "relative-gap");
    expect_contains(gap, "Evaluated at 2 of 12 records: adam.");
    expect_contains(gap, "How the bounds were made: polar &lt;candidate&gt;, probabilistic norm.");
    EXPECT_EQ(occurrences(gap, "class=\"curve"), 1U);
    EXPECT_EQ(occurrences(gap, "Null, and so a gap"), 0U);
}

TEST_F(Mixture, DrawsDirectionStrengthsOfEachRunWithDirectLabels) {
    const std::string html = page({"adam", "path"});
    const std::string training = figure(html, "directions"), path = figure(html, "path-directions");
    for (int k = 1; k <= 16; ++k) {
        const std::string label = "s<tspan dy=\"2.6\" font-size=\"9.1\">" + std::to_string(k) + "</tspan>";
        EXPECT_EQ(occurrences(training, label), 1U) << k;
        EXPECT_EQ(occurrences(path, label), k <= 2 ? 1U : 0U) << k;
    }
}

TEST_F(Mixture, StatesTheLimitWithItsCertificate) {
    const std::string html = page({"limit"});
    EXPECT_EQ(occurrences(html, "<article class=\"card\">"), 1U);
    // The gap is 5e-5, so that seven digits tell the bound from the value.
    expect_contains(html, "19.999 ≤ ‖<i>L</i><sub>mm</sub>‖<sub>*</sub> ≤ 20<");
    // Rounded up: in doubles it is a little more than 5e-5.
    expect_contains(html, "5.01×10<sup>−5</sup>, within the tolerance 10<sup>−4</sup>");
    expect_contains(html, "<dt>Iterations</dt><dd>60</dd>");
    expect_contains(html, "<dt>Rank</dt><dd>17</dd>");
    expect_contains(html, "positive at 12.5\u00A0% of the entries off the supports");
    expect_contains(html, "its nuclear norm 22 is 10\u00A0% greater; the cosine of the two is 0.875.");
    EXPECT_EQ(occurrences(figure(html, "limit-gap"), "class=\"curve"), 1U);
}

TEST_F(Mixture, SaysWhereTheProxyIsTheLimitAndWhereThereIsNone) {
    const auto card_of = [&](const std::string& record) {
        write_run(folder_ / "other", R"({"command":"limit"})", record + "\n");
        return page({"other"});
    };
    expect_contains(
        card_of(
            R"({"iterations":1,"nuclear_norm":2.0,"bound":2.0,"relative_gap":0.0,"proxy_nuclear_norm":2.0,"proxy_sign_violations":0.0})"),
        "S\u0303 is exactly <i>L</i><sub>mm</sub>");
    // Signs alone do not say so where a shorter feasible point is known.
    expect_contains(
        card_of(
            R"({"iterations":1,"nuclear_norm":2.0,"bound":2.0,"relative_gap":0.0,"proxy_nuclear_norm":2.2,"proxy_sign_violations":0.0})"),
        "S\u0303 is not <i>L</i><sub>mm</sub>");
    const std::string full =
        card_of(R"({"iterations":0,"nuclear_norm":0.0,"bound":null,"relative_gap":null})");
    expect_contains(full, "every support is full");
    expect_contains(full, "<dd>not tested.</dd>");
}

TEST_F(Mixture, NamesTheDataSetsWhereTheyDiffer) {
    json config = sample_config();
    config["dataset"]["path"] = "/data/b<i>.safetensors";
    config["dataset"]["hash"] = "xxh3-128:1";
    write_run(folder_ / "other", config.dump(), sample_record(0).dump() + "\n");
    const std::string html = page({"adam", "other"});
    EXPECT_EQ(malformed(html), "");
    expect_contains(html, ">adam, d</text>");
    expect_contains(html, ">other, b&lt;i&gt;</text>");
    EXPECT_EQ(occurrences(page({"adam", "path"}), ">adam, d</text>"), 0U);
    const auto both = runs({"adam", "other"});
    EXPECT_EQ(both[0].full_label(), "adam, d");
}

TEST_F(Mixture, GivesEveryFigureOnItsOwn) {
    const auto all = runs({"limit", "path", "adam"});
    for (const FigureKind& kind : figure_kinds()) {
        const std::string svg = standalone_figure(all, kind.id);
        EXPECT_EQ(malformed(svg), "") << kind.id;
        EXPECT_EQ(svg.find("var("), std::string::npos) << kind.id;
    }
    EXPECT_THROW(standalone_figure(runs({"adam"}), "path-rank"), InputError);
}

TEST_F(Mixture, SaysOnlyOfKindsThatAreThereWhatIsMissing) {
    EXPECT_EQ(page({"adam"}).find("rank of the path"), std::string::npos);
    EXPECT_EQ(page({"limit"}).find("null or missing in every record"), std::string::npos);
    expect_contains(page({"adam"}), "the cosine of P<sub>⊥</sub>(L) with L<sub>mm</sub>");
    EXPECT_EQ(page({"adam", "path"}).find("the cosine of P<sub>⊥</sub>(L) with L<sub>mm</sub>"),
              std::string::npos);
}

TEST_F(Mixture, RefusesPathsAndLimitsWithoutWhatTheyFollow) {
    const auto refused = [&](const std::string& command, const std::string& metrics) {
        write_run(folder_ / "bad", R"({"command":")" + command + "\"}", metrics);
        return refusal<InputError>([&] { read_run(folder_ / "bad"); });
    };
    expect_contains(refused("path", "{\"rank\":1}\n"), "line 1: no \"lambda\"");
    expect_contains(refused("path", "{\"lambda\":0}\n"), "\"lambda\" must be a number above 0");
    expect_contains(refused("path", "{\"lambda\":0.5}\n{\"lambda\":0.5}\n"), "line 2: lambda 0.5 again");
    expect_contains(refused("limit", "{\"rank\":1}\n"), "line 1: no \"iterations\"");
    expect_contains(refused("limit", "{\"iterations\":1.5}\n"), "\"iterations\" must be an integer");
}

}  // namespace
}  // namespace ntpgeo
