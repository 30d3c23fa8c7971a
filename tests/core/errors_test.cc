#include "core/errors.h"

#include <gtest/gtest.h>

namespace rerankd {
namespace {

TEST(ErrorsTest, AFieldIsNamedInMessageAndDetail) {
  const absl::Status status = InvalidField("documents[3]", "is empty");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), "documents[3] is empty");
  EXPECT_EQ(FieldOf(status), "documents[3]");
  EXPECT_EQ(RetryAfterOf(status), std::nullopt);
}

TEST(ErrorsTest, ARetryCarriesItsTimeAndReason) {
  const absl::Status status =
      WithReason(RetryLater("queue full", std::chrono::milliseconds(250)), "QUEUE_FULL");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RetryAfterOf(status), std::chrono::milliseconds(250));
  EXPECT_EQ(ReasonOf(status), "QUEUE_FULL");
}

TEST(ErrorsTest, ARetryHintSuitsAnyCode) {
  const absl::Status status =
      WithRetryAfter(absl::UnavailableError("down"), std::chrono::milliseconds(1500));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(RetryAfterOf(status), std::chrono::milliseconds(1500));
}

TEST(ErrorsTest, AReasonAloneIsOfOurDomain) {
  const auto info = ErrorInfoOf(WithReason(absl::InternalError("x"), "WHY"));
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason, "WHY");
  EXPECT_EQ(info->domain, "rerankd");
  EXPECT_TRUE(info->metadata.empty());
}

TEST(ErrorsTest, ErrorInfoCarriesDomainAndMetadata) {
  const absl::Status status = WithErrorInfo(
      absl::InternalError("x"), {.reason = "WHY",
                                 .domain = "rerank.providers",
                                 .metadata = {{"provider", "voyage"}, {"provider_code", ""}}});
  EXPECT_EQ(ReasonOf(status), "WHY");
  const auto info = ErrorInfoOf(status);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->domain, "rerank.providers");
  EXPECT_EQ(info->metadata, (std::map<std::string, std::string>{{"provider", "voyage"}}));
}

TEST(ErrorsTest, APlainStatusCarriesNothing) {
  const absl::Status status = absl::InternalError("x");
  EXPECT_EQ(FieldOf(status), std::nullopt);
  EXPECT_EQ(RetryAfterOf(status), std::nullopt);
  EXPECT_EQ(ReasonOf(status), std::nullopt);
  EXPECT_FALSE(ErrorInfoOf(status).has_value());
}

}  // namespace
}  // namespace rerankd
