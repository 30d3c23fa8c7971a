#include "security/token_bucket.h"

#include <gtest/gtest.h>

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const TimePoint kStart{std::chrono::hours(1)};

TEST(TokenBucketTest, AdmitsWhileAnythingIsLeftAndThenSaysHowLongToWait) {
  TokenBucket bucket({.per_second = 100, .burst = 1000}, kStart);
  EXPECT_FALSE(bucket.Take(999, kStart).has_value());
  EXPECT_FALSE(bucket.Take(200, kStart).has_value()) << "one was left";
  const auto wait = bucket.Take(1, kStart);
  ASSERT_TRUE(wait.has_value());
  EXPECT_EQ(std::chrono::round<milliseconds>(*wait), milliseconds(2000)) << "199 overdrawn, and 1";
  EXPECT_TRUE(bucket.Take(1, kStart + milliseconds(1980)).has_value());
  EXPECT_FALSE(bucket.Take(1, kStart + *wait).has_value());
}

TEST(TokenBucketTest, ARefusalCostsNothing) {
  TokenBucket bucket({.per_second = 1, .burst = 1}, kStart);
  EXPECT_FALSE(bucket.Take(1, kStart).has_value());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.Take(1'000'000, kStart).has_value());
  EXPECT_FALSE(bucket.Take(1, kStart + seconds(1)).has_value());
}

TEST(TokenBucketTest, SavesUpNoMoreThanTheBurst) {
  TokenBucket bucket({.per_second = 100, .burst = 1000}, kStart);
  const TimePoint later = kStart + std::chrono::hours(5);
  EXPECT_FALSE(bucket.Take(1000, later).has_value());
  EXPECT_TRUE(bucket.Take(1, later).has_value());
  bucket.GiveBack(5000, later);
  EXPECT_FALSE(bucket.Take(1000, later).has_value());
  EXPECT_TRUE(bucket.Take(1, later).has_value());
}

TEST(TokenBucketTest, TheDifferenceToTheEstimateIsSettled) {
  TokenBucket bucket({.per_second = 10, .burst = 100}, kStart);
  EXPECT_FALSE(bucket.Take(500, kStart).has_value());  // it was 100 in truth
  bucket.GiveBack(400, kStart);
  EXPECT_EQ(bucket.Take(1, kStart), milliseconds(100)) << "nothing is left, and nothing is owed";
  EXPECT_FALSE(bucket.Take(1, kStart + seconds(1)).has_value());
  bucket.GiveBack(-109, kStart + seconds(1));  // it was 110
  EXPECT_EQ(bucket.Take(1, kStart + seconds(1)), seconds(10) + milliseconds(100));
}

TEST(TokenBucketTest, ANewRateKeepsTheBalance) {
  TokenBucket bucket({.per_second = 10, .burst = 100}, kStart);
  EXPECT_FALSE(bucket.Take(150, kStart).has_value());
  bucket.SetRate({.per_second = 1, .burst = 10}, kStart);
  EXPECT_EQ(bucket.Take(1, kStart), seconds(51)) << "debts stay";
  bucket.SetRate({.per_second = 1000, .burst = 20}, kStart);
  EXPECT_FALSE(bucket.Take(20, kStart + seconds(1)).has_value());
  EXPECT_TRUE(bucket.Take(1, kStart + seconds(1)).has_value()) << "no more than the new burst";
}

TEST(TokenBucketTest, IsFullAgainOnceAllHasComeBack) {
  TokenBucket bucket({.per_second = 10, .burst = 100}, kStart);
  EXPECT_TRUE(bucket.IsFull(kStart));
  EXPECT_FALSE(bucket.Take(150, kStart).has_value());
  EXPECT_FALSE(bucket.IsFull(kStart + seconds(14)));
  EXPECT_TRUE(bucket.IsFull(kStart + seconds(15)));
}

TEST(TokenBucketTest, TimeThatGoesBackStandsStill) {
  TokenBucket bucket({.per_second = 1, .burst = 1}, kStart);
  EXPECT_FALSE(bucket.Take(2, kStart).has_value());
  EXPECT_EQ(bucket.Take(1, kStart - seconds(100)), seconds(2));
  EXPECT_EQ(bucket.Take(1, kStart), seconds(2));
}

TEST(TokenBucketTest, NoWaitIsToldToBeLongerThanADay) {
  TokenBucket bucket({.per_second = 1, .burst = 1}, kStart);
  EXPECT_FALSE(bucket.Take(1e15, kStart).has_value());
  EXPECT_EQ(bucket.Take(1, kStart), std::chrono::hours(24));
}

}  // namespace
}  // namespace rerankd
