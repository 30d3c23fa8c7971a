#include "engine/batch_former.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace rerankd {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

const TimePoint kStart{std::chrono::seconds(1000)};
constexpr Duration kTokenTime = microseconds(10);

BatchFormer::JobSpec Spec(std::vector<uint32_t> lengths, TimePoint arrival = kStart) {
  return {.lengths = std::move(lengths), .arrival = arrival};
}

std::vector<std::pair<BatchFormer::JobId, uint32_t>> Pairs(
    const std::vector<BatchFormer::Item>& batch) {
  std::vector<std::pair<BatchFormer::JobId, uint32_t>> pairs;
  for (const auto& item : batch) pairs.emplace_back(item.job, item.sequence);
  return pairs;
}

TEST(BatchFormerTest, AnIdleFormerHasNoBatchAndNothingToWaitFor) {
  BatchFormer former({});
  EXPECT_TRUE(former.TakeBatch(kStart).empty());
  EXPECT_EQ(former.NextEvent(), TimePoint::max());
}

TEST(BatchFormerTest, JoinsRequestsUpToTheTokenBudget) {
  BatchFormer former({.max_batch_tokens = 300});
  former.Add(1, Spec({100}), kTokenTime);
  former.Add(2, Spec({100}), kTokenTime);
  former.Add(3, Spec({150}), kTokenTime);
  EXPECT_THAT(Pairs(former.TakeBatch(kStart)),
              testing::ElementsAre(testing::Pair(1, 0), testing::Pair(2, 0)));
  EXPECT_THAT(Pairs(former.TakeBatch(kStart)), testing::ElementsAre(testing::Pair(3, 0)));
  EXPECT_EQ(former.waiting_tokens(), 0U);
}

TEST(BatchFormerTest, ASequenceLongerThanTheBudgetGoesAlone) {
  BatchFormer former({.max_batch_tokens = 200});
  former.Add(1, Spec({50, 500, 60}), kTokenTime);
  EXPECT_THAT(Pairs(former.TakeBatch(kStart)), testing::ElementsAre(testing::Pair(1, 1)));
  EXPECT_THAT(Pairs(former.TakeBatch(kStart)),
              testing::ElementsAre(testing::Pair(1, 2), testing::Pair(1, 0)));
}

TEST(BatchFormerTest, LongestSequencesOfAJobGoFirst) {
  BatchFormer former({.max_batch_tokens = 1000});
  former.Add(1, Spec({10, 30, 20}), kTokenTime);
  EXPECT_THAT(Pairs(former.TakeBatch(kStart)),
              testing::ElementsAre(testing::Pair(1, 1), testing::Pair(1, 2), testing::Pair(1, 0)));
}

TEST(BatchFormerTest, OneRequestIsSpreadOverAllSessions) {
  BatchFormer former({.max_batch_tokens = 4096, .sessions = 4});
  former.Add(1, Spec(std::vector<uint32_t>(16, 100)), kTokenTime);
  EXPECT_EQ(former.TakeBatch(kStart).size(), 4U);
}

TEST(BatchFormerTest, TinyRequestsAreNotSplit) {
  BatchFormer former({.max_batch_tokens = 4096, .sessions = 4});
  former.Add(1, Spec({30, 30, 30, 30}), kTokenTime);
  EXPECT_EQ(former.TakeBatch(kStart).size(), 4U);
}

TEST(BatchFormerTest, AShortCallPassesALongOne) {
  BatchFormer former({.max_batch_tokens = 100});
  former.Add(1, Spec(std::vector<uint32_t>(1000, 100)), kTokenTime);  // ideal finish: 1 s
  former.Add(2, Spec({100}, kStart + milliseconds(10)), kTokenTime);
  EXPECT_EQ(former.TakeBatch(kStart + milliseconds(10)).at(0).job, 2U);
}

TEST(BatchFormerTest, NewcomersCannotStarveALongCall) {
  BatchFormer former({.max_batch_tokens = 100});
  former.Add(1, Spec(std::vector<uint32_t>(1000, 100)), kTokenTime);  // ideal finish: 1 s
  const TimePoint later = kStart + milliseconds(1001);
  former.Add(2, Spec({100}, later), kTokenTime);
  EXPECT_EQ(former.TakeBatch(later).at(0).job, 1U);
}

TEST(BatchFormerTest, EqualCallsKeepTheirOrder) {
  BatchFormer former({.max_batch_tokens = 100});
  former.Add(7, Spec({100}), kTokenTime);
  former.Add(8, Spec({100}), kTokenTime);
  EXPECT_EQ(former.TakeBatch(kStart).at(0).job, 7U);
}

