// Which calls are traced, through real gRPC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "security/access_control.h"
#include "service/rpc.h"
#include "support/rerank_test_server.h"
#include "support/temp_dir.h"

namespace rerankd {
namespace {

using std::chrono::steady_clock;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kTraceparent = "00-" + kTrace + "-00f067aa0ba902b7-01";

class TracedCallsTest : public testing::Test {
 protected:
  using Metadata = std::vector<std::pair<std::string, std::string>>;

  void Start(double ratio, ServerSecurity security = {}) {
    server_ =
        std::make_unique<RerankTestServer>(RerankTestServer::FreePort(), security,
                                           std::make_shared<CallTracer>(Sampler(ratio), queue_));
  }
  grpc::Status Rerank(const Metadata& metadata) {
    grpc::ClientContext context;
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    rerank::v1::RerankResponse response;
    return rerank::v1::RerankService::NewStub(server_->Channel())
        ->Rerank(&context, MakeRequest("q", {"a"}), &response);
  }
  // Of all calls so far: a call's spans are there once gRPC has let go of it.
  std::vector<Span> Spans() {
    server_->DestroyServer();
    return queue_->Take(steady_clock::now() + std::chrono::hours(1));
  }

  const std::shared_ptr<SpanQueue> queue_ = std::make_shared<SpanQueue>(SpanQueue::Options());
  std::unique_ptr<RerankTestServer> server_;
};

TEST_F(TracedCallsTest, TheModelIsGivenTheTraceAndTheLogItsId) {
  Start(1);
  EXPECT_TRUE(
      Rerank({{"traceparent", kTraceparent}, {"tracestate", "a=1"}, {"tracestate", "b=2"}}).ok());
  EXPECT_NE(server_->mini().last_request()->trace, nullptr);
  EXPECT_EQ(ToHex(server_->logs().at(0).trace_id), kTrace);
  // The fake keeps the request, and with it the trace.
  EXPECT_TRUE(Rerank({{"traceparent", "00-" + kTrace + "-00f067aa0ba902b7-00"}}).ok());
  EXPECT_EQ(server_->mini().last_request()->trace, nullptr);
  EXPECT_EQ(ToHex(server_->logs().at(1).trace_id), kTrace) << "its caller's log has it, too";
  const std::vector<Span> spans = Spans();
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].trace_state, "a=1,b=2");
  EXPECT_EQ(ToHex(spans[0].trace_id), kTrace);
}

TEST_F(TracedCallsTest, TwoTracesAreNone) {
  Start(0);
  EXPECT_TRUE(Rerank({{"traceparent", kTraceparent}, {"traceparent", kTraceparent}}).ok());
  EXPECT_EQ(server_->logs().at(0).trace_id, TraceId{});
  EXPECT_THAT(Spans(), IsEmpty());
}

TEST_F(TracedCallsTest, ATracestateThatIsMalformedIsLeftOut) {
  Start(0);
  EXPECT_TRUE(Rerank({{"traceparent", kTraceparent}, {"tracestate", "no members"}}).ok());
  server_->mini().Behave([](const RerankRequest&, Reranker::Done done) {
    std::move(done)(absl::InternalError("no"));
  });
  EXPECT_FALSE(Rerank({}).ok()) << "and is forgotten";
  const std::vector<Span> spans = Spans();
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].trace_state, "");
}

TEST_F(TracedCallsTest, WhoMayNotCallFillsNoCollector) {
  const TempDir folder;
  const auto file =
      folder.Write("keys", FormatApiKey({.tenant = "t", .hash = HashOf("key")}) + "\n");
  auto access = AccessControl::Open(file, nullptr, steady_clock::now());
  ASSERT_TRUE(access.ok()) << access.status();
  Start(1, {.access = *std::move(access)});
  EXPECT_EQ(Rerank({{"traceparent", kTraceparent}}).error_code(),
            grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_THAT(Spans(), IsEmpty());
}

}  // namespace
}  // namespace rerankd
