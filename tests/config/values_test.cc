#include "config/values.h"

#include <gtest/gtest.h>

namespace rerankd {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): for 30s

TEST(ValuesTest, IntegersAreWholeAndInRange) {
  const Codec<int64_t> codec = Integer(1, 8);
  EXPECT_EQ(codec.parse("1").value(), 1);
  EXPECT_EQ(codec.parse("8").value(), 8);
  for (const char* bad :
       {"0", "9", "-1", "1.5", "", " 1", "1 ", "four", "0x4", "1e3", "99999999999999999999"}) {
    EXPECT_FALSE(codec.parse(bad).ok()) << bad;
  }
  EXPECT_EQ(codec.parse("9").status().message(), "must be between 1 and 8");
}

TEST(ValuesTest, SizesTakeBinaryUnits) {
  const Codec<uint64_t> codec = Bytes(1, uint64_t{8} << 30);
  EXPECT_EQ(codec.parse("512").value(), 512U);
  EXPECT_EQ(codec.parse("64KiB").value(), 64U << 10);
  EXPECT_EQ(codec.parse("64MiB").value(), 64U << 20);
  EXPECT_EQ(codec.parse("2GiB").value(), uint64_t{2} << 30);
  for (const char* bad : {"", "MiB", "1 MiB", "64MB", "-1", "1.5GiB", "9GiB",
                          "18446744073709551615GiB", "17179869184GiB"}) {
    EXPECT_FALSE(codec.parse(bad).ok()) << bad;
  }
}

TEST(ValuesTest, DurationsNeedAUnit) {
  const Codec<std::chrono::microseconds> codec = DurationValue(0s, 1h, 1us);
  EXPECT_EQ(codec.parse("250us").value(), 250us);
  EXPECT_EQ(codec.parse("20ms").value(), 20ms);
  EXPECT_EQ(codec.parse("30s").value(), 30s);
  EXPECT_EQ(codec.parse("5m").value(), 5min);
  EXPECT_EQ(codec.parse("1h").value(), 1h);
  EXPECT_EQ(codec.parse("0").value(), 0s);
  for (const char* bad :
       {"30", "", "s", "1.5s", "2h", "-1s", "1d", "1 s", "9223372036854775807h"}) {
    EXPECT_FALSE(codec.parse(bad).ok()) << bad;
  }
  EXPECT_EQ(codec.parse("30").status().message(),
            "must be a duration with a unit, for example 500ms or 30s");
}

TEST(ValuesTest, DurationsAreNotRoundedInSilence) {
  EXPECT_EQ(DurationValue(0s, 1h).parse("1500us").status().message(), "must be a multiple of 1ms");
  EXPECT_EQ(DurationValue(0s, 1h).parse("1500ms").value(), 1500ms);
}

TEST(ValuesTest, WhatIsFormattedParsesToTheSame) {
  const Codec<std::chrono::microseconds> durations = DurationValue(0s, 24h, 1us);
  for (const char* text : {"0", "1us", "999ms", "90s", "2m", "24h"}) {
    EXPECT_EQ(durations.format(durations.parse(text).value()), text);
  }
  const Codec<uint64_t> sizes = Bytes(0, uint64_t{1} << 40);
  for (const char* text : {"0", "1", "1023", "1KiB", "3MiB", "5GiB"}) {
    EXPECT_EQ(sizes.format(sizes.parse(text).value()), text);
  }
}

TEST(ValuesTest, ChoicesListWhatTheyTake) {
  const Codec<int> codec = Choice<int>({{"one", 1}, {"two", 2}});
  EXPECT_EQ(codec.form, "one | two");
  EXPECT_EQ(codec.parse("two").value(), 2);
  EXPECT_EQ(codec.format(1), "one");
  EXPECT_EQ(codec.parse("Two").status().message(), "must be one of: one | two");
}

TEST(ValuesTest, ListsHoldValuesThatAreRight) {
  const Codec<std::vector<int64_t>> codec = List("numbers", Integer(1, 8));
  EXPECT_EQ(codec.parse("1").value(), (std::vector<int64_t>{1}));
  EXPECT_EQ(codec.parse("1, 2 ,3").value(), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_EQ(codec.format({1, 2, 3}), "1,2,3");
  EXPECT_EQ(codec.format({}), "");
  for (const char* bad : {"", ",", "1,", "1,,2", "1,9", "1 2"}) {
    EXPECT_FALSE(codec.parse(bad).ok()) << bad;
  }
}

TEST(ValuesTest, NearestWordIsNearOrNothing) {
  const std::vector<std::string> known{"listen", "log", "models", "grace_period"};
  EXPECT_EQ(NearestWord("lisen", known), "listen");
  EXPECT_EQ(NearestWord("model", known), "models");
  EXPECT_EQ(NearestWord("grace-period", known), "grace_period");
  EXPECT_EQ(NearestWord("temperature", known), std::nullopt);
  EXPECT_EQ(NearestWord("", known), std::nullopt);
  EXPECT_EQ(NearestWord(std::string(1'000'000, 'x'), known), std::nullopt);
}

}  // namespace
}  // namespace rerankd
