#include "server/recorders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <string>
#include <utility>

#include "core/errors.h"
#include "support/metrics_text.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

class RecordersTest : public testing::Test {
 protected:
  MetricsText Text() const {
    return MetricsText(prometheus::TextSerializer().Serialize(metrics_.registry()->Collect()));
  }

  static RequestLog Call(const std::string& model, absl::Status status = absl::OkStatus()) {
    RequestLog call;
    call.id = "of-the-caller";
    call.peer = "ipv4:192.0.2.9:1";
    call.method = "Rerank";
    call.model = model;
    call.documents = 4;
    call.usage.total_tokens = 92;
    call.timings = {
        .tokenize = milliseconds(1), .queue = milliseconds(30), .compute = milliseconds(300)};
    call.total = milliseconds(400);
    call.status = std::move(status);
    return call;
  }

  Metrics metrics_{{{"mini"}, {"other"}, {"hosted", true}}, "1"};
};

TEST_F(RecordersTest, AnAnsweredCall) {
  RecordCall(Call("mini"), metrics_);
  const MetricsText text = Text();
  const MetricsText::Labels model = {{"model", "mini"}};
  const auto bucket = [](const char* le) {
    return MetricsText::Labels{{"model", "mini"}, {"le", le}};
  };
  EXPECT_EQ(
      text.Value("rerankd_calls_total", {{"model", "mini"}, {"method", "Rerank"}, {"code", "OK"}}),
      1);
  EXPECT_DOUBLE_EQ(
      text.Value("rerankd_call_duration_seconds_sum", {{"model", "mini"}, {"method", "Rerank"}}),
      0.4);
  EXPECT_EQ(text.Value("rerankd_call_documents_sum", model), 4);
  EXPECT_EQ(text.Value("rerankd_tokens_total", model), 92);
  EXPECT_EQ(text.Value("rerankd_tokenize_seconds_bucket", bucket("0.001")), 1);
  EXPECT_EQ(text.Value("rerankd_queue_seconds_bucket", bucket("0.02")), 0);
  EXPECT_EQ(text.Value("rerankd_queue_seconds_bucket", bucket("0.05")), 1);
  EXPECT_DOUBLE_EQ(text.Value("rerankd_compute_seconds_sum", model), 0.3);
}

TEST_F(RecordersTest, AFailedCallLeavesNoTimesOfAnAnswer) {
  RecordCall(Call("mini", absl::InternalError("x")), metrics_);
  const MetricsText text = Text();
  EXPECT_EQ(text.Value("rerankd_calls_total",
                       {{"model", "mini"}, {"method", "Rerank"}, {"code", "INTERNAL"}}),
            1);
  EXPECT_EQ(text.Value("rerankd_tokens_total", {{"model", "mini"}}), 0);
  EXPECT_EQ(text.Value("rerankd_compute_seconds_count", {{"model", "mini"}}), 0);
}

TEST_F(RecordersTest, ACallToAnUnknownModelMakesNoSeriesOfIt) {
  RecordCall(Call("", absl::NotFoundError("no model \"t3xt of a stranger\"")), metrics_);
  RecordCall(Call("t3xt of a stranger"), metrics_);
  const MetricsText text = Text();
  EXPECT_EQ(text.Value("rerankd_calls_total",
                       {{"model", ""}, {"method", "Rerank"}, {"code", "NOT_FOUND"}}),
            1);
  for (const std::string& value : text.LabelValues()) {
    EXPECT_THAT(value, Not(HasSubstr("t3xt")));
    EXPECT_THAT(value, Not(HasSubstr("of-the-caller")));
    EXPECT_THAT(value, Not(HasSubstr("192.0.2.9")));
  }
}

TEST_F(RecordersTest, WhatIsShedIsCountedByReason) {
  const std::pair<absl::Status, const char*> cases[] = {
      {WithReason(RetryLater("full", milliseconds(1)), "QUEUE_FULL"), "queue_full"},
      {WithReason(RetryLater("long", milliseconds(1)), "QUEUE_TOO_LONG"), "deadline"},
      {WithReason(RetryLater("many", milliseconds(1)), "TOO_MANY_CALLS"), "too_many_calls"},
      {WithReason(absl::UnavailableError("bye"), "DRAINING"), "draining"}};
  for (const auto& [status, reason] : cases) {
    RecordCall(Call("mini", status), metrics_);
    RecordCall(Call("", status), metrics_);
    EXPECT_EQ(Text().Value("rerankd_shed_calls_total", {{"model", "mini"}, {"reason", reason}}), 1);
    EXPECT_EQ(Text().Value("rerankd_shed_calls_total", {{"model", ""}, {"reason", reason}}), 1);
  }
}

TEST_F(RecordersTest, WhatAProviderRefusesWasNotShedHere) {
  RecordCall(Call("hosted", WithErrorInfo(absl::ResourceExhaustedError("x"),
                                          {.reason = "QUEUE_FULL", .domain = "rerank.providers"})),
             metrics_);
  RecordCall(Call("hosted", absl::ResourceExhaustedError("out of memory")), metrics_);
  EXPECT_EQ(
      Text().Value("rerankd_shed_calls_total", {{"model", "hosted"}, {"reason", "queue_full"}}), 0);
}

