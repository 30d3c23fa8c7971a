#include "observability/tracing/span_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Span> Named(const std::vector<std::string>& names) {
  std::vector<Span> spans;
  for (const std::string& name : names) spans.emplace_back().name = name;
  return spans;
}

std::vector<std::string> NamesOf(const std::vector<Span>& spans) {
  std::vector<std::string> names;
  names.reserve(spans.size());
  for (const Span& span : spans) names.push_back(span.name);
  return names;
}

constexpr SpanQueue::Options kSmall{
    .max_spans = 5, .batch_spans = 3, .max_delay = milliseconds(100)};
const TimePoint kNow = TimePoint(std::chrono::hours(1));

TEST(SpanQueueTest, ABatchIsDueWhenItIsFull) {
  SpanQueue queue(kSmall);
  queue.Add(Named({"a", "b"}), kNow);
  EXPECT_THAT(queue.Take(kNow), IsEmpty());
  queue.Add(Named({"c", "d"}), kNow);
  EXPECT_THAT(NamesOf(queue.Take(kNow)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(queue.Take(kNow), IsEmpty()) << "one alone waits for more";
}

TEST(SpanQueueTest, ABatchIsDueWhenItsOldestHasWaited) {
  SpanQueue queue(kSmall);
  queue.Add(Named({"a"}), kNow);
  queue.Add(Named({"b"}), kNow + milliseconds(99));
  EXPECT_THAT(queue.Take(kNow + milliseconds(99)), IsEmpty());
  EXPECT_THAT(NamesOf(queue.Take(kNow + milliseconds(100))), ElementsAre("a", "b"));
}

TEST(SpanQueueTest, WhatHasNoRoomIsDroppedAndCounted) {
  SpanQueue queue(kSmall);
  queue.Add(Named({"a", "b", "c"}), kNow);
  queue.Add(Named({"d", "e", "f"}), kNow);  // all of a call or none
  queue.Add(Named({"g", "h"}), kNow);
  EXPECT_EQ(queue.dropped(), 3);
  EXPECT_THAT(NamesOf(queue.Take(kNow)), ElementsAre("a", "b", "c"));
  queue.CountDropped(3);
  EXPECT_EQ(queue.dropped(), 6);
  queue.Add(Named({"i", "j", "k"}), kNow);
  EXPECT_THAT(NamesOf(queue.Take(kNow)), ElementsAre("g", "h", "i")) << "there is room again";
}

TEST(SpanQueueTest, OnceClosedItGivesWhatIsThereAndTakesNothing) {
  SpanQueue queue(kSmall);
  queue.Add(Named({"a", "b", "c", "d"}), kNow);
  queue.Close();
  queue.Add(Named({"late"}), kNow);
  EXPECT_EQ(queue.dropped(), 1);
  EXPECT_THAT(NamesOf(queue.WaitForBatch()), ElementsAre("a", "b", "c"));
  EXPECT_THAT(NamesOf(queue.WaitForBatch()), ElementsAre("d"));
  EXPECT_THAT(queue.WaitForBatch(), IsEmpty());
}

TEST(SpanQueueTest, WhoeverWaitsGetsAllOfIt) {
  SpanQueue queue({.max_spans = 100'000, .batch_spans = 7, .max_delay = milliseconds(1)});
  size_t got = 0;
  std::jthread reader([&] {
    for (std::vector<Span> batch; !(batch = queue.WaitForBatch()).empty();) {
      EXPECT_LE(batch.size(), 7);
      got += batch.size();
    }
  });
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < 4; ++i) {
      writers.emplace_back([&] {
        for (int j = 0; j < 500; ++j) queue.Add(Named({"a", "b"}), steady_clock::now());
      });
    }
  }
  queue.Close();
  reader.join();
  EXPECT_EQ(got, 4 * 500 * 2);
  EXPECT_EQ(queue.dropped(), 0);
}

}  // namespace
}  // namespace rerankd
