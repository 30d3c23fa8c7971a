#include "providers/retry_delay.h"

#include <gtest/gtest.h>

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kAlmostOne = 0.999999;

const RemoteOptions kOptions{
    .max_retries = 5, .retry_delay = milliseconds(100), .max_retry_delay = milliseconds(500)};

FailedAttempt After(int retries) {
  return {.rule = RetryRule::kAlways, .retries = retries, .left = seconds(30)};
}

TEST(RetryDelayTest, TheLongestPauseDoublesUpToItsCap) {
  for (const auto& [retries, longest] :
       {std::pair(0, 100), {1, 200}, {2, 400}, {3, 500}, {4, 500}}) {
    const auto delay = RetryDelay(kOptions, After(retries), kAlmostOne);
    ASSERT_TRUE(delay.has_value());
    EXPECT_LE(*delay, milliseconds(longest));
    EXPECT_GT(*delay, milliseconds(longest - 1));
  }
}

TEST(RetryDelayTest, TheJitterIsFull) {
  EXPECT_EQ(RetryDelay(kOptions, After(2), 0), Duration(0));
  EXPECT_EQ(RetryDelay(kOptions, After(2), 0.5), milliseconds(200));
}

TEST(RetryDelayTest, ThereAreOnlySoMany) {
  EXPECT_TRUE(RetryDelay(kOptions, After(4), 0).has_value());
  EXPECT_EQ(RetryDelay(kOptions, After(5), 0), std::nullopt);
  EXPECT_EQ(RetryDelay({.max_retries = 0}, After(0), 0), std::nullopt);
}

TEST(RetryDelayTest, TheRuleDecides) {
  FailedAttempt failed = After(0);
  failed.rule = RetryRule::kNever;
  EXPECT_EQ(RetryDelay(kOptions, failed, 0), std::nullopt);
  failed.rule = RetryRule::kNextKey;
  EXPECT_EQ(RetryDelay(kOptions, failed, 0), std::nullopt);
  failed.rule = RetryRule::kOnce;
  EXPECT_TRUE(RetryDelay(kOptions, failed, 0).has_value());
  failed.retries = failed.once_retries = 1;
  EXPECT_EQ(RetryDelay(kOptions, failed, 0), std::nullopt);
  failed.once_retries = 0;
  EXPECT_TRUE(RetryDelay(kOptions, failed, 0).has_value());
}

TEST(RetryDelayTest, WhatTheProviderAsksForIsTheLeast) {
  FailedAttempt failed = After(0);
  failed.asked = seconds(3);
  EXPECT_EQ(RetryDelay(kOptions, failed, kAlmostOne), seconds(3));
  failed.asked = milliseconds(1);
  EXPECT_EQ(RetryDelay(kOptions, failed, 0.5), milliseconds(50));
}

TEST(RetryDelayTest, APauseThatLeavesNoTimeForAnAnswerIsNotBegun) {
  FailedAttempt failed = After(0);
  failed.asked = seconds(3);
  failed.left = milliseconds(3049);
  EXPECT_EQ(RetryDelay(kOptions, failed, 0), std::nullopt);
  failed.left = milliseconds(3050);
  EXPECT_EQ(RetryDelay(kOptions, failed, 0), seconds(3));
  failed.left = -seconds(1);
  EXPECT_EQ(RetryDelay(kOptions, failed, 0), std::nullopt);
}

}  // namespace
}  // namespace rerankd
