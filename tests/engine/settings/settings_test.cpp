// The tables of settings: each entry is whole, says the range that it keeps, and comes back as it went.
#include <gtest/gtest.h>

#include <set>

#include "engine/data/settings.hpp"
#include "engine/exact/settings.hpp"
#include "engine/training/settings.hpp"

namespace ntpgeo {
namespace {

/// Every table, each over its defaults.
struct Tables {
    RunSettings run;
    ExactSettings exact;
    TextSettings text;
    StoriesSettings stories;
    SyntheticOptions synthetic;

    std::vector<std::vector<Setting>> all() {
        return {settings_of(run),      settings_of(run.training.stages[0]),
                settings_of(exact),    path_settings_of(exact),
                settings_of(text),     settings_of(stories),
                settings_of(synthetic)};
    }
};

Setting find(const std::vector<Setting>& settings, std::string_view name) {
    for (const Setting& setting : settings)
        if (setting.name == name) return setting;
    throw std::out_of_range(std::string(name));
}

TEST(Settings, HaveOneNameEachAndAHelpThatIsFilledIn) {
    Tables tables;
    for (const std::vector<Setting>& settings : tables.all()) {
        std::set<std::string> names;
        for (const Setting& setting : settings) {
            SCOPED_TRACE(setting.name);
            EXPECT_TRUE(names.insert(flag_name(setting)).second);
            EXPECT_EQ(flag_name(setting).find('_'), std::string::npos);
            EXPECT_FALSE(setting.help.empty());
            EXPECT_EQ(help_of(setting).find_first_of("{}"), std::string::npos) << help_of(setting);
            EXPECT_EQ(fault_of(setting.field), "") << "the default is out of range";
        }
    }
}

TEST(Settings, TakeBackTheTextOfTheirValue) {
    Tables tables, others;
    const auto ours = tables.all(), theirs = others.all();
    for (std::size_t t = 0; t < ours.size(); ++t)
        for (std::size_t k = 0; k < ours[t].size(); ++k) {
            SCOPED_TRACE(ours[t][k].name);
            const std::string text = text_of(ours[t][k].field);
            if (text.empty()) continue;
            if (const auto* whole = std::get_if<WholeField>(&ours[t][k].field); whole && whole->or_never) {
                EXPECT_EQ(text, "0");  // never: a file's word, which no flag takes
                EXPECT_EQ(take_text(theirs[t][k].field, text), "is not a whole number >= 1");
                continue;
            }
            EXPECT_EQ(take_text(theirs[t][k].field, text), "");
            EXPECT_EQ(text_of(theirs[t][k].field), text);
            EXPECT_TRUE(same(ours[t][k].field, theirs[t][k].field));
        }
}

TEST(Settings, AreLeftAsTheyWereByWhatTheyRefuse) {
    Tables tables;
    for (const std::vector<Setting>& settings : tables.all())
        for (const Setting& setting : settings) {
            // What is right there, the machine and its files say.
            if (setting.name == "device" || setting.name == "vocab_file") continue;
            SCOPED_TRACE(setting.name);
            const std::string before = text_of(setting.field);
            for (const char* text : {"", "no such thing", "-1"})
                EXPECT_FALSE(take_text(setting.field, text).empty()) << text;
            EXPECT_EQ(text_of(setting.field), before);
        }
}

TEST(Settings, SayTheRangeThatTheyKeep) {
    std::int64_t whole = 0;
    const WholeField from_two_to_nine{.value = &whole, .least = 2, .most = 9};
    EXPECT_EQ(take_text(from_two_to_nine, "1"), "is not a whole number >= 2");
    EXPECT_EQ(take_text(from_two_to_nine, "007"), "");
    EXPECT_EQ(whole, 7);
    EXPECT_EQ(fault_of(from_two_to_nine), "");
    whole = 0;
    EXPECT_EQ(fault_of(from_two_to_nine), "0 is not a whole number >= 2");
    whole = 10;
    EXPECT_EQ(fault_of(from_two_to_nine), "10 is not at most 9");
    EXPECT_EQ(fault_of(WholeField{.value = &whole, .least = 11, .or_never = true}), "");
    double number = 1;
    EXPECT_EQ(fault_of(NumberField{&number, NumberRange::fraction}), "1 is not in [0, 1)");
    EXPECT_EQ(take_text(NumberField{&number, NumberRange::fraction}, "-0.5"), "is not a number >= 0");
    EXPECT_EQ(take_text(NumberField{&number, NumberRange::positive}, "0"), "is not a number above 0");
    EXPECT_EQ(take_text(NumberField{&number, NumberRange::non_negative}, "inf"), "is not a number >= 0");
    EXPECT_EQ(number, 1);
}

TEST(Settings, OfDecayFallFromTheOneToTheOther) {
    double start = 5, end = 5;
    const DecayField decay{&start, &end};
    EXPECT_EQ(take_text(decay, "1e-2"), "");
    EXPECT_EQ(start, 0.01);
    EXPECT_EQ(end, 0.01);
    EXPECT_EQ(take_text(decay, "1e-2:1e-4"), "");
    EXPECT_EQ(end, 1e-4);
    EXPECT_EQ(text_of(decay), "0.01:0.0001");
    for (const char* text : {"1e-4:1e-2", "1:0"})
        EXPECT_EQ(take_text(decay, text), "does not fall from HI to LO > 0 (a geometric decay)");
    for (const char* text : {"-1", "1:", ":1", "1:2:3", "nan"})
        EXPECT_EQ(take_text(decay, text), "is neither a number >= 0 nor HI:LO") << text;
    EXPECT_EQ(end, 1e-4);
}

TEST(OptimizerTable, OwnsSettingsThatThereAre) {
    for (const OptimizerRow& row : optimizer_table) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(&row_of(row.kind), &row);
        Stage stage;
        const std::vector<Setting> settings = settings_of(stage);
        for (const std::string_view own : row.settings) {
            if (own.empty()) continue;
            EXPECT_FALSE(find(settings, own).owners.empty());
        }
        EXPECT_EQ(take_text(find(settings, "optimizer").field, row.name), "");
        EXPECT_EQ(stage.optimizer, row.kind);
        EXPECT_EQ(stage.learning_rate, row.rate);
        for (const Setting& setting : settings_of(stage)) {
            const bool own =
                std::find(row.settings.begin(), row.settings.end(), setting.name) != row.settings.end();
            EXPECT_EQ(setting.owned, own || setting.owners.empty()) << setting.name;
        }
    }
    Stage stage;
    EXPECT_EQ(find(settings_of(stage), "beta1").owners, "adam (or adamw)");
    EXPECT_EQ(find(settings_of(stage), "lr").owners, "");
}

TEST(StageSettings, AreComparedByWhatTheyDo) {
    Stage one, other;
    const auto differ = [&](std::string_view name) {
        return !same(find(settings_of(one), name).field, find(settings_of(other), name).field);
    };
    other.kernel = LossKernel::plain;  // which is what automatic stands for
    EXPECT_FALSE(differ("kernel"));
    other.kernel = LossKernel::epilogue;
    EXPECT_TRUE(differ("kernel"));
    other.precision_auto = true;  // not chosen yet
    EXPECT_FALSE(differ("precision"));
    other.precision = Precision::fp32;
    EXPECT_TRUE(differ("precision"));
    other.lambda_end = 1;
    EXPECT_TRUE(differ("lambda"));
}

TEST(StageSettings, StandInAFileWhereTheyMeanSomething) {
    Stage stage{.optimizer = OptimizerKind::momentum};
    const auto written = [&] {
        std::set<std::string_view> names;
        for (const Setting& setting : settings_of(stage))
            if (setting.written) names.insert(setting.name);
        return names;
    };
    EXPECT_TRUE(written().contains("momentum"));
    EXPECT_FALSE(written().contains("beta1"));
    EXPECT_FALSE(written().contains("freeze"));
    stage.frozen = Frozen::words;
    EXPECT_TRUE(written().contains("freeze"));
}

TEST(Cadence, IsSpelledAndDue) {
    RunSettings run;
    const Setting every = find(settings_of(run), "metrics_every");
    EXPECT_EQ(take_text(every.field, "7"), "");
    EXPECT_EQ(run.metrics_every.text(), "7");
    EXPECT_TRUE(run.metrics_every.due(14));
    EXPECT_FALSE(run.metrics_every.due(15));
    EXPECT_EQ(take_text(every.field, "log:1"), "");
    for (const auto& [step, due] :
         {std::pair<int, bool>{0, true}, {1, true}, {9, false}, {10, true}, {100, true}})
        EXPECT_EQ(run.metrics_every.due(step), due) << step;
    for (const char* text : {"log:", "log:0", "0", "-3", "1.5", "log 3"})
        EXPECT_EQ(take_text(every.field, text),
                  "is neither auto, nor a whole number >= 1, nor log:PER_DECADE with one");
}

}  // namespace
}  // namespace ntpgeo
