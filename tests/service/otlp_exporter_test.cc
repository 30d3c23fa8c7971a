// The exporter against a real collector.
#include "service/otlp_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "support/otlp_collector.h"
#include "support/test_certificates.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using Code = absl::StatusCode;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ExportRetryDelayTest, WhatMayPassIsTriedAgainLaterAndLater) {
  const absl::Status failure = absl::UnavailableError("down");
  EXPECT_EQ(ExportRetryDelay(failure, 1, 0), milliseconds(500));
  EXPECT_EQ(ExportRetryDelay(failure, 1, 0.5), milliseconds(750));
  EXPECT_EQ(ExportRetryDelay(failure, 4, 0), milliseconds(4000));
  EXPECT_EQ(ExportRetryDelay(failure, 5, 0), std::nullopt);
}

TEST(ExportRetryDelayTest, WhatWillNotIsDroppedAtOnce) {
  for (const Code code : {Code::kInvalidArgument, Code::kUnimplemented, Code::kUnauthenticated,
                          Code::kPermissionDenied, Code::kResourceExhausted, Code::kInternal}) {
    EXPECT_EQ(ExportRetryDelay(absl::Status(code, "no"), 1, 0), std::nullopt);
  }
}

class OtlpExporterTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("no_proxy", "*", 1); }

  OtlpExporter::Options Options() {
    OtlpExporter::Options options;
    options.target = "dns:///" + collector_.address();
    options.resource = {
        .service_name = "ranker", .service_version = "1.2", .instance_id = "instance"};
    options.on_change = [this](const absl::Status& status) {
      const MutexLock lock(mutex_);
      changes_.push_back(status.code());
      changed_.NotifyAll();
    };
    return options;
  }
  std::vector<Code> WaitForChanges(size_t count) {
    const auto most = steady_clock::now() + seconds(60);
    const MutexLock lock(mutex_);
    while (changes_.size() < count && steady_clock::now() < most) changed_.WaitUntil(mutex_, most);
    return changes_;
  }
  std::vector<Code> changes() {
    const MutexLock lock(mutex_);
    return changes_;
  }
  void Add(int spans) {
    std::vector<Span> added;
    for (int i = 0; i < spans; ++i) {
      Span& span = added.emplace_back();
      span.name = "n" + std::to_string(next_++);
      span.trace_id.fill(1);
      span.id.fill(2);
    }
    queue_->Add(std::move(added), steady_clock::now());
  }

  OtlpCollector collector_;
  const std::shared_ptr<SpanQueue> queue_ = std::make_shared<SpanQueue>(
      SpanQueue::Options{.max_spans = 10, .batch_spans = 4, .max_delay = milliseconds(1)});
  Mutex mutex_;
  CondVar changed_;
  std::vector<Code> changes_ RERANKD_GUARDED_BY(mutex_);
  int next_ = 0;
};

TEST_F(OtlpExporterTest, SpansArriveAsTheyAre) {
  OtlpExporter exporter(Options(), queue_);
  Span span;
  span.trace_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  span.id = {1, 1, 1, 1, 1, 1, 1, 1};
  span.parent = {2, 2, 2, 2, 2, 2, 2, 2};
  span.parent_remote = true;
  span.trace_state = "a=1";
  span.name = "work";
  span.kind = Span::Kind::kServer;
  span.begin_ns = 1'700'000'000'000'000'000;
  span.end_ns = 1'700'000'000'000'000'001;
  span.attributes = {{"text", "t"}, {"number", int64_t{-7}}};
  span.failed = true;
  Span child = span;
  child.parent_remote = false;
  child.kind = Span::Kind::kClient;
  child.failed = false;
  child.parent = SpanId{};
  queue_->Add({span, child}, steady_clock::now());
  exporter.Close(seconds(60));
  const std::vector<OtlpCollector::Request> requests = collector_.requests();
  ASSERT_EQ(requests.size(), 1);
  ASSERT_EQ(requests[0].resource_spans_size(), 1);
  std::vector<std::string> resource;
  for (const auto& attribute : requests[0].resource_spans(0).resource().attributes()) {
    resource.push_back(attribute.key() + "=" + attribute.value().string_value());
  }
  EXPECT_THAT(resource, ElementsAre("service.name=ranker", "service.version=1.2",
                                    "service.instance.id=instance"));
  EXPECT_EQ(requests[0].resource_spans(0).scope_spans(0).scope().name(), "rerankd");
  const auto spans = collector_.spans();
  ASSERT_EQ(spans.size(), 2);
  EXPECT_EQ(spans[0].trace_id(), "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20");
  EXPECT_EQ(spans[0].span_id(), std::string(8, 1));
  EXPECT_EQ(spans[0].parent_span_id(), std::string(8, 2));
  EXPECT_EQ(spans[0].trace_state(), "a=1");
  EXPECT_EQ(spans[0].flags(), 0x301) << "sampled, and the parent is known to be remote";
  EXPECT_EQ(spans[0].name(), "work");
  EXPECT_EQ(spans[0].kind(), OtlpCollector::OtlpSpan::SPAN_KIND_SERVER);
  EXPECT_EQ(spans[0].start_time_unix_nano(), 1'700'000'000'000'000'000);
  EXPECT_EQ(spans[0].end_time_unix_nano(), 1'700'000'000'000'000'001);
  EXPECT_EQ(AttributeOf(spans[0], "text"), "t");
  EXPECT_EQ(AttributeOf(spans[0], "number"), "-7");
  EXPECT_EQ(spans[0].status().code(), opentelemetry::proto::trace::v1::Status::STATUS_CODE_ERROR);
  EXPECT_EQ(spans[1].parent_span_id(), "");
  EXPECT_EQ(spans[1].flags(), 0x101);
  EXPECT_EQ(spans[1].kind(), OtlpCollector::OtlpSpan::SPAN_KIND_CLIENT);
  EXPECT_FALSE(spans[1].has_status());
  EXPECT_THAT(changes(), IsEmpty());
}