TEST_F(RecordersTest, AStandInsAnswerCountsForTheOneAskedAndItsWorkForItself) {
  RequestLog call = Call("mini");
  call.asked_model = "hosted";
  RecordCall(call, metrics_);
  const MetricsText text = Text();
  EXPECT_EQ(text.Value("rerankd_calls_total",
                       {{"model", "hosted"}, {"method", "Rerank"}, {"code", "OK"}}),
            1);
  EXPECT_EQ(text.Value("rerankd_fallback_answers_total", {{"model", "hosted"}, {"by", "mini"}}), 1);
  EXPECT_EQ(text.Value("rerankd_tokens_total", {{"model", "mini"}}), 92);
  EXPECT_EQ(text.Value("rerankd_tokens_total", {{"model", "hosted"}}), 0);
}

TEST_F(RecordersTest, CallsOfATenantAreCountedWhateverTheirModelAndEnd) {
  const auto record = [&](absl::Status status, const std::string& model = "mini") {
    RequestLog call = Call(model, std::move(status));
    call.tenant = "search";
    RecordCall(call, metrics_);
  };
  record(absl::OkStatus());
  record(absl::OkStatus(), "other");
  record(WithReason(RetryLater("used up", milliseconds(1)), "QUOTA_EXCEEDED"));
  record(WithReason(RetryLater("full", milliseconds(1)), "QUEUE_FULL"));
  record(WithErrorInfo(absl::ResourceExhaustedError("the provider's"),
                       {.reason = "QUOTA_EXCEEDED", .domain = "rerank.providers"}));
  RecordCall(Call("mini"), metrics_);  // without a key
  const MetricsText text = Text();
  const MetricsText::Labels search = {{"tenant", "search"}};
  EXPECT_EQ(text.Value("rerankd_tenant_calls_total", search), 5);
  EXPECT_EQ(text.Value("rerankd_tenant_quota_refusals_total", search), 1);
  EXPECT_EQ(text.Value("rerankd_tenant_tokens_total", search), 184);
  EXPECT_FALSE(text.Has("rerankd_tenant_calls_total", {{"tenant", ""}}));
}

TEST_F(RecordersTest, AnEngineThatIsReplacedLeavesItsCountsAndTakesItsGauges) {
  const MetricsText::Labels mini = {{"model", "mini"}};
  auto old = RecorderOfEngine(&metrics_, "mini", 100);
  old->SessionsChanged(2);
  old->QueueChanged(5);
  old->BatchFinished({.sequences = 3, .tokens = 50, .compute = milliseconds(2)});
  auto fresh = RecorderOfEngine(&metrics_, "mini", 100);
  fresh->SessionsChanged(1);
  fresh->BatchFinished({.sequences = 1, .tokens = 100, .compute = milliseconds(2)});
  EXPECT_EQ(Text().Value("rerankd_sessions", mini), 3) << "while the old one answers";
  old->QueueChanged(-5);
  old->SessionsChanged(-2);
  old.reset();
  const MetricsText text = Text();
  EXPECT_EQ(text.Value("rerankd_sessions", mini), 1);
  EXPECT_EQ(text.Value("rerankd_queue_documents", mini), 0);
  EXPECT_EQ(text.Value("rerankd_batch_tokens_sum", mini), 150);
  EXPECT_EQ(text.Value("rerankd_batch_sequences_count", mini), 2);
  EXPECT_DOUBLE_EQ(text.Value("rerankd_batch_fill_ratio_sum", mini), 1.5);
}

TEST_F(RecordersTest, TheNewestLoadOfAHostedModelSaysHowItsBreakerIs) {
  using State = CircuitBreaker::State;
  const auto state = [&](const char* name) {
    return Text().Value("rerankd_provider_breaker_state", {{"model", "hosted"}, {"state", name}});
  };
  const auto old = RecorderOfProvider(&metrics_, "hosted");
  EXPECT_EQ(state("closed"), 1);
  old->BreakerChanged(State::kOpen);
  old->BreakerChanged(State::kOpen);
  EXPECT_EQ(state("open"), 1);
  EXPECT_EQ(state("closed"), 0);
  const auto fresh = RecorderOfProvider(&metrics_, "hosted");
  EXPECT_EQ(state("closed"), 1);
  old->BreakerChanged(State::kHalfOpen);
  old->BreakerChanged(State::kOpen);
  EXPECT_EQ(state("closed"), 1);
  EXPECT_EQ(state("open"), 0);
  EXPECT_EQ(Text().Value("rerankd_provider_breaker_openings_total", {{"model", "hosted"}}), 2);
}

TEST_F(RecordersTest, NobodyCountsWithoutMetricsNorForAModelThatIsNotThere) {
  EXPECT_EQ(RecorderOfEngine(nullptr, "mini", 1), nullptr);
  EXPECT_EQ(RecorderOfProvider(nullptr, "hosted"), nullptr);
  EXPECT_EQ(RecorderOfEngine(&metrics_, "hosted", 1), nullptr);
  RecordLoad(nullptr, "mini", true, milliseconds(1));
  RecordLoad(&metrics_, "nobody", true, milliseconds(1));
}

TEST_F(RecordersTest, LoadsAreCountedByHowTheyEnded) {
  RecordLoad(&metrics_, "mini", true, milliseconds(1500));
  RecordLoad(&metrics_, "mini", false, milliseconds(1));
  const MetricsText text = Text();
  EXPECT_EQ(text.Value("rerankd_model_loads_total", {{"model", "mini"}, {"result", "ok"}}), 1);
  EXPECT_EQ(text.Value("rerankd_model_loads_total", {{"model", "mini"}, {"result", "failed"}}), 1);
  EXPECT_DOUBLE_EQ(text.Value("rerankd_model_load_seconds", {{"model", "mini"}}), 1.5);
}

}  // namespace
}  // namespace rerankd
