#include "providers/splitting_reranker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace rerankd {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

// Keeps what it is asked until the test answers.
class HeldReranker : public Reranker {
 public:
  struct Held {
    RerankRequest request;
    Done done;
  };
  void Rerank(RerankRequest request, Done done) override {
    held.push_back({std::move(request), std::move(done)});
  }
  std::vector<Held> held;
};

class SplittingRerankerTest : public testing::Test {
 protected:
  void Rerank(std::vector<std::string> documents) {
    RerankRequest request;
    request.query = "q";
    request.documents = std::move(documents);
    request.top_k = 3;
    request.cancelled = stop_.get_token();
    splitting_.Rerank(std::move(request), [this](absl::StatusOr<RerankResult> result) {
      EXPECT_FALSE(result_.has_value());
      result_ = std::move(result);
    });
  }
  void Answer(size_t part, absl::StatusOr<RerankResult> result) {
    std::move(inner_->held.at(part).done)(std::move(result));
  }

  std::stop_source stop_;
  std::shared_ptr<HeldReranker> inner_ = std::make_shared<HeldReranker>();
  SplittingReranker splitting_{inner_, {.max_documents = 2, .max_parts = 3}};
  std::optional<absl::StatusOr<RerankResult>> result_;
};

TEST_F(SplittingRerankerTest, WhatFitsIsOneCall) {
  Rerank({"a", "b"});
  EXPECT_THAT(inner_->held, SizeIs(1));
}

TEST_F(SplittingRerankerTest, PutsTheAnswersTogether) {
  Rerank({"a", "b", "c", "d", "e"});
  ASSERT_THAT(inner_->held, SizeIs(3));
  EXPECT_THAT(inner_->held[0].request.documents, ElementsAre("a", "b"));
  EXPECT_THAT(inner_->held[1].request.documents, ElementsAre("c", "d"));
  EXPECT_THAT(inner_->held[2].request.documents, ElementsAre("e"));
  EXPECT_EQ(inner_->held[2].request.query, "q");
  EXPECT_EQ(inner_->held[2].request.top_k, 3);
  Answer(2, RerankResult{.documents = {{0, 0.5F}}});
  Answer(0, RerankResult{.documents = {{1, 0.9F}, {0, 0.1F}}});
  EXPECT_FALSE(result_.has_value());
  Answer(1, RerankResult{.documents = {{0, 0.7F}, {1, 0.2F}}});
  ASSERT_TRUE(result_.has_value() && result_->ok());
  std::vector<size_t> order;
  for (const ScoredDocument& document : (*result_)->documents) order.push_back(document.index);
  EXPECT_THAT(order, ElementsAre(1, 2, 4));
}

// It would be refused however often it was tried, and what had been sent by then be billed.
TEST_F(SplittingRerankerTest, MorePartsThanThereEverIsRoomForAreNotBegun) {
  Rerank({"a", "b", "c", "d", "e", "f", "g"});
  EXPECT_THAT(inner_->held, SizeIs(0));
  ASSERT_TRUE(result_.has_value());
  EXPECT_EQ(result_->status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result_->status().message()),
              testing::StartsWith("documents has 7 entries, 4 calls of at most 2"));
  Rerank({"a", "b", "c", "d", "e", "f"});
  EXPECT_THAT(inner_->held, SizeIs(3));
}

TEST_F(SplittingRerankerTest, APartThatFailsFailsTheCallAndEndsTheOthers) {
  Rerank({"a", "b", "c", "d"});
  EXPECT_FALSE(inner_->held[1].request.cancelled.stop_requested());
  Answer(0, absl::UnavailableError("gone"));
  EXPECT_EQ(result_->status(), absl::UnavailableError("gone"));
  EXPECT_TRUE(inner_->held[1].request.cancelled.stop_requested());
  Answer(1, absl::CancelledError("cancelled"));
}

TEST_F(SplittingRerankerTest, ACallerWhoIsGoneEndsAllParts) {
  Rerank({"a", "b", "c", "d"});
  stop_.request_stop();
  for (const auto& held : inner_->held) EXPECT_TRUE(held.request.cancelled.stop_requested());
  Answer(1, absl::CancelledError("cancelled"));
  Answer(0, absl::CancelledError("cancelled"));
  EXPECT_EQ(result_->status().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace rerankd
