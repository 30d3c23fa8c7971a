#include "retry_pause.h"

#include <gtest/gtest.h>

namespace rerankd::client {
namespace {

using std::chrono::milliseconds;

constexpr RetryOptions kOptions{
    .max_attempts = 4, .initial_backoff = milliseconds(100), .max_backoff = milliseconds(250)};

TEST(RetryPauseTest, DoublesUpToTheLongest) {
  const auto pause = [](int attempts, double chance) {
    return RetryPause(kOptions, attempts, absl::StatusCode::kUnavailable, std::nullopt, chance);
  };
  EXPECT_EQ(pause(1, 1), milliseconds(100));
  EXPECT_EQ(pause(1, 0), milliseconds(50));
  EXPECT_EQ(pause(2, 1), milliseconds(200));
  EXPECT_EQ(pause(3, 1), milliseconds(250));
  EXPECT_EQ(pause(3, 0), milliseconds(125));
  EXPECT_EQ(pause(4, 1), std::nullopt) << "four attempts are all there may be";
}

TEST(RetryPauseTest, IsAtLeastWhatTheServerAsksFor) {
  EXPECT_EQ(RetryPause(kOptions, 1, absl::StatusCode::kUnavailable, milliseconds(3000), 0),
            milliseconds(3050));
  EXPECT_EQ(RetryPause(kOptions, 2, absl::StatusCode::kResourceExhausted, milliseconds(3000), 1),
            milliseconds(3200));
}

TEST(RetryPauseTest, OnlyWhatMayPassIsSentAgain) {
  EXPECT_EQ(RetryPause(kOptions, 1, absl::StatusCode::kResourceExhausted, std::nullopt, 0),
            std::nullopt)
      << "a request that is too large stays so";
  for (const auto code : {absl::StatusCode::kInvalidArgument, absl::StatusCode::kDeadlineExceeded,
                          absl::StatusCode::kInternal, absl::StatusCode::kUnknown}) {
    EXPECT_EQ(RetryPause(kOptions, 1, code, milliseconds(1), 0), std::nullopt) << code;
  }
}

TEST(RetryPauseTest, WhatAServerCancelledThatBeginsToStopIsSentAgain) {
  EXPECT_EQ(RetryPause(kOptions, 1, absl::StatusCode::kCancelled, std::nullopt, 0),
            milliseconds(50));
}

TEST(RetryPauseTest, ManyAttemptsDoNotOverflow) {
  EXPECT_EQ(RetryPause({.max_attempts = 1'000'000}, 900'000, absl::StatusCode::kUnavailable,
                       std::nullopt, 1),
            milliseconds(2000));
}

}  // namespace
}  // namespace rerankd::client
