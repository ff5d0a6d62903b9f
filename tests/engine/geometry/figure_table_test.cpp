// The table of figures against what it describes: records hold its keys and no others, and every figure of a
// report stands on them.
#include "engine/geometry/figure_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/geometry/record.hpp"

namespace ntpgeo {
namespace {

/// Figures in which nothing is missing.
Figures full_figures() {
    Figures figures;
    for (const RecordKey& key : record_keys()) {
        if (const auto* member = std::get_if<std::optional<double> Figures::*>(&key.member))
            figures.*(*member) = 0.5;
        if (const auto* member = std::get_if<std::vector<double> Figures::*>(&key.member))
            figures.*(*member) = {2.0, 1.0};
    }
    return figures;
}

RecordContext full_context() {
    return {.step_s = 0.1, .relative_gap = 0.5, .gap_kind = "polar", .stage = 1, .precision = "fp32"};
}

LimitCertificate full_certificate() {
    return {.bound = 1.0, .relative_gap = 0.5, .proxy_alignment = 0.5};
}

struct Written {
    Verb verb;
    Record full, empty;  ///< with everything there, and with as much null as can be
};

std::vector<Written> written() {
    const Record full = training_record(full_context(), full_figures()), empty = training_record({}, {});
    return {{train_verb, full, empty},
            {analyze_verb, full, empty},
            {path_verb, path_record({}, full_figures(), 0, "cpu"), path_record({}, {}, 0, "cpu")},
            {limit_verb, limit_record(full_certificate(), {1.0, 0.5}, 0), limit_record({}, {}, 0)}};
}

bool is_null(const RecordValue& value) {
    return std::holds_alternative<std::monostate>(value);
}

TEST(FigureTable, DescribesEachKeyOnce) {
    std::set<std::string_view> names;
    for (const RecordKey& key : record_keys()) {
        EXPECT_TRUE(names.insert(key.name).second) << key.name << " stands twice";
        EXPECT_NE(key.name, "");
        EXPECT_NE(key.meaning, "") << key.name;
        EXPECT_NE(key.range, "") << key.name;
        EXPECT_EQ(&record_key(key.name), &key);
    }
    EXPECT_THROW(record_key("no_such_key"), std::logic_error);
}

TEST(FigureTable, EveryVerbWritesItsKeysAndNoOthers) {
    for (const Written& record : written()) {
        std::set<std::string> expected, actual;
        for (const RecordKey& key : record_keys())
            if ((key.verbs & record.verb) != 0) expected.emplace(key.name);
        for (const Record::Entry& entry : record.full.entries()) actual.insert(entry.key);
        EXPECT_EQ(actual, expected) << "verb " << record.verb;
        EXPECT_EQ(record.full.entries().size(), expected.size());
    }
    for (const RecordKey& key : record_keys())
        EXPECT_NE(key.verbs, 0U) << key.name << " is written by no verb";
}

TEST(FigureTable, NamesTheKindOfEveryValue) {
    for (const Written& record : written()) {
        for (const Record::Entry& entry : record.full.entries()) {
            // A value's alternatives stand in the order of the kinds, after null.
            const auto kind = static_cast<std::size_t>(record_key(entry.key).kind);
            EXPECT_EQ(entry.value.index(), kind + 1) << entry.key;
        }
    }
}

TEST(FigureTable, SaysWhereAKeyIsNull) {
    std::set<std::string> null;
    for (const Written& record : written())
        for (const Record::Entry& entry : record.empty.entries())
            if (is_null(entry.value)) null.insert(entry.key);
    for (const RecordKey& key : record_keys())
        EXPECT_EQ(key.null_where != "", null.contains(std::string(key.name))) << key.name;
}

TEST(FigureTable, HoldsEveryMemberOfFigures) {
    // Members are aligned to eight bytes, and so lie side by side: one without a key would leave a gap.
    const Figures figures;
    std::vector<std::pair<std::ptrdiff_t, std::ptrdiff_t>> places;  // where each begins and ends
    for (const RecordKey& key : record_keys()) {
        const auto place = [&](const auto& member) {
            if constexpr (!std::is_same_v<decltype(member), const std::monostate&>) {
                const auto begin = reinterpret_cast<const char*>(&(figures.*member)) -
                                   reinterpret_cast<const char*>(&figures);
                places.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(sizeof(figures.*member)));
            }
        };
        std::visit(place, key.member);
    }
    std::sort(places.begin(), places.end());
    std::ptrdiff_t end = 0;
    for (const auto& place : places) {
        EXPECT_EQ(place.first, end) << "a member without a key, or one with two";
        end = place.second;
    }
    EXPECT_EQ(end, static_cast<std::ptrdiff_t>(sizeof(Figures)));
}

TEST(FigureTable, DrawsEveryKeyThatHasWordsForIt) {
    std::set<std::string_view> ids, drawn;
    for (const FigureKind& kind : figure_kinds()) {
        EXPECT_TRUE(ids.insert(kind.id).second) << kind.id << " stands twice";
        EXPECT_EQ(kind.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos);
        for (const std::string_view text : {kind.title, kind.unit, kind.caption}) EXPECT_NE(text, "");
        ASSERT_FALSE(kind.keys.empty());
        EXPECT_TRUE(kind.full_name.empty() || kind.keys.size() == 1) << kind.id;
        for (const std::string_view name : kind.keys) {
            const RecordKey& key = record_key(name);
            drawn.insert(name);
            EXPECT_NE(key.drawn.line, "") << name;
            EXPECT_NE(key.drawn.full_name, "") << name;
            EXPECT_TRUE(key.kind == ValueKind::number || key.kind == ValueKind::integer ||
                        (key.kind == ValueKind::numbers && kind.keys.size() == 1))
                << name;
        }
    }
    for (const RecordKey& key : record_keys()) {
        EXPECT_EQ(key.drawn.line != "", drawn.contains(key.name)) << key.name;
        if (key.drawn.told_by != "") {
            EXPECT_EQ(record_key(key.drawn.told_by).kind, ValueKind::text) << key.name;
        }
    }
}

// σ_k is the k-th singular value of P_⊥(L), wherever it stands; what is of another matrix is said in words.
TEST(FigureTable, NamesOneThingOnlyBySigma) {
    const std::set<std::string_view> own = {"singular_values", "stable_rank", "spectrum_residual"};
    for (const RecordKey& key : record_keys()) {
        EXPECT_EQ(key.drawn.line == "σ", key.name == "singular_values") << key.name;
        for (const std::string_view words : {key.meaning, key.range, key.drawn.full_name})
            EXPECT_TRUE(words.find("σ") == std::string_view::npos || own.contains(key.name)) << words;
    }
    for (const FigureKind& kind : figure_kinds())
        for (const std::string_view words : {kind.title, kind.unit, kind.caption})
            EXPECT_TRUE(words.find("σ") == std::string_view::npos || own.contains(kind.keys.front()))
                << words;
}

TEST(FigureTable, RecordsKeepTheirOrderAndGiveTheirNumbers) {
    const Record record = training_record({.step = 7, .lambda = 0.25}, full_figures());
    ASSERT_GT(record.entries().size(), 5U);
    EXPECT_EQ(record.entries()[0].key, "step");
    EXPECT_EQ(record.entries()[1].key, "time_s");
    EXPECT_EQ(record.entries()[2].key, "step_s");
    EXPECT_EQ(record.entries()[3].key, "lambda");
    EXPECT_EQ(record.entries()[4].key, "loss");
    EXPECT_EQ(record.entries().back().key, "metrics_precision");
    EXPECT_EQ(record.integer("step"), 7);
    EXPECT_EQ(record.number("step"), 7.0);
    EXPECT_EQ(record.number("lambda"), 0.25);
    EXPECT_EQ(record.integer("lambda"), std::nullopt);
    EXPECT_EQ(record.number("relative_gap"), std::nullopt);  // null
    EXPECT_EQ(record.number("device"), std::nullopt);        // a text
    EXPECT_EQ(record.number("bound"), std::nullopt);         // a key of another verb
    EXPECT_THROW((void)record.number("no_such_key"), std::logic_error);
    EXPECT_THROW((void)record.integer("no_such_key"), std::logic_error);
    EXPECT_EQ(record.find("no_such_key"), nullptr);
}

}  // namespace
}  // namespace ntpgeo
