#include "hub/retry_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RetryPolicyTest, WhatMayPass) {
  for (const int status : {408, 429, 500, 502, 503, 504, 599}) EXPECT_TRUE(IsTransient(status));
  for (const int status : {0, 200, 302, 400, 401, 403, 404, 416, 600}) {
    EXPECT_FALSE(IsTransient(status)) << status;
  }
  EXPECT_TRUE(IsTransient(absl::UnavailableError("")));
  EXPECT_TRUE(IsTransient(absl::DeadlineExceededError("")));
  for (const absl::Status& status :
       {absl::OkStatus(), absl::CancelledError(""), absl::DataLossError(""),
        absl::ResourceExhaustedError(""), absl::FailedPreconditionError("")}) {
    EXPECT_FALSE(IsTransient(status)) << status.ToString();
  }
}

TEST(RetryPolicyTest, DelaysDoubleUpToABound) {
  const RetryPolicy policy{.max_attempts = 20};
  EXPECT_EQ(NextDelay(policy, 1, std::nullopt, 0), milliseconds(500));
  EXPECT_EQ(NextDelay(policy, 2, std::nullopt, 0), milliseconds(1000));
  EXPECT_EQ(NextDelay(policy, 5, std::nullopt, 0), milliseconds(8000));
  EXPECT_EQ(NextDelay(policy, 19, std::nullopt, 0), milliseconds(30'000));
  EXPECT_EQ(NextDelay(policy, 2, std::nullopt, 0.5), milliseconds(750));
}

TEST(RetryPolicyTest, GivesUp) {
  const RetryPolicy policy{.max_attempts = 3};
  EXPECT_TRUE(NextDelay(policy, 2, std::nullopt, 0).has_value());
  EXPECT_EQ(NextDelay(policy, 3, std::nullopt, 0), std::nullopt);
  EXPECT_EQ(NextDelay(policy, 1, seconds(121), 0), std::nullopt);
}

TEST(RetryPolicyTest, WhatTheHubAsksForIsNotUndercut) {
  const RetryPolicy policy;
  EXPECT_EQ(NextDelay(policy, 1, seconds(7), 0.9), seconds(7));
  EXPECT_EQ(NextDelay(policy, 5, seconds(1), 0), seconds(8));
}

}  // namespace
}  // namespace rerankd
