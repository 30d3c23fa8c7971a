// API keys and quotas through real gRPC, with models that do as the test says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "core/errors.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rerank/v1/model_admin.grpc.pb.h"
#include "security/access_control.h"
#include "service/quota_charge.h"
#include "service/rpc.h"
#include "support/rerank_test_server.h"
#include "support/temp_dir.h"

namespace rerankd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AccessTest : public testing::Test {
 protected:
  // Keys "free", "metered" (a burst of 100 tokens, and one more in 20 minutes) and "boss".
  AccessTest() {
    const auto line = [](const std::string& name, const std::string& more) {
      return FormatApiKey({.tenant = name + "-tenant", .hash = HashOf(name)}) + more + "\n";
    };
    const std::filesystem::path file =
        folder_.Write("keys", line("free", "") + line("metered", " tokens_per_second=1 burst=100") +
                                  line("boss", " admin"));
    auto access = AccessControl::Open(file, nullptr, std::chrono::steady_clock::now());
    EXPECT_TRUE(access.ok()) << access.status();
    ServiceOptions options = RerankTestServer::FreePort();
    options.admin = true;
    server_ =
        std::make_unique<RerankTestServer>(options, ServerSecurity{.access = *std::move(access)});
    channel_ = server_->Channel();
  }

  using Metadata = std::vector<std::pair<std::string, std::string>>;

  grpc::Status Rerank(const Metadata& metadata,
                      const rerank::v1::RerankRequest& request = MakeRequest("q", {"a"})) {
    grpc::ClientContext context;
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    rerank::v1::RerankResponse response;
    return rerank::v1::RerankService::NewStub(channel_)->Rerank(&context, request, &response);
  }

  // With the key "metered", and a document of so many bytes, each of which the fake counts as a
  // token, beside one for the query.
  grpc::Status RerankMetered(size_t bytes) {
    return Rerank({{"x-api-key", "metered"}}, MakeRequest("q", {std::string(bytes, 'x')}));
  }

  grpc::Status Unload(const std::string& key) {
    grpc::ClientContext context;
    context.AddMetadata("x-api-key", key);
    rerank::v1::UnloadModelRequest request;
    request.set_name("large");
    rerank::v1::UnloadModelResponse response;
    return rerank::v1::ModelAdminService::NewStub(channel_)->UnloadModel(&context, request,
                                                                         &response);
  }

  const TempDir folder_;
  std::unique_ptr<RerankTestServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(AccessTest, ARightKeyIsNeededAndWhyOneIsRefusedIsNotTold) {
  EXPECT_TRUE(Rerank({{"authorization", "Bearer free"}}).ok());
  EXPECT_TRUE(Rerank({{"authorization", "bearer free"}}).ok());
  EXPECT_TRUE(Rerank({{"x-api-key", "free"}}).ok());
  const grpc::Status missing = Rerank({});
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(missing), "API_KEY_REQUIRED");
  for (const Metadata& wrong :
       {Metadata{{"authorization", "Bearer hush"}}, Metadata{{"x-api-key", "hush"}},
        Metadata{{"x-api-key", ""}}, Metadata{{"authorization", "Basic free"}},
        Metadata{{"authorization", "free"}}, Metadata{{"x-api-key", "freefree"}},
        Metadata{{"x-api-key", "fre"}}, Metadata{{"x-api-key", "free "}}}) {
    const grpc::Status refused = Rerank(wrong);
    EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAUTHENTICATED) << wrong[0].second;
    EXPECT_EQ(refused.error_message(), missing.error_message());
    EXPECT_EQ(refused.error_details(), missing.error_details());
  }
  EXPECT_EQ(server_->mini().calls(), 3U) << "no model hears of a call without a key";
}

TEST_F(AccessTest, NothingIsReadForACallWithoutAKey) {
  const grpc::Status status = SendBytes(channel_, "/rerank.v1.RerankService/Rerank", "\xFF\xFF");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  for (const char* const method : {"ListModels", "GetModel"}) {
    EXPECT_EQ(
        SendBytes(channel_, std::string("/rerank.v1.RerankService/") + method, "").error_code(),
        grpc::StatusCode::UNAUTHENTICATED)
        << method;
  }
  for (const char* const method : {"LoadModel", "ReloadModel", "UnloadModel"}) {
    EXPECT_EQ(
        SendBytes(channel_, std::string("/rerank.v1.ModelAdminService/") + method, "").error_code(),
        grpc::StatusCode::UNAUTHENTICATED)
        << method;
  }
}

