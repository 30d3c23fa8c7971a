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

TEST(ErrorsTest, APlainStatusCarriesNothing) {
  const absl::Status status = absl::InternalError("x");
  EXPECT_EQ(FieldOf(status), std::nullopt);
  EXPECT_EQ(RetryAfterOf(status), std::nullopt);
  EXPECT_EQ(ReasonOf(status), std::nullopt);
}

}  // namespace
}  // namespace rerankd
