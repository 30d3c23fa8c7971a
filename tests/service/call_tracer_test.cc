#include "service/call_tracer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/errors.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

std::map<std::string, std::string> AttributesOf(const Span& span) {
  std::map<std::string, std::string> attributes;
  for (const auto& [key, value] : span.attributes) {
    attributes[key] = std::holds_alternative<std::string>(value)
                          ? std::get<std::string>(value)
                          : std::to_string(std::get<int64_t>(value));
  }
  return attributes;
}

class CallTracerTest : public testing::Test {
 protected:
  std::shared_ptr<TracedCall> Begin(std::optional<TraceContext> caller = std::nullopt) {
    return CallTracer(Sampler(1), queue_).Begin(caller, [] { return "a=1"; }, start_);
  }
  static TraceContext Caller(bool sampled) {
    TraceContext caller{.sampled = sampled};
    caller.trace_id.fill(7);
    caller.span_id.fill(9);
    return caller;
  }
  static RequestLog Answered(absl::Status status = absl::OkStatus()) {
    RequestLog log;
    log.id = "r-1";
    log.method = "Rerank";
    log.peer = "ipv4:192.0.2.9:1";
    log.model = "mini";
    log.documents = 4;
    log.results = 3;
    log.usage.total_tokens = 92;
    log.total = milliseconds(40);
    log.status = std::move(status);
    return log;
  }
  std::vector<Span> Spans() const { return queue_->Take(start_ + std::chrono::hours(1)); }

  const TimePoint start_ = std::chrono::steady_clock::now();
  const std::shared_ptr<SpanQueue> queue_ = std::make_shared<SpanQueue>(SpanQueue::Options());
};

TEST_F(CallTracerTest, ACallThatCameWithATraceContinuesIt) {
  auto call = Begin(Caller(true));
  ASSERT_NE(call, nullptr);
  call->Worked(CallTrace::Stage::kTokenize, start_ + milliseconds(1), start_ + milliseconds(3));
  call->Worked(CallTrace::Stage::kQueue, start_ + milliseconds(3), start_ + milliseconds(5));
  call->End(Answered());
  EXPECT_THAT(Spans(), IsEmpty()) << "its work may not be done";
  call->Worked(CallTrace::Stage::kCompute, start_ + milliseconds(5), start_ + milliseconds(39));
  call.reset();
  const std::vector<Span> spans = Spans();
  ASSERT_EQ(spans.size(), 4);
  const Span& own = spans[2];
  EXPECT_EQ(own.name, "rerank.v1.RerankService/Rerank");
  EXPECT_EQ(own.kind, Span::Kind::kServer);
  EXPECT_EQ(own.parent, Caller(true).span_id);
  EXPECT_TRUE(own.parent_remote);
  EXPECT_EQ(own.end_ns - own.begin_ns, 40'000'000);
  EXPECT_FALSE(own.failed);
  EXPECT_THAT(AttributesOf(own),
              UnorderedElementsAre(Pair("rpc.system", "grpc"),
                                   Pair("rpc.service", "rerank.v1.RerankService"),
                                   Pair("rpc.method", "Rerank"), Pair("rpc.grpc.status_code", "0"),
                                   Pair("rerankd.request.id", "r-1"), Pair("rerankd.model", "mini"),
                                   Pair("rerankd.documents", "4"), Pair("rerankd.results", "3"),
                                   Pair("rerankd.tokens", "92")));
  EXPECT_THAT((std::vector<std::string>{spans[0].name, spans[1].name, spans[3].name}),
              ElementsAre("tokenize", "queue", "compute"));
  for (const Span& span : spans) {
    EXPECT_EQ(span.trace_id, Caller(true).trace_id);
    EXPECT_EQ(span.trace_state, "a=1");
    if (&span == &own) continue;
    EXPECT_EQ(span.parent, own.id);
    EXPECT_NE(span.id, own.id);
    EXPECT_FALSE(span.parent_remote);
    EXPECT_EQ(span.kind, Span::Kind::kInternal);
  }
  EXPECT_EQ(spans[0].begin_ns - own.begin_ns, 1'000'000);
  EXPECT_EQ(spans[3].end_ns - own.begin_ns, 39'000'000);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_LE(own.begin_ns, std::chrono::nanoseconds(now).count());
  EXPECT_GT(own.begin_ns, std::chrono::nanoseconds(now - std::chrono::hours(1)).count());
}

