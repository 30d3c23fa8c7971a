#include "providers/remote_reranker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/errors.h"
#include "providers/registry.h"
#include "support/fake_async_client.h"
#include "support/temp_dir.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using Code = absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const HttpResponse kGood{.status = 200,
                         .headers = {{"Content-Type", "application/json"}},
                         .body = R"({"object":"list","data":[{"index":1,"relevance_score":0.9},
               {"index":0,"relevance_score":0.1}],"model":"rerank-2.5","usage":{"total_tokens":7}})"};

HttpResponse Failure(int status, std::vector<std::pair<std::string, std::string>> headers = {}) {
  headers.emplace_back("Content-Type", "application/json");
  return {.status = status, .headers = std::move(headers), .body = R"({"detail":"no"})"};
}

// The real Voyage adapter; the test is the network.
class RemoteRerankerTest : public testing::Test {
 protected:
  struct Outcome {
    std::optional<absl::StatusOr<RerankResult>> result;
    int times = 0;
    bool ok() const { return result.has_value() && result->ok(); }
    absl::Status status() const {
      return result.has_value() ? result->status() : absl::UnknownError("no answer yet");
    }
    Code code() const { return status().code(); }
  };

  void SetUp() override {
    parts_.model = "hosted";
    parts_.provider = MakeProvider({.kind = "voyage", .model = "rerank-2.5"}).value();
    parts_.client = &client_;
    parts_.limits = std::make_shared<KeyLimits>(client_);
    parts_.availability = std::make_shared<Availability>();
    parts_.random = [] { return 0.5; };
    parts_.options.retry_budget = 0;
    SetKey("s3rver");
  }

  void SetKey(const std::string& key) {
    parts_.keys =
        std::make_shared<KeySource>(KeyPlaces({.kind = "voyage", .model = "rerank-2.5"}),
                                    [key](const std::string& name) -> std::optional<std::string> {
                                      if (name != "VOYAGE_API_KEY" || key.empty())
                                        return std::nullopt;
                                      return key;
                                    });
  }

  static RerankRequest Request() {
    RerankRequest request;
    request.query = "which?";
    request.documents = {"one", "two"};
    return request;
  }

  RemoteReranker& reranker() {
    if (!reranker_.has_value()) reranker_.emplace(parts_);
    return *reranker_;
  }

  std::shared_ptr<Outcome> Rerank(RerankRequest request = Request()) {
    auto outcome = std::make_shared<Outcome>();
    reranker().Rerank(std::move(request), [outcome](absl::StatusOr<RerankResult> result) {
      ++outcome->times;
      outcome->result = std::move(result);
    });
    return outcome;
  }

  std::string SentKey(size_t n) const {
    return client_.sent().at(n).request->secret_headers.at(0).second.Reveal();
  }

  FakeAsyncClient client_;
  std::stop_source stop_;
  RemoteReranker::Parts parts_;
  std::optional<RemoteReranker> reranker_;
};

TEST_F(RemoteRerankerTest, BringsTheProvidersAnswer) {
  const auto outcome = Rerank();
  ASSERT_EQ(client_.sent().size(), 1);
  EXPECT_EQ(SentKey(0), "Bearer s3rver");
  EXPECT_EQ(client_.sent()[0].request->connect_timeout, milliseconds(3000));
  const HttpRequest& sent = *client_.sent()[0].request;
  EXPECT_EQ(sent.max_body_bytes, (8 << 20) + 2 * sent.body.size());
  client_.Answer(kGood);
  ASSERT_TRUE(outcome->ok()) << outcome->status().ToString();
  EXPECT_EQ(outcome->result->value().documents.at(0).index, 1);
  EXPECT_EQ(outcome->result->value().usage.total_tokens, 7);
  EXPECT_THAT(client_.timers(), IsEmpty());
  EXPECT_EQ(parts_.limits->keys(), 0);
}

