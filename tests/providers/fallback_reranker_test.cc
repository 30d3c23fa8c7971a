#include "providers/fallback_reranker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace rerankd {
namespace {

// Always answers the same.
class FixedReranker : public Reranker {
 public:
  explicit FixedReranker(absl::StatusOr<RerankResult> answer) : answer_(std::move(answer)) {}
  void Rerank(RerankRequest request, Done done) override {
    last = std::move(request);
    ++calls;
    std::move(done)(answer_);
  }
  RerankRequest last;
  int calls = 0;

 private:
  const absl::StatusOr<RerankResult> answer_;
};

RerankResult Result(size_t index) { return {.documents = {{index, 1}}}; }

class FallbackRerankerTest : public testing::Test {
 protected:
  // The answer when the first says `first`; then `second_`, then `third_`.
  absl::StatusOr<RerankResult> Ask(absl::StatusOr<RerankResult> first) {
    FallbackReranker reranker(std::make_shared<FixedReranker>(std::move(first)),
                              {{"nobody", [] { return nullptr; }},
                               {"second", [this] { return &second_; }},
                               {"third", [this] { return &third_; }}});
    RerankRequest request;
    request.query = "q";
    request.documents = {"a", "b"};
    request.deadline = deadline_;
    request.cancelled = stop_.get_token();
    request.provider_key = Secret("s3cret");
    std::optional<absl::StatusOr<RerankResult>> answer;
    reranker.Rerank(request, [&](absl::StatusOr<RerankResult> result) {
      EXPECT_FALSE(answer.has_value());
      answer = std::move(result);
    });
    return answer.value();
  }

  TimePoint deadline_ = kNoDeadline;
  std::stop_source stop_;
  FixedReranker second_{absl::UnavailableError("second")};
  FixedReranker third_{Result(1)};
};

TEST_F(FallbackRerankerTest, AnAnswerIsTheFirstOnes) {
  const auto answer = Ask(Result(0));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->model, "");
  EXPECT_EQ(second_.calls, 0);
}

TEST_F(FallbackRerankerTest, TheNextWhoHasAnAnswerSaysWhoItIs) {
  for (const absl::Status& status : {absl::UnavailableError(""), absl::ResourceExhaustedError(""),
                                     absl::FailedPreconditionError("")}) {
    const auto answer = Ask(status);
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->model, "third");
    EXPECT_EQ(answer->documents.at(0).index, 1);
  }
  EXPECT_EQ(second_.calls, 3);
  EXPECT_EQ(third_.last.query, "q");
  EXPECT_EQ(third_.last.documents.size(), 2);
}

TEST_F(FallbackRerankerTest, TheCallersKeyIsForTheFirstAlone) {
  ASSERT_TRUE(Ask(absl::UnavailableError("")).ok());
  EXPECT_TRUE(third_.last.provider_key.empty());
}

TEST_F(FallbackRerankerTest, WhatNobodyCanMendIsNotAskedElsewhere) {
  for (const absl::Status& status :
       {absl::InvalidArgumentError("x"), absl::CancelledError("x"),
        absl::DeadlineExceededError("x"), absl::UnauthenticatedError("x"), absl::InternalError("x"),
        absl::NotFoundError("x")}) {
    EXPECT_EQ(Ask(status).status(), status);
  }
  EXPECT_EQ(third_.calls, 0);
}

TEST_F(FallbackRerankerTest, NobodyIsAskedForACallerWhoIsGone) {
  deadline_ = std::chrono::steady_clock::now();
  EXPECT_EQ(Ask(absl::UnavailableError("first")).status(), absl::UnavailableError("first"));
  deadline_ = kNoDeadline;
  stop_.request_stop();
  EXPECT_EQ(Ask(absl::UnavailableError("first")).status(), absl::UnavailableError("first"));
  EXPECT_EQ(second_.calls + third_.calls, 0);
}

TEST_F(FallbackRerankerTest, WhenAllFailTheFirstOnesErrorIsTold) {
  FallbackReranker reranker(std::make_shared<FixedReranker>(absl::UnavailableError("first")),
                            {{"second", [this] { return &second_; }}});
  std::optional<absl::Status> status;
  reranker.Rerank({},
                  [&](const absl::StatusOr<RerankResult>& result) { status = result.status(); });
  EXPECT_EQ(status, absl::UnavailableError("first"));
}

}  // namespace
}  // namespace rerankd
