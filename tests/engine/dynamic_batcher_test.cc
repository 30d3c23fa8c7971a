#include "engine/dynamic_batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>

#include "core/errors.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using Result = absl::StatusOr<Job::Output>;

struct Submitted {
  std::shared_ptr<Job> job;
  std::future<Result> result;
};

Submitted MakeJob(const std::vector<size_t>& lengths, TimePoint deadline = kNoDeadline,
                  std::stop_token cancelled = {}) {
  Job::Spec spec{.arrival = std::chrono::steady_clock::now(),
                 .deadline = deadline,
                 .cancelled = std::move(cancelled)};
  for (const size_t length : lengths) {
    spec.sequences.push_back({.ids = std::vector<int32_t>(length, 1)});
  }
  auto promise = std::make_shared<std::promise<Result>>();
  std::future<Result> result = promise->get_future();
  auto job = std::make_shared<Job>(std::move(spec), 1, [promise](const Job&, Result result) {
    promise->set_value(std::move(result));
  });
  return {std::move(job), std::move(result)};
}

void Complete(const DynamicBatcher::Batch& batch) {
  const std::vector<float> row = {1.0F};
  for (const auto& item : batch.items) {
    item.job->MarkStarted(std::chrono::steady_clock::now());
    item.job->StoreRow(item.sequence, row, std::chrono::steady_clock::now());
  }
}

TEST(DynamicBatcherTest, JoinsWaitingJobs) {
  DynamicBatcher batcher({.max_batch_tokens = 1000});
  Submitted a = MakeJob({10, 20});
  Submitted b = MakeJob({30});
  batcher.Submit(a.job);
  batcher.Submit(b.job);
  const auto batch = batcher.Next();
  EXPECT_EQ(batch.items.size(), 3U);
  EXPECT_EQ(batch.tokens, 60U);
  Complete(batch);
  EXPECT_TRUE(a.result.get().ok());
  EXPECT_TRUE(b.result.get().ok());
}

TEST(DynamicBatcherTest, NextWaitsForAJob) {
  DynamicBatcher batcher({});
  std::future<size_t> items =
      std::async(std::launch::async, [&] { return batcher.Next().items.size(); });
  Submitted job = MakeJob({10});
  batcher.Submit(job.job);
  EXPECT_EQ(items.get(), 1U);
}

TEST(DynamicBatcherTest, CancelledWorkNeverRuns) {
  DynamicBatcher batcher({});
  std::stop_source gone;
  Submitted cancelled = MakeJob({10}, kNoDeadline, gone.get_token());
  Submitted kept = MakeJob({20});
  batcher.Submit(cancelled.job);
  batcher.Submit(kept.job);
  gone.request_stop();
  const auto batch = batcher.Next();
  ASSERT_EQ(batch.items.size(), 1U);
  EXPECT_EQ(batch.items[0].job, kept.job);
  EXPECT_EQ(cancelled.result.get().status().code(), absl::StatusCode::kCancelled);
}

TEST(DynamicBatcherTest, ExpiredWorkNeverRuns) {
  DynamicBatcher batcher({});
  Submitted expired = MakeJob({10}, std::chrono::steady_clock::now() - milliseconds(1));
  Submitted kept = MakeJob({20});
  batcher.Submit(expired.job);
  batcher.Submit(kept.job);
  EXPECT_EQ(batcher.Next().items.size(), 1U);
  EXPECT_EQ(expired.result.get().status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(DynamicBatcherTest, TheRestOfAFailedJobIsNotComputed) {
  DynamicBatcher batcher({.max_batch_tokens = 100});
  Submitted job = MakeJob({100, 100, 100});
  batcher.Submit(job.job);
  const auto batch = batcher.Next();
  ASSERT_EQ(batch.items.size(), 1U);
  job.job->Fail(absl::InternalError("broken"));
  batcher.Finished(batch, milliseconds(1));
  Submitted next = MakeJob({1});
  batcher.Submit(next.job);
  const auto after = batcher.Next();
  ASSERT_EQ(after.items.size(), 1U);
  EXPECT_EQ(after.items[0].job, next.job);
}

TEST(DynamicBatcherTest, RefusesWhatWouldOutlastItsDeadline) {
  DynamicBatcher batcher({.max_batch_tokens = 100});
  for (int i = 0; i < 20; ++i) {
    Submitted job = MakeJob({100});
    batcher.Submit(job.job);
    const auto batch = batcher.Next();
    Complete(batch);
    batcher.Finished(batch, milliseconds(100));  // 1 ms a token
  }
  Submitted long_job = MakeJob(std::vector<size_t>(50, 100));  // 5 s
  batcher.Submit(long_job.job);
  const TimePoint now = std::chrono::steady_clock::now();
  // As much work of its own: behind the other.
  Submitted hopeless = MakeJob(std::vector<size_t>(60, 100), now + std::chrono::seconds(1));
  batcher.Submit(hopeless.job);
  const absl::Status status = hopeless.result.get().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RetryAfterOf(status), milliseconds(5000));
  EXPECT_EQ(ReasonOf(status), "QUEUE_TOO_LONG");
  // A short one passes the long one, so it is taken.
  Submitted quick = MakeJob({10}, now + std::chrono::seconds(100));
  batcher.Submit(quick.job);
  EXPECT_EQ(batcher.Next().items.at(0).job, quick.job);
}

TEST(DynamicBatcherTest, ClosingAnswersWaitingAndLaterJobs) {
  DynamicBatcher batcher({});
  Submitted waiting = MakeJob({10});
  batcher.Submit(waiting.job);
  batcher.Close();
  Submitted late = MakeJob({10});
  batcher.Submit(late.job);
  EXPECT_EQ(waiting.result.get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(late.result.get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(batcher.Next().items.empty());
}

TEST(TokenTimeTest, IsARatioOfSums) {
  TokenTime time;
  EXPECT_FALSE(time.trusted());
  for (int i = 0; i < 16; ++i) time.Add(100, milliseconds(200), 2);
  EXPECT_TRUE(time.trusted());
  EXPECT_NEAR(std::chrono::duration<double>(time.get()).count(), 0.001, 1e-6);
  // A single slow token hardly matters beside them.
  time.Add(1, milliseconds(20), 2);
  EXPECT_LT(std::chrono::duration<double>(time.get()).count(), 0.0012);
}

}  // namespace
}  // namespace rerankd
