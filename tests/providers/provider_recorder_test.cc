// What RemoteReranker tells of its calls.
#include "providers/provider_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "providers/registry.h"
#include "providers/remote_reranker.h"
#include "support/fake_async_client.h"
#include "support/noting_trace.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class NotingRecorder : public ProviderRecorder {
 public:
  void WaitingChanged(int calls) override { waiting += calls; }
  void RunningChanged(int calls) override { running += calls; }
  void KeyWaitEnded(Duration /*waited*/) override { ++waits; }
  void RequestEnded(int http_status, Duration /*took*/) override { ended.push_back(http_status); }
  void Retried() override { ++retries; }
  void Hedged() override { ++hedges; }
  void BreakerChanged(CircuitBreaker::State state) override { states.push_back(state); }
  void BreakerRefused() override { ++refusals; }
  void CallAbandoned(bool sent, bool expired) override { abandoned.emplace_back(sent, expired); }

  int waiting = 0;
  int running = 0;
  int waits = 0;
  std::vector<int> ended;
  int retries = 0;
  int hedges = 0;
  std::vector<CircuitBreaker::State> states;
  int refusals = 0;
  std::vector<std::pair<bool, bool>> abandoned;
};

class ProviderRecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    parts_.model = "hosted";
    parts_.provider = MakeProvider({.kind = "voyage", .model = "rerank-2.5"}).value();
    parts_.keys =
        std::make_shared<KeySource>(KeyPlaces({.kind = "voyage", .model = "rerank-2.5"}),
                                    [](const std::string& name) -> std::optional<std::string> {
                                      if (name == "VOYAGE_API_KEY") return "key";
                                      return std::nullopt;
                                    });
    parts_.client = &client_;
    parts_.limits = std::make_shared<KeyLimits>(client_);
    parts_.recorder = recorder_;
    parts_.random = [] { return 0.5; };
    parts_.options.retry_budget = 0;
  }

  void Rerank(std::stop_token cancelled = {}, TimePoint deadline = kNoDeadline) {
    if (reranker_ == nullptr) reranker_ = std::make_unique<RemoteReranker>(parts_);
    RerankRequest request;
    request.query = "which?";
    request.documents = {"one"};
    request.cancelled = std::move(cancelled);
    request.deadline = deadline;
    reranker_->Rerank(std::move(request), [this](const absl::StatusOr<RerankResult>& result) {
      answers_ += result.ok();
    });
  }

  static HttpResponse Good() {
    return {.status = 200,
            .headers = {{"Content-Type", "application/json"}},
            .body = R"({"data":[{"index":0,"relevance_score":0.1}],"usage":{"total_tokens":7}})"};
  }
  static HttpResponse Failure(int status) {
    return {.status = status, .headers = {}, .body = "{}"};
  }

  FakeAsyncClient client_;
  const std::shared_ptr<NotingRecorder> recorder_ = std::make_shared<NotingRecorder>();
  RemoteReranker::Parts parts_;
  std::unique_ptr<RemoteReranker> reranker_;
  int answers_ = 0;
};

TEST_F(ProviderRecorderTest, TellsOfWaitsRequestsAndRetries) {
  parts_.options.max_concurrent_calls = 1;
  Rerank();
  Rerank();
  EXPECT_EQ(recorder_->running, 1);
  EXPECT_EQ(recorder_->waiting, 1);
  EXPECT_EQ(recorder_->waits, 1);
  client_.Answer(Failure(503));
  EXPECT_EQ(recorder_->retries, 1);
  EXPECT_EQ(recorder_->waiting, 0) << "the second one has its turn";
  client_.Answer(absl::UnavailableError("cannot connect"));
  client_.RunTimer();
  client_.RunTimer();
  client_.Answer(Good());
  client_.Answer(Good());
  EXPECT_EQ(answers_, 2);
  EXPECT_EQ(recorder_->retries, 2);
  EXPECT_EQ(recorder_->running, 0);
  EXPECT_EQ(recorder_->waiting, 0);
  EXPECT_EQ(recorder_->waits, 4);
  EXPECT_THAT(recorder_->ended, ElementsAre(503, 0, 200, 200));
  EXPECT_THAT(recorder_->abandoned, IsEmpty());
}

