// What LocalReranker tells of its work.
#include "engine/engine_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "engine/local_reranker.h"
#include "support/fake_scorer.h"
#include "support/fake_tokenizer.h"
#include "util/mutex.h"

namespace rerankd {
namespace {

using Result = absl::StatusOr<RerankResult>;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class NotingRecorder : public EngineRecorder {
 public:
  struct Seen {
    int64_t queue = 0;
    int sessions = 0;
    int busy = 0;
    std::vector<Batch> batches;
    std::vector<std::pair<bool, bool>> abandoned;  // computed, expired
  };

  Seen seen() const {
    const MutexLock lock(mutex_);
    return seen_;
  }

  void QueueChanged(int64_t documents) override {
    const MutexLock lock(mutex_);
    seen_.queue += documents;
  }
  void SessionsChanged(int sessions) override {
    const MutexLock lock(mutex_);
    seen_.sessions += sessions;
  }
  void BusySessionsChanged(int sessions) override {
    const MutexLock lock(mutex_);
    seen_.busy += sessions;
  }
  void BatchFinished(const Batch& batch) override {
    const MutexLock lock(mutex_);
    seen_.batches.push_back(batch);
  }
  void CallAbandoned(bool computed, bool expired) override {
    const MutexLock lock(mutex_);
    seen_.abandoned.emplace_back(computed, expired);
  }

 private:
  mutable Mutex mutex_;
  Seen seen_ RERANKD_GUARDED_BY(mutex_);
};

// One session, whose first batch lasts until the test lets it go.
class EngineRecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    LocalReranker::Options options;
    options.max_tokens = 64;
    options.query_max_tokens = 16;
    options.engine.sessions = 1;
    options.engine.max_batch_tokens = 64;
    options.recorder = recorder_;
    reranker_ = std::make_unique<LocalReranker>(options, std::make_unique<FakeTokenizer>(),
                                                std::make_unique<FakeScorer>([&](auto batch) {
                                                  running_.count_down();
                                                  may_finish_.wait();
                                                  return std::vector<float>(batch.size(), 1.0F);
                                                }),
                                                workers_);
  }
  void TearDown() override {
    if (!let_go_) LetGo();
  }

  std::future<Result> Start(RerankRequest request) {
    auto promise = std::make_shared<std::promise<Result>>();
    reranker_->Rerank(std::move(request),
                      [promise](Result result) { promise->set_value(std::move(result)); });
    return promise->get_future();
  }
  void LetGo() {
    let_go_ = true;
    may_finish_.count_down();
  }
  NotingRecorder::Seen End() {
    reranker_.reset();
    return recorder_->seen();
  }

  const std::shared_ptr<NotingRecorder> recorder_ = std::make_shared<NotingRecorder>();
  WorkerPool workers_{1};
  std::latch running_{1};
  std::latch may_finish_{1};
  bool let_go_ = false;
  std::stop_source gone_;
  std::unique_ptr<LocalReranker> reranker_;
};

TEST_F(EngineRecorderTest, TellsOfTheQueueTheSessionsAndEachBatch) {
  auto first = Start({.query = "q", .documents = {"one"}});
  running_.wait();
  auto second = Start({.query = "q", .documents = {"two", "three"}});
  NotingRecorder::Seen seen = recorder_->seen();
  EXPECT_EQ(seen.queue, 3);
  EXPECT_EQ(seen.sessions, 1);
  EXPECT_EQ(seen.busy, 1);
  EXPECT_THAT(seen.batches, IsEmpty());
  LetGo();
  const uint64_t tokens = first.get()->usage.total_tokens;
  const uint64_t more = second.get()->usage.total_tokens;
  seen = End();
  EXPECT_EQ(seen.queue, 0);
  EXPECT_EQ(seen.sessions, 0);
  EXPECT_EQ(seen.busy, 0);
  ASSERT_EQ(seen.batches.size(), 2U);
  EXPECT_EQ(seen.batches[0].sequences, 1U);
  EXPECT_EQ(seen.batches[0].tokens, tokens);
  EXPECT_GT(seen.batches[0].compute, Duration(0));
  EXPECT_EQ(seen.batches[1].sequences, 2U);
  EXPECT_EQ(seen.batches[1].tokens, more);
  EXPECT_THAT(seen.abandoned, IsEmpty());
}

TEST_F(EngineRecorderTest, WhatIsRefusedNeverWasInTheQueue) {
  RerankRequest request{.query = "q", .documents = {"d"}};
  request.documents.resize(100'001, "d");
  EXPECT_FALSE(Start(request).get().ok());
  EXPECT_EQ(recorder_->seen().queue, 0);
}

TEST_F(EngineRecorderTest, TellsWhetherAnAbandonedCallWasBegun) {
  const TimePoint past = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_FALSE(Start({.query = "q", .documents = {"d"}, .deadline = past}).get().ok());
  EXPECT_THAT(recorder_->seen().abandoned, ElementsAre(Pair(false, true)));

  auto computed = Start({.query = "q", .documents = {"one"}, .cancelled = gone_.get_token()});
  running_.wait();
  auto queued = Start({.query = "q", .documents = {"two"}, .cancelled = gone_.get_token()});
  gone_.request_stop();
  LetGo();
  // It was computed to its end, for nobody.
  EXPECT_TRUE(computed.get().ok());
  EXPECT_EQ(queued.get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(End().abandoned,
              ElementsAre(Pair(false, true), Pair(true, false), Pair(false, false)));
}

TEST_F(EngineRecorderTest, ACallThatIsDroppedHalfwayWasBegun) {
  auto call = Start({.query = "q",
                     .documents = std::vector<std::string>(50, std::string(60, 'x')),
                     .cancelled = gone_.get_token()});
  running_.wait();
  gone_.request_stop();
  LetGo();
  EXPECT_EQ(call.get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_THAT(End().abandoned, ElementsAre(Pair(true, false)));
}

}  // namespace
}  // namespace rerankd