TEST(BatchFormerTest, WaitsForMoreUntilTheOldestIsTooOld) {
  BatchFormer former({.max_batch_tokens = 1000, .max_delay = milliseconds(5)});
  former.Add(1, Spec({100}), kTokenTime);
  EXPECT_TRUE(former.TakeBatch(kStart + milliseconds(4)).empty());
  EXPECT_EQ(former.NextEvent(), kStart + milliseconds(5));
  EXPECT_EQ(former.TakeBatch(kStart + milliseconds(5)).size(), 1U);
}

TEST(BatchFormerTest, DoesNotWaitOnceTheBudgetIsThere) {
  BatchFormer former({.max_batch_tokens = 200, .max_delay = milliseconds(5)});
  former.Add(1, Spec({100, 100}), kTokenTime);
  EXPECT_EQ(former.TakeBatch(kStart).size(), 2U);
}

TEST(BatchFormerTest, DropsExpiredAndCancelledJobs) {
  BatchFormer former({});
  std::stop_source gone;
  BatchFormer::JobSpec expiring = Spec({10});
  expiring.deadline = kStart + milliseconds(1);
  BatchFormer::JobSpec cancelled = Spec({10});
  cancelled.cancelled = gone.get_token();
  former.Add(1, expiring, kTokenTime);
  former.Add(2, cancelled, kTokenTime);
  former.Add(3, Spec({10}), kTokenTime);
  EXPECT_TRUE(former.TakeDropped(kStart).empty());
  gone.request_stop();
  const auto dropped = former.TakeDropped(kStart + milliseconds(1));
  ASSERT_EQ(dropped.size(), 2U);
  for (const auto& drop : dropped) EXPECT_EQ(drop.expired, drop.job == 1);
  EXPECT_THAT(Pairs(former.TakeBatch(kStart)), testing::ElementsAre(testing::Pair(3, 0)));
}

TEST(BatchFormerTest, AnExpiryIsAnEvent) {
  BatchFormer former({.max_batch_tokens = 1000, .max_delay = milliseconds(50)});
  BatchFormer::JobSpec spec = Spec({10});
  spec.deadline = kStart + milliseconds(3);
  former.Add(1, spec, kTokenTime);
  EXPECT_EQ(former.NextEvent(), kStart + milliseconds(3));
}

TEST(BatchFormerTest, CountsOnlyTheWorkThatGoesFirst) {
  BatchFormer former({.max_batch_tokens = 100});
  former.Add(1, Spec({100}), kTokenTime);
  former.Add(2, Spec(std::vector<uint32_t>(1000, 100)), kTokenTime);
  EXPECT_EQ(former.TokensAhead(200, kStart, kTokenTime), 100U);
  EXPECT_EQ(former.TokensAhead(200'000, kStart, kTokenTime), 100'100U);
}

TEST(BatchFormerTest, RemovedJobsAreForgotten) {
  BatchFormer former({});
  former.Add(1, Spec({10, 20}), kTokenTime);
  former.Remove(1);
  former.Remove(99);
  EXPECT_EQ(former.waiting_tokens(), 0U);
  EXPECT_TRUE(former.TakeBatch(kStart).empty());
}

// Whatever comes in comes out exactly once, within the budget.
TEST(BatchFormerTest, EverySequenceIsHandedOutExactlyOnce) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const size_t budget = 1 + random() % 2000;
    BatchFormer former(
        {.max_batch_tokens = budget, .sessions = 1 + static_cast<int>(random() % 4)});
    std::map<BatchFormer::JobId, std::vector<uint32_t>> jobs;
    std::set<std::pair<BatchFormer::JobId, uint32_t>> seen;
    BatchFormer::JobId next = 0;
    TimePoint now = kStart;
    size_t total = 0;
    while (next < 20 || former.waiting_jobs() > 0) {
      now += microseconds(random() % 500);
      if (next < 20 && random() % 2 == 0) {
        std::vector<uint32_t> lengths(1 + random() % 40);
        for (uint32_t& length : lengths) length = 1 + random() % 512;
        total += lengths.size();
        jobs[next] = lengths;
        former.Add(next++, Spec(lengths, now), kTokenTime);
      }
      const auto batch = former.TakeBatch(now);
      size_t tokens = 0;
      for (const auto& item : batch) {
        tokens += jobs.at(item.job).at(item.sequence);
        EXPECT_TRUE(seen.emplace(item.job, item.sequence).second);
      }
      EXPECT_TRUE(batch.size() <= 1 || tokens <= budget);
    }
    EXPECT_EQ(seen.size(), total);
    EXPECT_EQ(former.waiting_tokens(), 0U);
  }
}

}  // namespace
}  // namespace rerankd
