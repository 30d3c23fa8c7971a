#include "service/status_conversion.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "core/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(StatusConversionTest, OkIsOk) { EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok()); }

TEST(StatusConversionTest, EveryCodeKeepsItsNumberAndMessage) {
  for (int code = 1; code <= 16; ++code) {
    const grpc::Status status = ToGrpcStatus({static_cast<absl::StatusCode>(code), "why"});
    EXPECT_EQ(static_cast<int>(status.error_code()), code);
    EXPECT_EQ(status.error_message(), "why");
    EXPECT_TRUE(status.error_details().empty());
  }
}

TEST(StatusConversionTest, ErrorInfoKeepsItsDomainAndMetadata) {
  const grpc::Status status =
      ToGrpcStatus(WithErrorInfo(absl::UnavailableError("x"), {.reason = "WHY",
                                                               .domain = "rerank.providers",
                                                               .metadata = {{"http_status", "503"},
                                                                            {"request_id",
                                                                             "\xff"
                                                                             "7"}}}));
  google::rpc::ErrorInfo info;
  ASSERT_EQ(Details(status).details_size(), 1);
  ASSERT_TRUE(Details(status).details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "WHY");
  EXPECT_EQ(info.domain(), "rerank.providers");
  EXPECT_EQ(info.metadata().at("http_status"), "503");
  EXPECT_EQ(info.metadata().at("request_id"), "?7");
}

TEST(StatusConversionTest, AFieldBecomesABadRequest) {
  const grpc::Status status =
      ToGrpcStatus(WithReason(InvalidField("documents[3]", "is empty"), "EMPTY_FIELD"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const google::rpc::Status details = Details(status);
  EXPECT_EQ(details.code(), 3);
  EXPECT_EQ(details.message(), "documents[3] is empty");
  ASSERT_EQ(details.details_size(), 2);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "EMPTY_FIELD");
  EXPECT_EQ(info.domain(), "rerankd");
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(details.details(1).UnpackTo(&bad_request));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "documents[3]");
  EXPECT_EQ(bad_request.field_violations(0).description(), "documents[3] is empty");
}

TEST(StatusConversionTest, ARetryHintBecomesARetryInfo) {
  const google::rpc::Status details =
      Details(ToGrpcStatus(RetryLater("queue full", std::chrono::milliseconds(2250))));
  ASSERT_EQ(details.details_size(), 1);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details(0).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 2);
  EXPECT_EQ(retry.retry_delay().nanos(), 250'000'000);
}

TEST(StatusConversionTest, MessagesAreMadeFitToTravel) {
  std::string text = "provider said: \xFF";
  for (int i = 0; i < 10'000; ++i) text += "ü";
  const grpc::Status status = ToGrpcStatus(InvalidField(text, text));
  EXPECT_LE(status.error_message().size(), 1024);
  EXPECT_EQ(status.error_message().substr(0, 18), "provider said: ?ü");
  EXPECT_EQ(FindInvalidUtf8(status.error_message()), std::nullopt);
  EXPECT_LT(status.error_details().size(), 2500);
  EXPECT_EQ(Details(status).details_size(), 1);
}

}  // namespace
}  // namespace rerankd