TEST_F(CallTracerTest, ACallWithoutATraceBeginsOne) {
  auto call = Begin();
  ASSERT_NE(call, nullptr);
  EXPECT_NE(call->trace_id(), TraceId{});
  call->End(Answered());
  call.reset();
  const std::vector<Span> spans = Spans();
  ASSERT_EQ(spans.size(), 1);
  EXPECT_EQ(spans[0].parent, SpanId{});
  EXPECT_FALSE(spans[0].parent_remote);
  EXPECT_EQ(spans[0].trace_state, "");
}

TEST_F(CallTracerTest, WhatIsNotSampledIsNotTraced) {
  EXPECT_EQ(Begin(Caller(false)), nullptr);
  const CallTracer none(Sampler(0), queue_);
  bool asked = false;
  const auto state = [&] {
    asked = true;
    return "";
  };
  EXPECT_EQ(none.Begin(std::nullopt, state, start_), nullptr);
  EXPECT_EQ(none.Begin(Caller(false), state, start_), nullptr);
  EXPECT_FALSE(asked);
  EXPECT_NE(none.Begin(Caller(true), state, start_), nullptr) << "its caller decides";
}

TEST_F(CallTracerTest, OnlyTheServersFailuresAreErrors) {
  const auto span_of = [&](absl::Status status) {
    auto call = Begin();
    call->End(Answered(std::move(status)));
    call.reset();
    return Spans().at(0);
  };
  const Span refused = span_of(
      WithReason(absl::InvalidArgumentError("documents[3] \"secret text\" is"), "EMPTY_FIELD"));
  EXPECT_FALSE(refused.failed);
  EXPECT_EQ(AttributesOf(refused).at("rpc.grpc.status_code"), "3");
  EXPECT_EQ(AttributesOf(refused).at("error.type"), "INVALID_ARGUMENT");
  EXPECT_EQ(AttributesOf(refused).at("rerankd.error.reason"), "EMPTY_FIELD");
  for (const auto& [key, value] : AttributesOf(refused)) {
    EXPECT_EQ(value.find("secret"), std::string::npos) << key;
  }
  EXPECT_FALSE(span_of(absl::CancelledError("gone")).failed);
  EXPECT_TRUE(span_of(absl::InternalError("nan")).failed);
  EXPECT_TRUE(span_of(absl::UnavailableError("draining")).failed);
  EXPECT_TRUE(span_of(absl::DeadlineExceededError("late")).failed);
}

TEST_F(CallTracerTest, ARequestToAProviderIsAClientsSpan) {
  auto call = Begin();
  CallTrace::ProviderRequest request{.method = "POST", .host = "api.example", .port = 443};
  request.begin = start_;
  request.end = start_ + milliseconds(2);
  request.http_status = 503;
  call->ProviderAsked(request);
  request.http_status = 0;
  request.error = "UNAVAILABLE";
  request.earlier = 1;
  call->ProviderAsked(request);
  request.http_status = 200;
  request.earlier = 2;
  call->ProviderAsked(request);
  call->End(Answered());
  call.reset();
  const std::vector<Span> spans = Spans();
  ASSERT_EQ(spans.size(), 4);
  EXPECT_THAT(
      AttributesOf(spans[0]),
      UnorderedElementsAre(Pair("http.request.method", "POST"),
                           Pair("server.address", "api.example"), Pair("server.port", "443"),
                           Pair("http.response.status_code", "503"), Pair("error.type", "503")));
  EXPECT_TRUE(spans[0].failed);
  EXPECT_EQ(spans[0].name, "POST");
  EXPECT_EQ(spans[0].kind, Span::Kind::kClient);
  EXPECT_EQ(AttributesOf(spans[1]).at("error.type"), "UNAVAILABLE");
  EXPECT_EQ(AttributesOf(spans[1]).at("http.request.resend_count"), "1");
  EXPECT_EQ(AttributesOf(spans[1]).count("http.response.status_code"), 0);
  EXPECT_FALSE(spans[2].failed);
  EXPECT_EQ(AttributesOf(spans[2]).count("error.type"), 0);
  EXPECT_EQ(AttributesOf(spans[2]).at("http.request.resend_count"), "2");
}

TEST_F(CallTracerTest, OfACallInThousandPartsOnlyTheFirstAreKept) {
  auto call = Begin();
  for (int i = 0; i < 1000; ++i) call->Worked(CallTrace::Stage::kQueue, start_, start_);
  call->End(Answered());
  call.reset();
  const std::vector<Span> spans = Spans();
  EXPECT_EQ(spans.size(), 128);
  EXPECT_EQ(spans.back().kind, Span::Kind::kServer) << "its own is there in any case";
  EXPECT_EQ(queue_->dropped(), 1001 - 128);
}

}  // namespace
}  // namespace rerankd
