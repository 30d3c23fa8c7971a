#include "engine/session_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <memory>
#include <stdexcept>

#include "support/fake_scorer.h"

namespace rerankd {
namespace {

using Result = absl::StatusOr<Job::Output>;

Encoding Sequence(std::vector<int32_t> ids) { return {.ids = std::move(ids)}; }

std::shared_ptr<Job> MakeJob(std::vector<Encoding> sequences, std::promise<Result>& promise) {
  return std::make_shared<Job>(
      Job::Spec{.sequences = std::move(sequences), .arrival = std::chrono::steady_clock::now()}, 1,
      [&promise](const Job&, Result result) { promise.set_value(std::move(result)); });
}

TEST(SessionPoolTest, EachSequenceGetsItsOwnRow) {
  FakeScorer scorer;
  DynamicBatcher batcher({});
  EngineRecorder recorder;
  SessionPool pool(2, batcher, scorer, recorder);
  std::promise<Result> promise;
  batcher.Submit(MakeJob({Sequence({1, 2}), Sequence({3}), Sequence({4, 5, 6})}, promise));
  const Result result = promise.get_future().get();
  ASSERT_TRUE(result.ok());
  EXPECT_THAT(result->rows, testing::ElementsAre(TagOf(Sequence({1, 2})), TagOf(Sequence({3})),
                                                 TagOf(Sequence({4, 5, 6}))));
}

TEST(SessionPoolTest, AnErrorOfTheScorerReachesTheCaller) {
  FakeScorer scorer([](auto) { return absl::InternalError("broken"); });
  DynamicBatcher batcher({});
  EngineRecorder recorder;
  SessionPool pool(1, batcher, scorer, recorder);
  std::promise<Result> promise;
  batcher.Submit(MakeJob({Sequence({1})}, promise));
  EXPECT_EQ(promise.get_future().get().status(), absl::InternalError("broken"));
}

TEST(SessionPoolTest, AThrowingScorerIsAnInternalErrorAndTheSessionLivesOn) {
  bool thrown = false;
  FakeScorer scorer([&](auto batch) -> absl::StatusOr<std::vector<float>> {
    if (!std::exchange(thrown, true)) throw std::runtime_error("boom");
    return std::vector<float>(batch.size(), 1.0F);
  });
  DynamicBatcher batcher({});
  EngineRecorder recorder;
  SessionPool pool(1, batcher, scorer, recorder);
  std::promise<Result> first;
  batcher.Submit(MakeJob({Sequence({1})}, first));
  EXPECT_EQ(first.get_future().get().status().code(), absl::StatusCode::kInternal);
  std::promise<Result> second;
  batcher.Submit(MakeJob({Sequence({1})}, second));
  EXPECT_TRUE(second.get_future().get().ok());
}

TEST(SessionPoolTest, AWrongNumberOfScoresIsAnInternalError) {
  FakeScorer scorer([](auto) { return std::vector<float>(7); });
  DynamicBatcher batcher({});
  EngineRecorder recorder;
  SessionPool pool(1, batcher, scorer, recorder);
  std::promise<Result> promise;
  batcher.Submit(MakeJob({Sequence({1})}, promise));
  EXPECT_EQ(promise.get_future().get().status().code(), absl::StatusCode::kInternal);
}

TEST(SessionPoolTest, EndingAnswersWhatWaitsAndFinishesWhatRuns) {
  std::latch running(1);
  std::latch may_finish(1);
  FakeScorer scorer([&](auto batch) {
    running.count_down();
    may_finish.wait();
    return std::vector<float>(batch.size(), 1.0F);
  });
  DynamicBatcher batcher({});
  EngineRecorder recorder;
  std::promise<Result> first;
  std::promise<Result> second;
  auto pool = std::make_unique<SessionPool>(1, batcher, scorer, recorder);
  batcher.Submit(MakeJob({Sequence({1})}, first));
  running.wait();
  batcher.Submit(MakeJob({Sequence({2})}, second));
  batcher.Close();
  EXPECT_EQ(second.get_future().get().status().code(), absl::StatusCode::kUnavailable);
  may_finish.count_down();
  pool.reset();
  EXPECT_TRUE(first.get_future().get().ok());
}

}  // namespace
}  // namespace rerankd
