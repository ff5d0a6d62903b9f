#include "host/run/record.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace ntpgeo {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(RecordLine, HoldsEachKindOfValueInOrder) {
    Record record;
    record.add("step", std::int64_t{3});
    record.add("loss", 2.0);
    record.add("tiny", 1e-9);
    record.add("kind", "exact \"norm\"");
    record.add("values", std::vector<double>{2.5, 0.0});
    record.add("gap", RecordValue());
    record.add("far", kInfinity);
    EXPECT_EQ(json_of(record), R"({"step":3,"loss":2.0,"tiny":1e-09,"kind":"exact \"norm\"",)"
                               R"("values":[2.5,0.0],"gap":null,"far":null})");
    EXPECT_EQ(json_of(Record()), "{}");
}

TEST(RecordLine, IsReadBackAsItWas) {
    const std::string line = R"({"step":3,"loss":0.1,"kind":"dense","values":[2.5,null,7.0],"gap":null})";
    const std::optional<Record> record = parse_record(line);
    ASSERT_TRUE(record);
    EXPECT_EQ(json_of(*record), line);
    EXPECT_EQ(record->integer("step"), 3);
    EXPECT_EQ(record->number("loss"), 0.1);
}

TEST(RecordLine, TakesWhatNoRecordHoldsAsNull) {
    const std::optional<Record> record = parse_record(R"({"a":{"b":1},"c":[1,"x"],"d":true,"e":[]})");
    ASSERT_TRUE(record);
    EXPECT_EQ(json_of(*record), R"({"a":null,"c":null,"d":null,"e":[]})");
}

TEST(RecordLine, IsAnObject) {
    for (const char* line : {"", "[1]", "3", "{\"step\":", "null"}) EXPECT_FALSE(parse_record(line)) << line;
}

}  // namespace
}  // namespace ntpgeo