TEST_F(ProviderRecorderTest, TellsOfTheBreaker) {
  parts_.options.max_retries = 0;
  parts_.options.breaker_calls = 1;
  parts_.options.breaker_open = milliseconds(20);
  Rerank();
  client_.Answer(Failure(503));
  Rerank();
  EXPECT_EQ(recorder_->refusals, 1);
  while (steady_clock::now() < client_.timers().at(0)) {
  }
  client_.RunTimer();
  for (int i = 0; i < 3; ++i) {
    Rerank();
    client_.Answer(Good());
  }
  using State = CircuitBreaker::State;
  EXPECT_THAT(recorder_->states, ElementsAre(State::kOpen, State::kHalfOpen, State::kClosed));
  EXPECT_EQ(recorder_->running, 0);
}

TEST_F(ProviderRecorderTest, TellsOfASecondRequest) {
  parts_.options.hedge_after = milliseconds(10);
  Rerank();
  client_.RunTimer();
  EXPECT_EQ(recorder_->hedges, 1);
  EXPECT_EQ(recorder_->running, 1);
  client_.AnswerLast(Good());
  EXPECT_EQ(answers_, 1);
  EXPECT_THAT(recorder_->ended, ElementsAre(200));
  EXPECT_EQ(recorder_->running, 0);
}

TEST_F(ProviderRecorderTest, ATraceIsToldOfEachRequest) {
  const auto trace = std::make_shared<NotingTrace>();
  reranker_ = std::make_unique<RemoteReranker>(parts_);
  reranker_->Rerank({.query = "which?", .documents = {"one"}, .trace = trace},
                    [](const absl::StatusOr<RerankResult>&) {});
  client_.Answer(Failure(503));
  client_.RunTimer();
  client_.Answer(absl::UnavailableError("cannot connect"));
  client_.RunTimer();
  EXPECT_EQ(trace->requests().size(), 2) << "of those that have ended";
  client_.Answer(Good());
  const auto requests = trace->requests();
  ASSERT_EQ(requests.size(), 3);
  TimePoint last;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(requests[i].method, "POST");
    EXPECT_EQ(requests[i].host, "api.voyageai.com");
    EXPECT_EQ(requests[i].port, 443);
    EXPECT_EQ(requests[i].earlier, i);
    EXPECT_GE(requests[i].begin, last);
    EXPECT_GE(requests[i].end, requests[i].begin);
    last = requests[i].end;
  }
  EXPECT_EQ(requests[0].http_status, 503);
  EXPECT_EQ(requests[1].http_status, 0);
  EXPECT_EQ(requests[1].error, "UNAVAILABLE");
  EXPECT_EQ(requests[2].http_status, 200);
  EXPECT_EQ(requests[2].error, "");
  for (const auto& sent : client_.sent()) {
    for (const auto& [name, value] : sent.request->headers) EXPECT_NE(name, "traceparent");
  }
}

TEST_F(ProviderRecorderTest, TellsWhetherAnAbandonedCallWasSent) {
  parts_.options.max_concurrent_calls = 1;
  std::stop_source sent;
  std::stop_source waiting;
  Rerank(sent.get_token());
  Rerank(waiting.get_token());
  waiting.request_stop();
  EXPECT_THAT(recorder_->abandoned, ElementsAre(Pair(false, false)));
  EXPECT_EQ(recorder_->waiting, 0);
  sent.request_stop();
  EXPECT_THAT(recorder_->abandoned, ElementsAre(Pair(false, false), Pair(true, false)));
  Rerank({}, steady_clock::now());
  client_.Answer(absl::DeadlineExceededError("late"));
  EXPECT_EQ(recorder_->abandoned.back(), std::make_pair(true, true));
  EXPECT_EQ(recorder_->running, 0);
}

}  // namespace
}  // namespace rerankd
