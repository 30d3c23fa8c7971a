#include "observability/log_throttle.h"

#include <gtest/gtest.h>

#include <chrono>

namespace rerankd {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): for 1s

const TimePoint kNow{1h};

TEST(LogThrottleTest, WritesALineOfEachPlaceOnceAnIntervalAndCountsTheOthers) {
  LogThrottle throttle(60s);
  EXPECT_EQ(throttle.Admit("a", kNow), 0);
  EXPECT_EQ(throttle.Admit("a", kNow), std::nullopt);
  EXPECT_EQ(throttle.Admit("b", kNow + 1s), 0);
  EXPECT_EQ(throttle.Admit("a", kNow + 59s), std::nullopt);
  EXPECT_EQ(throttle.Admit("a", kNow + 60s), 2);
  EXPECT_EQ(throttle.Admit("a", kNow + 119s), std::nullopt);
  EXPECT_EQ(throttle.Admit("b", kNow + 119s), 0);
  EXPECT_EQ(throttle.Admit("a", kNow + 300s), 1);
}

}  // namespace
}  // namespace rerankd
