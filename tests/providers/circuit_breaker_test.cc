#include "providers/circuit_breaker.h"

#include <gtest/gtest.h>

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = CircuitBreaker::State;
using Outcome = CircuitBreaker::Outcome;

class CircuitBreakerTest : public testing::Test {
 protected:
  // A call that goes through, and how it ends; false: it was refused.
  bool Call(Outcome outcome) {
    const auto admitted = breaker_.Admit(now_);
    if (!std::holds_alternative<CircuitBreaker::Pass>(admitted)) return false;
    breaker_.Record(std::get<CircuitBreaker::Pass>(admitted), outcome, now_);
    return true;
  }
  void Calls(int n, Outcome outcome) {
    for (int i = 0; i < n; ++i) EXPECT_TRUE(Call(outcome)) << i;
  }
  void Open() {
    Calls(4, Outcome::kFailed);
    EXPECT_EQ(breaker_.state(now_), State::kOpen);
  }
  CircuitBreaker::Pass Admit() { return std::get<CircuitBreaker::Pass>(breaker_.Admit(now_)); }

  TimePoint now_ = TimePoint() + seconds(1000);
  CircuitBreaker breaker_{{.min_calls = 4,
                           .failure_percent = 50,
                           .window = seconds(10),
                           .open_for = seconds(5),
                           .probes_to_close = 3}};
};

TEST_F(CircuitBreakerTest, OpensWhenTooManyFail) {
  Calls(2, Outcome::kSucceeded);
  Calls(1, Outcome::kFailed);
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
  Calls(1, Outcome::kFailed);
  EXPECT_EQ(breaker_.state(now_), State::kOpen);
  const auto refused = breaker_.Admit(now_ + seconds(2));
  ASSERT_TRUE(std::holds_alternative<CircuitBreaker::Refusal>(refused));
  EXPECT_EQ(std::get<CircuitBreaker::Refusal>(refused).retry_after, seconds(3));
}

TEST_F(CircuitBreakerTest, FewFailuresAmongManyAreNothing) {
  for (int i = 0; i < 100; ++i) {
    Calls(2, Outcome::kSucceeded);
    Calls(1, Outcome::kFailed);
    now_ += milliseconds(10);
  }
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
}

TEST_F(CircuitBreakerTest, FailuresOfLongAgoAreForgotten) {
  Calls(3, Outcome::kFailed);
  now_ += seconds(10);
  Calls(3, Outcome::kFailed);
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
  now_ += seconds(1);
  Calls(1, Outcome::kFailed);
  EXPECT_EQ(breaker_.state(now_), State::kOpen);
}

TEST_F(CircuitBreakerTest, WhatSaysNothingCountsForNothing) {
  Calls(100, Outcome::kUnknown);
  Calls(3, Outcome::kFailed);
  EXPECT_EQ(breaker_.state(now_), State::kClosed) << "four are needed";
}

TEST_F(CircuitBreakerTest, AfterAWhileOneCallAtATimeGoesThrough) {
  Open();
  now_ += seconds(5);
  EXPECT_EQ(breaker_.state(now_), State::kHalfOpen);
  const CircuitBreaker::Pass probe = Admit();
  EXPECT_FALSE(Call(Outcome::kSucceeded)) << "one is under way";
  breaker_.Record(probe, Outcome::kSucceeded, now_);
  Calls(1, Outcome::kSucceeded);
  EXPECT_EQ(breaker_.state(now_), State::kHalfOpen);
  Calls(1, Outcome::kSucceeded);
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
  Calls(3, Outcome::kFailed);
  EXPECT_EQ(breaker_.state(now_), State::kClosed) << "what was before is forgotten";
}

TEST_F(CircuitBreakerTest, AProbeThatFailsOpensItAgain) {
  Open();
  now_ += seconds(6);
  Calls(2, Outcome::kSucceeded);
  Calls(1, Outcome::kFailed);
  EXPECT_EQ(breaker_.state(now_), State::kOpen);
  EXPECT_EQ(breaker_.open_until(), now_ + seconds(5));
  now_ += seconds(5);
  Calls(2, Outcome::kSucceeded);
  EXPECT_EQ(breaker_.state(now_), State::kHalfOpen) << "three in a row are needed";
}

TEST_F(CircuitBreakerTest, ACancelledProbeMakesRoomForTheNext) {
  Open();
  now_ += seconds(5);
  Calls(3, Outcome::kUnknown);
  EXPECT_EQ(breaker_.state(now_), State::kHalfOpen);
  Calls(3, Outcome::kSucceeded);
  EXPECT_EQ(breaker_.state(now_), State::kClosed);
}

TEST_F(CircuitBreakerTest, CallsOfAnEarlierStateChangeNothing) {
  const CircuitBreaker::Pass slow = Admit();
  const CircuitBreaker::Pass slower = Admit();
  Open();
  breaker_.Record(slow, Outcome::kSucceeded, now_);
  now_ += seconds(5);
  const CircuitBreaker::Pass probe = Admit();
  breaker_.Record(slower, Outcome::kFailed, now_);
  EXPECT_EQ(breaker_.state(now_), State::kHalfOpen);
  EXPECT_FALSE(Call(Outcome::kSucceeded)) << "the probe is still under way";
  breaker_.Record(probe, Outcome::kSucceeded, now_);
  EXPECT_TRUE(Call(Outcome::kSucceeded));
}

TEST(CircuitBreakerOptionsTest, ZeroCallsIsNever) {
  CircuitBreaker breaker({.min_calls = 0});
  const TimePoint now{};
  for (int i = 0; i < 100; ++i) {
    breaker.Record(std::get<CircuitBreaker::Pass>(breaker.Admit(now)), Outcome::kFailed, now);
  }
  EXPECT_EQ(breaker.state(now), State::kClosed);
}

}  // namespace
}  // namespace rerankd