TEST_F(RemoteRerankerTest, WhatTakesLongToReadIsReadElsewhere) {
  std::vector<absl::AnyInvocable<void()>> elsewhere;
  parts_.read_elsewhere = [&](absl::AnyInvocable<void()> work) {
    elsewhere.push_back(std::move(work));
  };
  const auto small = Rerank();
  client_.Answer(kGood);
  EXPECT_TRUE(small->ok());
  EXPECT_THAT(elsewhere, IsEmpty());
  RerankRequest request = Request();
  request.documents[0].assign(100'000, 'x');
  for (const HttpResponse& response : {kGood, Failure(400)}) {
    const auto large = Rerank(request);
    client_.Answer(response);
    EXPECT_EQ(large->times, 0);
    ASSERT_EQ(elsewhere.size(), 1);
    EXPECT_EQ(parts_.limits->keys(), 0) << "its slot is free meanwhile";
    elsewhere.front()();
    elsewhere.clear();
    EXPECT_EQ(large->times, 1);
    EXPECT_EQ(large->ok(), response.status == 200);
  }
}

TEST_F(RemoteRerankerTest, NoDocumentsNeedNoProvider) {
  RerankRequest request = Request();
  request.documents.clear();
  EXPECT_TRUE(Rerank(request)->ok());
  EXPECT_THAT(client_.sent(), IsEmpty());
}

TEST_F(RemoteRerankerTest, ACallHasItsCallersTimeAndAtMostTheEntrys) {
  RerankRequest hurried = Request();
  hurried.deadline = steady_clock::now() + seconds(5);
  Rerank(hurried);
  EXPECT_EQ(client_.sent().at(0).deadline, hurried.deadline);
  const TimePoint before = steady_clock::now();
  Rerank();
  EXPECT_GE(client_.sent().at(1).deadline, before + seconds(30));
  EXPECT_LE(client_.sent().at(1).deadline, steady_clock::now() + seconds(30));
}

TEST_F(RemoteRerankerTest, WhatMayPassIsTriedAgain) {
  const auto outcome = Rerank();
  client_.Answer(absl::UnavailableError("cannot connect"));
  EXPECT_EQ(outcome->times, 0);
  client_.RunTimer();
  client_.Answer(Failure(503));
  client_.RunTimer();
  client_.Answer(kGood);
  EXPECT_TRUE(outcome->ok()) << outcome->status().ToString();
  EXPECT_EQ(outcome->times, 1);
  ASSERT_EQ(client_.sent().size(), 3);
  EXPECT_EQ(client_.sent()[0].request, client_.sent()[2].request) << "nothing is built twice";
  EXPECT_EQ(client_.sent()[0].deadline, client_.sent()[2].deadline);
}

TEST_F(RemoteRerankerTest, AfterTheLastRetryTheFailureIsTheAnswer) {
  const auto outcome = Rerank();
  for (int i = 0; i < 2; ++i) {
    client_.Answer(Failure(503));
    client_.RunTimer();
  }
  client_.Answer(Failure(503));
  EXPECT_EQ(outcome->code(), Code::kUnavailable);
  EXPECT_EQ(ReasonOf(outcome->status()), "PROVIDER_UNAVAILABLE");
  EXPECT_EQ(client_.sent().size(), 3);
}

TEST_F(RemoteRerankerTest, AServerErrorIsTriedAgainOnce) {
  const auto outcome = Rerank();
  client_.Answer(Failure(500));
  client_.RunTimer();
  client_.Answer(Failure(500));
  EXPECT_EQ(outcome->code(), Code::kUnavailable);
}

TEST_F(RemoteRerankerTest, WhatIsTheCallersOwnFaultIsNotTriedAgain) {
  for (const int status : {400, 402, 403, 404, 413, 422, 501}) {
    const auto outcome = Rerank();
    client_.Answer(Failure(status));
    EXPECT_EQ(outcome->times, 1) << status;
    EXPECT_FALSE(outcome->ok()) << status;
  }
  EXPECT_THAT(client_.timers(), IsEmpty());
}

TEST_F(RemoteRerankerTest, ThePauseIsAtLeastWhatTheProviderAsksFor) {
  Rerank();
  const TimePoint before = steady_clock::now();
  client_.Answer(Failure(429, {{"Retry-After", "7"}}));
  EXPECT_GE(client_.timers().at(0), before + seconds(7));
  EXPECT_LE(client_.timers().at(0), steady_clock::now() + seconds(7));
}

TEST_F(RemoteRerankerTest, APauseThatDoesNotFitIsLeftToTheCaller) {
  RerankRequest request = Request();
  request.deadline = steady_clock::now() + seconds(5);
  const auto outcome = Rerank(request);
  client_.Answer(Failure(429, {{"Retry-After", "7"}}));
  EXPECT_EQ(outcome->code(), Code::kResourceExhausted);
  EXPECT_EQ(RetryAfterOf(outcome->status()), seconds(7));
  EXPECT_EQ(ReasonOf(outcome->status()), "PROVIDER_RATE_LIMIT");
}

TEST_F(RemoteRerankerTest, WhereMostFailsNothingIsTriedAgain) {
  parts_.options.retry_budget = 4;
  Rerank();
  client_.Answer(Failure(503));
  client_.RunTimer();
  const auto outcome = Rerank();
  client_.Answer(Failure(503));
  EXPECT_EQ(client_.timers().size(), 0);
  client_.Answer(Failure(503));
  EXPECT_EQ(outcome->code(), Code::kUnavailable);
}

TEST_F(RemoteRerankerTest, ACancelledCallEndsWhereverItIs) {
  RerankRequest request = Request();
  request.cancelled = stop_.get_token();
  parts_.options.max_concurrent_calls = 2;
  const auto sent = Rerank(request);
  const auto pausing = Rerank(request);
  client_.AnswerLast(Failure(503));
  Rerank();
  const auto waiting = Rerank(request);
  EXPECT_EQ(client_.open_requests(), 2);
  stop_.request_stop();
  for (const auto& outcome : {sent, pausing, waiting}) {
    EXPECT_EQ(outcome->code(), Code::kCancelled) << outcome->status().ToString();
    EXPECT_EQ(outcome->times, 1);
  }
  EXPECT_EQ(client_.open_requests(), 1);
  EXPECT_THAT(client_.timers(), IsEmpty());
}

TEST_F(RemoteRerankerTest, OnlySoManyCallsGoAtOnce) {
  parts_.options.max_concurrent_calls = 1;
  parts_.options.max_waiting_calls = 1;
  Rerank();
  const auto second = Rerank();
  const auto third = Rerank();
  EXPECT_EQ(third->code(), Code::kResourceExhausted);
  EXPECT_EQ(ReasonOf(third->status()), "QUEUE_FULL");
  EXPECT_EQ(client_.sent().size(), 1);
  client_.Answer(kGood);
  EXPECT_EQ(client_.sent().size(), 2);
  client_.Answer(kGood);
  EXPECT_TRUE(second->ok());
}

TEST_F(RemoteRerankerTest, WithoutAKeyEachEntryHasItsOwnLimit) {
  parts_.options.max_concurrent_calls = 1;
  parts_.provider =
      MakeProvider({.kind = "compatible", .model = "m", .base_url = "https://one.example"}).value();
  parts_.keys = std::make_shared<KeySource>(
      KeyPlaces({.kind = "compatible", .model = "m", .base_url = "https://one.example"}),
      [](const std::string&) -> std::optional<std::string> { return std::nullopt; });
  RemoteReranker::Parts others = parts_;
  others.model = "another";
  RemoteReranker other(others);
  Rerank();
  Rerank();
  EXPECT_EQ(client_.sent().size(), 1);
  other.Rerank(Request(), [](const absl::StatusOr<RerankResult>&) {});
  EXPECT_EQ(client_.sent().size(), 2);
}

TEST_F(RemoteRerankerTest, WhoseDeadlinePassedDecidesTheError) {
  RerankRequest past = Request();
  past.deadline = steady_clock::now();
  const auto callers = Rerank(past);
  client_.Answer(absl::DeadlineExceededError("late"));
  EXPECT_EQ(callers->code(), Code::kDeadlineExceeded);
  reranker_.reset();
  parts_.options.timeout = milliseconds(0);
  const auto entrys = Rerank();
  client_.Answer(absl::DeadlineExceededError("late"));
  EXPECT_EQ(entrys->code(), Code::kUnavailable);
  EXPECT_THAT(std::string(entrys->status().message()), HasSubstr("no answer within 0 ms"));
}

TEST_F(RemoteRerankerTest, TheBreakerOpensTellsAndClosesAgain) {
  parts_.options.max_retries = 0;
  parts_.options.breaker_calls = 2;
  parts_.options.breaker_open = milliseconds(50);
  Rerank();
  Rerank();
  client_.Answer(absl::UnavailableError("cannot connect"));
  EXPECT_TRUE(parts_.availability->state().can_serve);
  client_.Answer(absl::UnavailableError("cannot connect"));
  EXPECT_FALSE(parts_.availability->state().can_serve);
  EXPECT_EQ(parts_.availability->state().problem, "voyage does not answer");
  const auto refused = Rerank();
  EXPECT_EQ(client_.sent().size(), 2);
  EXPECT_EQ(refused->code(), Code::kUnavailable);
  EXPECT_GT(RetryAfterOf(refused->status()), milliseconds(0));
  // Half-open: the timer that says so was set for then.
  while (steady_clock::now() < client_.timers().at(0)) {
  }
  client_.RunTimer();
  EXPECT_TRUE(parts_.availability->state().can_serve);
  for (int i = 0; i < 3; ++i) {
    const auto probe = Rerank();
    EXPECT_EQ(Rerank()->code(), Code::kUnavailable) << "one at a time";
    client_.Answer(kGood);
    EXPECT_TRUE(probe->ok());
  }
  EXPECT_EQ(parts_.availability->state().problem, "");
  Rerank();
  Rerank();
  EXPECT_EQ(client_.open_requests(), 2);
}

TEST_F(RemoteRerankerTest, WhatIsNoSignOfTroubleOpensNoBreaker) {
  parts_.options.max_retries = 0;
  parts_.options.breaker_calls = 1;
  for (const int status : {400, 401, 404, 429}) {
    Rerank();
    client_.Answer(Failure(status));
  }
  RerankRequest hurried = Request();
  hurried.deadline = steady_clock::now();
  Rerank(hurried);
  client_.Answer(absl::DeadlineExceededError("late"));
  hurried = Request();
  hurried.cancelled = stop_.get_token();
  Rerank(hurried);
  stop_.request_stop();
  EXPECT_TRUE(parts_.availability->state().can_serve);
  Rerank();
  EXPECT_EQ(client_.open_requests(), 1);
}

// gRPC tells that a deadline has passed as it tells that somebody has gone.
TEST_F(RemoteRerankerTest, SilenceUntilTheCallersDeadlineIsTrouble) {
  parts_.options.max_retries = 0;
  parts_.options.breaker_calls = 1;
  parts_.options.breaker_patience = milliseconds(0);
  RerankRequest request = Request();
  request.deadline = steady_clock::now() + milliseconds(1);
  request.cancelled = stop_.get_token();
  Rerank(request);
  stop_.request_stop();
  EXPECT_FALSE(parts_.availability->state().can_serve);
}

TEST_F(RemoteRerankerTest, WithAFallbackItCanServeAllTheSame) {
  parts_.options.max_retries = 0;
  parts_.options.breaker_calls = 1;
  parts_.options.fallback = {"local"};
  Rerank();
  client_.Answer(Failure(503));
  EXPECT_TRUE(parts_.availability->state().can_serve);
  EXPECT_EQ(parts_.availability->state().problem, "voyage does not answer");
}

TEST_F(RemoteRerankerTest, WithoutAKeyNothingIsSent) {
  SetKey("");
  const auto outcome = Rerank();
  EXPECT_EQ(outcome->code(), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(outcome->status().message()), HasSubstr("VOYAGE_API_KEY"));
  EXPECT_THAT(client_.sent(), IsEmpty());
}

TEST_F(RemoteRerankerTest, ACallersKeyIsTakenWhereItIsAllowed) {
  RerankRequest request = Request();
  request.provider_key = Secret("callers");
  const auto refused = Rerank(request);
  EXPECT_EQ(refused->code(), Code::kPermissionDenied);
  EXPECT_THAT(refused->status().ToString(), Not(HasSubstr("callers")));
  reranker_.reset();
  parts_.takes_callers_key = true;
  SetKey("");
  const auto outcome = Rerank(request);
  ASSERT_EQ(client_.sent().size(), 1);
  EXPECT_EQ(SentKey(0), "Bearer callers");
  client_.Answer(Failure(401));
  EXPECT_EQ(outcome->code(), Code::kUnauthenticated);
  request.provider_key = Secret("line\nbreak");
  EXPECT_EQ(Rerank(request)->code(), Code::kInvalidArgument);
}

TEST_F(RemoteRerankerTest, AKeyThatWasRefusedMayHaveBeenReplaced) {
  const TempDir folder;
  const auto file = folder.Write("key", "0ld");
  parts_.keys = std::make_shared<KeySource>(
      KeySource::Options{.provider = "voyage", .file = file},
      [](const std::string&) -> std::optional<std::string> { return std::nullopt; });
  auto outcome = Rerank();
  client_.Answer(Failure(401));
  EXPECT_EQ(outcome->code(), Code::kFailedPrecondition) << "it was not replaced";
  outcome = Rerank();
  folder.Write("key", "new-one");
  client_.Answer(Failure(401));
  ASSERT_EQ(client_.sent().size(), 3);
  EXPECT_EQ(SentKey(1), "Bearer 0ld");
  EXPECT_EQ(SentKey(2), "Bearer new-one");
  client_.Answer(Failure(401));
  EXPECT_EQ(outcome->code(), Code::kFailedPrecondition);
}

TEST_F(RemoteRerankerTest, MoreDocumentsThanTheProviderTakesAreRefusedByName) {
  RerankRequest request = Request();
  request.documents.assign(1001, "text");
  const auto outcome = Rerank(request);
  EXPECT_EQ(FieldOf(outcome->status()), "documents");
  EXPECT_THAT(std::string(outcome->status().message()),
              AllOf(HasSubstr("1001"), HasSubstr("1000"), HasSubstr("voyage")));
}

TEST_F(RemoteRerankerTest, ASlowCallIsSentTwiceWhereThatIsWanted) {
  parts_.options.hedge_after = milliseconds(10);
  const auto outcome = Rerank();
  client_.RunTimer();
  EXPECT_EQ(client_.open_requests(), 2);
  client_.AnswerLast(kGood);
  EXPECT_TRUE(outcome->ok());
  EXPECT_EQ(client_.open_requests(), 0);
  EXPECT_EQ(parts_.limits->keys(), 0) << "both gave their slots back";
}

TEST_F(RemoteRerankerTest, CallsOutliveIt) {
  const auto outcome = Rerank();
  reranker_.reset();
  parts_ = {};
  client_.Answer(kGood);
  EXPECT_TRUE(outcome->ok());
}

}  // namespace
}  // namespace rerankd