TEST_F(AccessTest, HealthIsOpen) {
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckResponse response;
  EXPECT_TRUE(grpc::health::v1::Health::NewStub(channel_)->Check(&context, {}, &response).ok());
}

TEST_F(AccessTest, OnlySomeKeysMayUnloadModels) {
  const grpc::Status refused = Unload("free");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(refused), "KEY_NOT_ADMIN");
  EXPECT_EQ(Unload("").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(Unload("boss").ok());
}

TEST_F(AccessTest, TheLogNamesTheTenantAndNoKey) {
  EXPECT_TRUE(Rerank({{"authorization", "Bearer free"}}).ok());
  EXPECT_FALSE(Rerank({{"authorization", "Bearer hush"}}).ok());
  const std::vector<RequestLog> logs = server_->logs();
  ASSERT_EQ(logs.size(), 2U);
  EXPECT_EQ(logs[0].tenant, "free-tenant");
  EXPECT_EQ(logs[1].tenant, "");
  EXPECT_THAT(std::string(logs[1].status.message()), Not(HasSubstr("hush")));
}

TEST_F(AccessTest, OverTheQuotaCallsAreRefusedAndToldWhenToComeBack) {
  EXPECT_TRUE(RerankMetered(98).ok());  // 99 of 100
  EXPECT_TRUE(RerankMetered(1000).ok()) << "something was left";
  const grpc::Status refused = RerankMetered(1);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "QUOTA_EXCEEDED");
  const auto retry = DetailOf<google::rpc::RetryInfo>(refused);
  ASSERT_TRUE(retry.has_value());
  EXPECT_GT(retry->retry_delay().seconds(), 900) << "1000 tokens too many, one a second";
  EXPECT_LE(retry->retry_delay().seconds(), 1001);
  EXPECT_TRUE(Rerank({{"x-api-key", "free"}}).ok()) << "others are not held up";
  EXPECT_EQ(server_->mini().calls(), 3U);
}

TEST_F(AccessTest, WhatAModelRefusedCostsNothing) {
  server_->mini().FailWith(RetryLater("queue full", std::chrono::milliseconds(1)));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(RerankMetered(100'000).ok());
  server_->mini().FailWith(absl::OkStatus());
  EXPECT_EQ(server_->mini().calls(), 3U);
  EXPECT_TRUE(RerankMetered(1).ok());
}

TEST_F(AccessTest, RunningCallsCountByTheirEstimate) {
  server_->mini().HoldBack();
  const auto run = [&](const std::string& text) {
    return std::make_unique<std::future<grpc::Status>>(
        std::async(std::launch::async, [this, text] { return RerankMetered(text.size()); }));
  };
  const auto first = run(std::string(1000, 'x'));  // about 250 tokens, more than there are
  ASSERT_TRUE(server_->mini().WaitForHeld(1));
  EXPECT_EQ(ReasonOf(RerankMetered(1)), "QUOTA_EXCEEDED");
  server_->mini().Release();
  EXPECT_TRUE(first->get().ok());
}

TEST_F(AccessTest, WhoGivesUpPaysTheEstimate) {
  server_->mini().Behave([](const RerankRequest&, Reranker::Done done) {
    std::move(done)(absl::CancelledError("the caller went away"));
  });
  EXPECT_FALSE(RerankMetered(1000).ok());
  server_->mini().Behave(nullptr);
  EXPECT_EQ(ReasonOf(RerankMetered(1)), "QUOTA_EXCEEDED");
}

TEST(EstimateTokensTest, GrowsWithTheTextsUpToWhatTheModelReads) {
  RerankRequest request;
  request.query = std::string(40, 'q');
  EXPECT_EQ(EstimateTokens(request, 512), 0) << "no documents, nothing to read";
  request.documents = {std::string(80, 'd'), std::string(8, 'd')};
  EXPECT_EQ(EstimateTokens(request, 512), (1 + 30) + (1 + 12));
  request.documents[0] = std::string(1 << 20, 'd');
  EXPECT_EQ(EstimateTokens(request, 512), 512 + 13);
  EXPECT_GT(EstimateTokens(request, 0), 1 << 18);
}

}  // namespace
}  // namespace rerankd
