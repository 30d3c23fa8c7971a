#include "server/request_log_fields.h"

#include <gtest/gtest.h>

#include "core/errors.h"
#include "util/json.h"

namespace rerankd {
namespace {

RequestLog Sample() {
  RequestLog request;
  request.id = "r-1";
  request.method = "Rerank";
  request.peer = "ipv4:127.0.0.1:1";
  request.model = "mini";
  request.documents = 4;
  request.results = 3;
  request.usage = {.query_tokens = 5, .document_tokens = 60, .total_tokens = 92};
  request.timings = {.tokenize = std::chrono::microseconds(100),
                     .queue = std::chrono::microseconds(20),
                     .compute = std::chrono::milliseconds(3)};
  request.total = std::chrono::microseconds(3456);
  return request;
}

nlohmann::json AsJson(const RequestLog& request) {
  return ParseJson(
             FormatLogLine(LogFormat::kJson, {}, LevelOf(request), "request", FieldsOf(request)),
             "line")
      .value();
}

TEST(RequestLogFieldsTest, CarriesCountsTimingsAndStatus) {
  const nlohmann::json line = AsJson(Sample());
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["id"], "r-1");
  EXPECT_EQ(line["method"], "Rerank");
  EXPECT_EQ(line["model"], "mini");
  EXPECT_EQ(line["status"], "OK");
  EXPECT_EQ(line["documents"], 4);
  EXPECT_EQ(line["results"], 3);
  EXPECT_EQ(line["total_tokens"], 92);
  EXPECT_EQ(line["tokenize_ms"], 0.1);
  EXPECT_EQ(line["queue_ms"], 0.02);
  EXPECT_EQ(line["compute_ms"], 3.0);
  EXPECT_EQ(line["total_ms"], 3.456);
  EXPECT_FALSE(line.contains("error"));
  EXPECT_FALSE(line.contains("trace_id"));
}

TEST(RequestLogFieldsTest, NamesTheTrace) {
  RequestLog request = Sample();
  request.trace_id = {0xab, 0x0c};
  EXPECT_EQ(AsJson(request)["trace_id"], "ab0c0000000000000000000000000000");
}

TEST(RequestLogFieldsTest, OnlyWhatTheServerMustMendIsAnError) {
  RequestLog request = Sample();
  request.status = absl::InvalidArgumentError("query is empty");
  EXPECT_EQ(AsJson(request)["level"], "info");
  EXPECT_EQ(AsJson(request)["status"], "INVALID_ARGUMENT");
  EXPECT_EQ(AsJson(request)["error"], "query is empty");
  request.status = absl::InternalError("model mini gave NaN");
  EXPECT_EQ(AsJson(request)["level"], "error");
  request.status = RetryLater("queue full", std::chrono::seconds(1));
  EXPECT_EQ(AsJson(request)["level"], "info");
  request.status = absl::ResourceExhaustedError("out of memory");
  EXPECT_EQ(AsJson(request)["level"], "error");
}

}  // namespace
}  // namespace rerankd
