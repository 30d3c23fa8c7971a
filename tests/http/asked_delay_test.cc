#include "http/asked_delay.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Headers = std::vector<std::pair<std::string, std::string>>;

std::optional<milliseconds> Asked(Headers headers) {
  const absl::Time now =
      absl::FromCivil(absl::CivilSecond(2026, 3, 1, 12, 0, 0), absl::UTCTimeZone());
  return AskedDelay({.status = 429, .headers = std::move(headers)}, now);
}

TEST(AskedDelayTest, RetryAfter) {
  EXPECT_EQ(Asked({{"Retry-After", "120"}}), seconds(120));
  EXPECT_EQ(Asked({{"retry-after", "0"}}), seconds(0));
  EXPECT_EQ(Asked({{"Retry-After", "1.5"}}), milliseconds(1500));
  EXPECT_EQ(Asked({{"Retry-After", "0.0001"}}), milliseconds(1));
  EXPECT_EQ(Asked({{"Retry-After", "Sun, 01 Mar 2026 12:00:30 GMT"}}), seconds(30));
  EXPECT_EQ(Asked({{"Retry-After", "Sun, 01 Mar 2026 11:00:00 GMT"}}), seconds(0));
  for (const char* value : {"", "soon", "-1", "12 s", "inf", "nan", "0x10", "1e3", "+5"}) {
    EXPECT_EQ(Asked({{"Retry-After", value}}), std::nullopt) << value;
  }
}

TEST(AskedDelayTest, AnAbsurdTimeIsAYear) {
  const milliseconds year = std::chrono::hours(24) * 365;
  EXPECT_EQ(Asked({{"Retry-After", "99999999999999999999999"}}), year);
  EXPECT_EQ(Asked({{"Retry-After", std::string(400, '9')}}), year);
  EXPECT_EQ(Asked({{"Retry-After", "Fri, 01 Mar 2999 12:00:00 GMT"}}), year);
}

TEST(AskedDelayTest, MillisecondsGoFirst) {
  EXPECT_EQ(Asked({{"Retry-After", "2"}, {"Retry-After-Ms", "250"}}), milliseconds(250));
  EXPECT_EQ(Asked({{"Retry-After", "2"}, {"retry-after-ms", "soon"}}), seconds(2));
}

TEST(AskedDelayTest, ADateCountsFromTheAnswersOwnWhereNoTimeIsGiven) {
  const std::pair<std::string, std::string> until{"Retry-After", "Sun, 01 Mar 2026 12:00:30 GMT"};
  EXPECT_EQ(AskedDelay({.status = 503, .headers = {until}}), std::nullopt);
  EXPECT_EQ(
      AskedDelay({.status = 503, .headers = {until, {"Date", "Sun, 01 Mar 2026 12:00:20 GMT"}}}),
      seconds(10));
  EXPECT_EQ(AskedDelay({.status = 503, .headers = {until, {"Date", "yesterday"}}}), std::nullopt);
}

TEST(AskedDelayTest, RateLimit) {
  EXPECT_EQ(Asked({{"RateLimit", R"("api";r=0;t=55)"}}), seconds(55));
  EXPECT_EQ(Asked({{"RateLimit", R"("api";r=3;t=55)"}}), std::nullopt);
  EXPECT_EQ(Asked({{"RateLimit", R"("api";r=0)"}}), std::nullopt);
  EXPECT_EQ(Asked({{"RateLimit", ""}}), std::nullopt);
  EXPECT_EQ(Asked({{"X-Other", "1"}}), std::nullopt);
}

}  // namespace
}  // namespace rerankd