TEST_F(OtlpExporterTest, OverTlsTheCollectorIsOneThatIsTrusted) {
  const TestAuthority authority;
  const PemPair pair = authority.Issue({});
  grpc::SslServerCredentialsOptions tls;
  tls.pem_key_cert_pairs = {{pair.key, pair.certificate}};
  OtlpCollector collector(grpc::SslServerCredentials(tls));
  OtlpExporter::Options options = Options();
  options.target = "dns:///" + collector.address();
  options.tls = true;
  options.root_certificates = TestAuthority("another").certificate();
  {
    OtlpExporter mistrusting(options, queue_);
    Add(1);
    EXPECT_THAT(WaitForChanges(1), ElementsAre(Code::kUnavailable));
    mistrusting.Close(seconds(60));
  }
  EXPECT_THAT(collector.spans(), IsEmpty());
  options.root_certificates = authority.certificate();
  const auto queue = std::make_shared<SpanQueue>(SpanQueue::Options());
  OtlpExporter exporter(options, queue);
  queue->Add({Span{.name = "n"}}, steady_clock::now());
  exporter.Close(seconds(60));
  EXPECT_EQ(collector.spans().size(), 1);
  EXPECT_EQ(queue->dropped(), 0);
}

TEST_F(OtlpExporterTest, CloseSendsWhatIsLeftInBatches) {
  Add(10);
  OtlpExporter exporter(Options(), queue_);
  exporter.Close(seconds(60));
  exporter.Close(seconds(60));
  EXPECT_EQ(collector_.spans().size(), 10);
  EXPECT_GE(collector_.requests().size(), 3) << "of at most four each";
  EXPECT_EQ(queue_->dropped(), 0);
}

TEST_F(OtlpExporterTest, AFailureThatPassesLosesNothingAndIsToldOnce) {
  collector_.Answer({grpc::StatusCode::UNAVAILABLE, "not yet"});
  OtlpExporter exporter(Options(), queue_);
  Add(1);
  ASSERT_TRUE(collector_.WaitForRequests(2)) << "it is sent again";
  EXPECT_THAT(changes(), ElementsAre(Code::kUnavailable));
  collector_.Answer(grpc::Status::OK);
  EXPECT_THAT(WaitForChanges(2), ElementsAre(Code::kUnavailable, Code::kOk));
  Add(1);
  exporter.Close(seconds(60));
  EXPECT_EQ(collector_.spans().size(), 2);
  EXPECT_EQ(queue_->dropped(), 0);
  EXPECT_EQ(changes().size(), 2);
}

TEST_F(OtlpExporterTest, WhatTheCollectorRefusesIsDroppedAndCounted) {
  collector_.Answer({grpc::StatusCode::INVALID_ARGUMENT, "no"});
  {
    OtlpExporter exporter(Options(), queue_);
    Add(3);
    ASSERT_TRUE(collector_.WaitForRequests(1));
    Add(2);
    ASSERT_TRUE(collector_.WaitForRequests(2));
  }
  EXPECT_EQ(queue_->dropped(), 5);
  EXPECT_THAT(changes(), ElementsAre(Code::kInvalidArgument));
}

TEST_F(OtlpExporterTest, WhatTheCollectorTakesInPartIsCounted) {
  collector_.Answer(grpc::Status::OK, /*rejected=*/2);
  OtlpExporter exporter(Options(), queue_);
  Add(3);
  exporter.Close(seconds(60));
  EXPECT_EQ(queue_->dropped(), 2);
}

TEST_F(OtlpExporterTest, ACollectorThatIsNotThereCostsTheSpansAndNothingElse) {
  OtlpExporter::Options options = Options();
  options.target = "dns:///127.0.0.1:1";
  OtlpExporter exporter(std::move(options), queue_);
  for (int i = 0; i < 100; ++i) Add(4);
  EXPECT_THAT(WaitForChanges(1), ElementsAre(Code::kUnavailable));
  exporter.Close(seconds(60));  // does not wait for second tries
  EXPECT_EQ(queue_->dropped(), 400);
  EXPECT_THAT(changes(), ElementsAre(Code::kUnavailable));
}

TEST_F(OtlpExporterTest, ACollectorThatIsSilentDoesNotHoldUpTheEnd) {
  collector_.KeepSilent();
  OtlpExporter::Options options = Options();
  options.timeout = std::chrono::hours(1);
  OtlpExporter exporter(std::move(options), queue_);
  Add(10);
  ASSERT_TRUE(collector_.WaitForRequests(1));
  exporter.Close(milliseconds(1));
  EXPECT_EQ(queue_->dropped(), 10);
  EXPECT_THAT(changes(), IsEmpty()) << "what was broken off says nothing of the collector";
}

}  // namespace
}  // namespace rerankd
