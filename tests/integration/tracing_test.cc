// Traces of the real program, as a real collector gets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "http/curl_http_client.h"
#include "integration/fixtures.h"
#include "support/fake_providers.h"
#include "support/metrics_text.h"
#include "support/otlp_collector.h"
#include "support/temp_dir.h"
#include "support/test_certificates.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Spans = std::vector<OtlpCollector::OtlpSpan>;

const std::string kTraceHex = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kTrace = "\x4b\xf9\x2f\x35\x77\xb3\x4d\xa6\xa3\xce\x92\x9d\x0e\x0e\x47\x36";
const std::string kParent = "\x11\xf0\x67\xaa\x0b\xa9\x02\xb7";

std::string Traceparent(bool sampled, const std::string& trace = kTraceHex) {
  return "00-" + trace + "-11f067aa0ba902b7-" + (sampled ? "01" : "00");
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

class TracingTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("no_proxy", "*", 1); }

  void Start(const std::string& models, const std::vector<std::string>& arguments,
             const std::vector<std::string>& environment = {}) {
    std::vector<std::string> all = {"--config",
                                    folder_.Write("rerankd.yaml", "models:\n" + models).string()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    server_.emplace(all, environment);
    channel_ = Dial(server_->Address());
  }
  static std::string Local() {
    return "  - {name: local, path: " + TestModel("tiny-cross-encoder") + "}\n";
  }

  grpc::Status Ask(const std::string& traceparent, const std::string& model = "local",
                   const std::string& query = "s3ntinel-query") const {
    grpc::ClientContext context;
    if (!traceparent.empty()) context.AddMetadata("traceparent", traceparent);
    context.AddMetadata("tracestate", "congo=t61rcWkgMzE");
    rerank::v1::RerankRequest request = MakeRequest(query, {"s3ntinel-one", "s3ntinel-two"});
    request.set_model(model);
    rerank::v1::RerankResponse response;
    return rerank::v1::RerankService::NewStub(channel_)->Rerank(&context, request, &response);
  }

  // Ends the server, which sends what it still has; so nothing has to be waited for.
  void Stop() {
    server_->Signal(SIGTERM);
    EXPECT_EQ(server_->Wait(), 0);
  }

  TempDir folder_;
  OtlpCollector collector_;
  std::optional<ServerProcess> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// The server's own span among those of a call; checks that the others are within it.
OtlpCollector::OtlpSpan OwnSpanOf(const Spans& spans) {
  OtlpCollector::OtlpSpan own;
  for (const auto& span : spans) {
    if (span.kind() == OtlpCollector::OtlpSpan::SPAN_KIND_SERVER) own = span;
  }
  std::set<std::string> ids;
  for (const auto& span : spans) {
    EXPECT_TRUE(ids.insert(span.span_id()).second) << "each has an id of its own";
    EXPECT_EQ(span.span_id().size(), 8);
    EXPECT_LE(span.start_time_unix_nano(), span.end_time_unix_nano()) << span.name();
    if (span.span_id() == own.span_id()) continue;
    EXPECT_EQ(span.parent_span_id(), own.span_id()) << span.name();
    EXPECT_GE(span.start_time_unix_nano(), own.start_time_unix_nano()) << span.name();
    EXPECT_LE(span.end_time_unix_nano(), own.end_time_unix_nano()) << span.name();
  }
  return own;
}

std::map<std::string, OtlpCollector::OtlpSpan> ByName(const Spans& spans) {
  std::map<std::string, OtlpCollector::OtlpSpan> named;
  for (const auto& span : spans) named[span.name()] = span;
  return named;
}

TEST_F(TracingTest, ACallArrivesInItsCallersTrace) {
  Start(Local(), {"--tracing-endpoint", collector_.address(), "--tracing-service-name", "ranker"});
  const auto before = std::chrono::system_clock::now().time_since_epoch();
  EXPECT_TRUE(Ask(Traceparent(true)).ok());
  const auto after = std::chrono::system_clock::now().time_since_epoch();
  Stop();
  const Spans spans = collector_.SpansOf(kTrace);
  ASSERT_THAT(spans, SizeIs(4));
  const auto own = OwnSpanOf(spans);
  EXPECT_EQ(own.name(), "rerank.v1.RerankService/Rerank");
  EXPECT_EQ(own.parent_span_id(), kParent);
  EXPECT_EQ(own.trace_state(), "congo=t61rcWkgMzE");
  EXPECT_GE(own.start_time_unix_nano(), std::chrono::nanoseconds(before).count());
  EXPECT_LE(own.end_time_unix_nano(), std::chrono::nanoseconds(after).count());
  EXPECT_EQ(AttributeOf(own, "rpc.system"), "grpc");
  EXPECT_EQ(AttributeOf(own, "rpc.method"), "Rerank");
  EXPECT_EQ(AttributeOf(own, "rpc.grpc.status_code"), "0");
  EXPECT_EQ(AttributeOf(own, "rerankd.model"), "local");
  EXPECT_EQ(AttributeOf(own, "rerankd.documents"), "2");
  EXPECT_GT(std::stoi(AttributeOf(own, "rerankd.tokens")), 6);
  auto named = ByName(spans);
  EXPECT_EQ(named["tokenize"].end_time_unix_nano(), named["queue"].start_time_unix_nano());
  EXPECT_EQ(named["queue"].end_time_unix_nano(), named["compute"].start_time_unix_nano());
  EXPECT_GT(named["compute"].end_time_unix_nano(), named["compute"].start_time_unix_nano());
  std::string all;
  for (const auto& request : collector_.requests()) all += request.DebugString();
  EXPECT_THAT(all, HasSubstr("\"ranker\""));
  EXPECT_THAT(all, Not(HasSubstr("s3ntinel")));
  EXPECT_THAT(server_->out(), HasSubstr("trace_id=" + kTraceHex));
}

TEST_F(TracingTest, WhatIsNotSampledDoesNotArrive) {
  Start(Local(),
        {"--tracing-endpoint", "http://" + collector_.address(), "--tracing-sample-ratio", "0"});
  const std::string other = "aaf92f3577b34da6a3ce929d0e0e4736";
  EXPECT_TRUE(Ask(Traceparent(false)).ok());
  EXPECT_TRUE(Ask("").ok());
  EXPECT_TRUE(Ask("00-malformed-01").ok());
  EXPECT_TRUE(Ask(Traceparent(true, other)).ok());
  Stop();
  EXPECT_THAT(collector_.spans(), SizeIs(4));
  EXPECT_THAT(collector_.SpansOf(kTrace), IsEmpty());
  EXPECT_THAT(server_->out(), HasSubstr("trace_id=" + kTraceHex)) << "the log has it all the same";
}

TEST_F(TracingTest, WithoutATraceOrWithAMalformedOneACallBeginsOne) {
  Start(Local(), {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + collector_.address(),
         "OTEL_SERVICE_NAME=of-the-environment"});
  EXPECT_TRUE(Ask("").ok());
  EXPECT_TRUE(Ask("00-" + std::string(32, '0') + "-11f067aa0ba902b7-01").ok());
  EXPECT_EQ(Ask("", "nobody").error_code(), grpc::StatusCode::NOT_FOUND);
  Stop();
  std::set<std::string> traces;
  for (const auto& span : collector_.spans()) {
    if (span.kind() != OtlpCollector::OtlpSpan::SPAN_KIND_SERVER) continue;
    EXPECT_EQ(span.parent_span_id(), "");
    EXPECT_EQ(span.trace_state(), "") << "it is of a trace that does not go on";
    EXPECT_TRUE(traces.insert(span.trace_id()).second);
    EXPECT_EQ(span.trace_id().size(), 16);
  }
  EXPECT_THAT(traces, SizeIs(3));
  EXPECT_EQ(Count(server_->out(), "trace_id="), 3);
  EXPECT_THAT(collector_.requests().at(0).DebugString(), HasSubstr("of-the-environment"));
}

TEST_F(TracingTest, EachRequestToAProviderIsASpan) {
  const FakeProviders fake;
  Start("  - {name: hosted, kind: voyage, model: rerank-2.5, base_url: " + fake.Url("http") +
            "/voyage, retry_delay: 1ms, retry_budget: 0}\n",
        {"--tracing-endpoint", collector_.address()}, {"VOYAGE_API_KEY=s3ntinel-key"});
  EXPECT_TRUE(Ask(Traceparent(true), "hosted", "fault:burst:503:1").ok());
  EXPECT_THAT(fake.Requests().dump(), Not(HasSubstr("traceparent"))) << "it is a third party's";
  Stop();
  const Spans spans = collector_.SpansOf(kTrace);
  ASSERT_THAT(spans, SizeIs(3));
  const auto own = OwnSpanOf(spans);
  EXPECT_EQ(AttributeOf(own, "rerankd.model"), "hosted");
  std::map<std::string, std::string> resends;  // by HTTP status
  for (const auto& span : spans) {
    if (span.span_id() == own.span_id()) continue;
    EXPECT_EQ(span.kind(), OtlpCollector::OtlpSpan::SPAN_KIND_CLIENT);
    EXPECT_EQ(AttributeOf(span, "http.request.method"), "POST");
    EXPECT_EQ(AttributeOf(span, "server.address"), "localhost");
    EXPECT_THAT(fake.Url("http"), testing::EndsWith(":" + AttributeOf(span, "server.port")));
    const std::string status = AttributeOf(span, "http.response.status_code");
    resends[status] = AttributeOf(span, "http.request.resend_count");
    EXPECT_EQ(AttributeOf(span, "error.type"), status == "503" ? "503" : "");
  }
  EXPECT_EQ(resends, (std::map<std::string, std::string>{{"503", ""}, {"200", "1"}}));
  for (const auto& request : collector_.requests()) {
    EXPECT_THAT(request.DebugString(), Not(HasSubstr("s3ntinel")));
  }
}

TEST_F(TracingTest, ATraceDoesNotWaitForTheEnd) {
  Start(Local(), {"--tracing-endpoint", collector_.address()});
  EXPECT_TRUE(Ask(Traceparent(true)).ok());
  EXPECT_TRUE(collector_.WaitForSpan([](const auto& span) { return span.trace_id() == kTrace; }));
}

TEST_F(TracingTest, ACollectorThatIsDeadOrRefusesDoesNoHarm) {
  {
    Start(Local(), {"--tracing-endpoint", "127.0.0.1:1"});
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(Ask(Traceparent(true)).ok());
    ASSERT_TRUE(server_->WaitForOutput("traces cannot be delivered"));
    EXPECT_TRUE(Ask(Traceparent(true)).ok());
    Stop();
    EXPECT_EQ(Count(server_->out(), "traces cannot be delivered"), 1);
  }
  collector_.Answer({grpc::StatusCode::PERMISSION_DENIED, "not for you"});
  Start(Local(), {"--tracing-endpoint", collector_.address(), "--metrics-listen", "127.0.0.1:0"});
  EXPECT_TRUE(Ask(Traceparent(true)).ok());
  ASSERT_TRUE(server_->WaitForOutput("traces cannot be delivered"));
  const std::string text = server_->out();
  const std::string at = "metrics: address=";
  const size_t begin = text.find(at) + at.size();
  CurlHttpClient client({.user_agent = "test"});
  const auto dropped = [&] {
    const auto page = client.Send(
        {.url = "http://" + text.substr(begin, text.find('\n', begin) - begin) + "/metrics"},
        nullptr, {});
    return page.ok() ? MetricsText(page->body).Value("rerankd_spans_dropped_total") : -1;
  };
  // Counted a moment after it is told.
  const auto most = steady_clock::now() + Process::kPatience;
  while (dropped() == 0 && steady_clock::now() < most) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_EQ(dropped(), 4);
  collector_.Answer(grpc::Status::OK);
  EXPECT_TRUE(Ask(Traceparent(true)).ok());
  EXPECT_TRUE(server_->WaitForOutput("traces are delivered again"));
  EXPECT_EQ(dropped(), 4);
}

// The collector's authority is named by SSL_CERT_FILE, as of all that the server connects to.
class TlsTracingTest : public TracingTest {
 protected:
  static std::shared_ptr<grpc::ServerCredentials> Credentials(const PemPair& pair) {
    grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({pair.key, pair.certificate});
    return grpc::SslServerCredentials(options);
  }
  void StartTrusting(const TestAuthority& authority) {
    Start(Local(),
          {"--tracing-endpoint", "https://localhost:" + std::to_string(tls_collector_.port())},
          {"SSL_CERT_FILE=" + folder_.Write("ca.pem", authority.certificate()).string()});
  }

  const TestAuthority authority_;
  OtlpCollector tls_collector_{Credentials(authority_.Issue({}))};
};

TEST_F(TlsTracingTest, ACollectorOfATrustedAuthorityGetsThemOverTls) {
  StartTrusting(authority_);
  EXPECT_TRUE(Ask(Traceparent(true)).ok());
  Stop();
  EXPECT_THAT(tls_collector_.SpansOf(kTrace), SizeIs(4));
  EXPECT_THAT(server_->out(), Not(HasSubstr("traces cannot be delivered")));
}

TEST_F(TlsTracingTest, OneOfAnotherAuthorityGetsNothing) {
  StartTrusting(TestAuthority("stranger"));
  EXPECT_TRUE(Ask(Traceparent(true)).ok());
  ASSERT_TRUE(server_->WaitForOutput("traces cannot be delivered"));
  EXPECT_TRUE(Ask(Traceparent(true)).ok());
  Stop();
  EXPECT_THAT(tls_collector_.requests(), IsEmpty());
}

TEST_F(TlsTracingTest, AnAuthorityThatCannotBeReadStopsTheStart) {
  ServerProcess server({"--model-path", TestModel("tiny-cross-encoder"), "--tracing-endpoint",
                        "https://localhost:1"},
                       {"SSL_CERT_FILE=/nonexistent/ca.pem"});
  EXPECT_EQ(server.Wait(), 1);
  EXPECT_THAT(server.err(), HasSubstr("tracing.endpoint: SSL_CERT_FILE: "));
  EXPECT_THAT(server.err(), HasSubstr("/nonexistent/ca.pem"));
}

TEST_F(TracingTest, WithoutTheSettingNothingIsTraced) {
  Start(Local(), {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + collector_.address(),
         "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"});
  EXPECT_TRUE(Ask(Traceparent(true)).ok());
  EXPECT_TRUE(Ask("").ok());
  Stop();
  EXPECT_THAT(collector_.requests(), IsEmpty()) << "that collector speaks another protocol";
  EXPECT_THAT(server_->out(), Not(HasSubstr("tracing")));
  EXPECT_EQ(Count(server_->out(), "trace_id="), 1) << "the caller's, for whoever looks it up";
}

}  // namespace
}  // namespace rerankd
