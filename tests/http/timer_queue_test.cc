#include "http/timer_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

using std::chrono::seconds;

TEST(TimerQueueTest, GivesWhatIsDueInTheOrderOfTheTimes) {
  const TimePoint start{};
  TimerQueue<std::string> queue;
  EXPECT_EQ(queue.Next(), kNoDeadline);
  queue.Add(start + seconds(2), 1, "later");
  queue.Add(start + seconds(1), 3, "second");
  queue.Add(start + seconds(1), 2, "first");
  EXPECT_EQ(queue.Next(), start + seconds(1));
  EXPECT_EQ(queue.TakeDue(start), std::nullopt);
  EXPECT_EQ(queue.TakeDue(start + seconds(1)), "first");
  EXPECT_EQ(queue.TakeDue(start + seconds(1)), "second");
  EXPECT_EQ(queue.TakeDue(start + seconds(1)), std::nullopt);
  EXPECT_EQ(queue.TakeDue(start + seconds(5)), "later");
  EXPECT_TRUE(queue.empty());
}

TEST(TimerQueueTest, WhatIsRemovedIsNotDue) {
  TimerQueue<std::string> queue;
  queue.Add(TimePoint{}, 1, "one");
  queue.Add(kNoDeadline, 2, "two");
  EXPECT_EQ(queue.Remove(1), "one");
  EXPECT_EQ(queue.Remove(1), std::nullopt);
  EXPECT_EQ(queue.Remove(7), std::nullopt);
  EXPECT_EQ(queue.TakeDue(TimePoint{} + seconds(9)), std::nullopt);
  EXPECT_EQ(queue.TakeAny(), "two");
  EXPECT_EQ(queue.TakeAny(), std::nullopt);
}

}  // namespace
}  // namespace rerankd
