// The whole service through real gRPC, with models that do as the test says.
#include "service/rerank_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "core/errors.h"
#include "service/rpc.h"
#include "support/rerank_test_server.h"

namespace rerankd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kRerank[] = "/rerank.v1.RerankService/Rerank";

class RerankServiceTest : public testing::Test {
 protected:
  grpc::Status Rerank(const rerank::v1::RerankRequest& request) {
    grpc::ClientContext context;
    return Rerank(request, context);
  }
  grpc::Status Rerank(const rerank::v1::RerankRequest& request, grpc::ClientContext& context) {
    response_.Clear();
    return stub_->Rerank(&context, request, &response_);
  }
  // With a limit or two of its own.
  void Restart(const ServiceOptions& options) {
    stub_.reset();
    server_ = std::make_unique<RerankTestServer>(options);
    channel_ = server_->Channel();
    stub_ = rerank::v1::RerankService::NewStub(channel_);
  }

  std::unique_ptr<RerankTestServer> server_ = std::make_unique<RerankTestServer>();
  std::shared_ptr<grpc::Channel> channel_ = server_->Channel();
  std::unique_ptr<rerank::v1::RerankService::Stub> stub_ =
      rerank::v1::RerankService::NewStub(channel_);
  rerank::v1::RerankResponse response_;
};

TEST_F(RerankServiceTest, AnswersBestFirst) {
  const grpc::Status status = Rerank(MakeRequest("q", {"aa", "aaaa", "a", "bb"}));
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response_.results_size(), 4);
  EXPECT_EQ(response_.results(0).index(), 1);
  EXPECT_EQ(response_.results(0).score(), 4);
  EXPECT_EQ(response_.results(1).index(), 0);
  EXPECT_EQ(response_.results(2).index(), 3);
  EXPECT_EQ(response_.results(3).index(), 2);
  EXPECT_FALSE(response_.results(0).has_document());
  EXPECT_EQ(response_.model(), "mini");
  EXPECT_EQ(response_.score_kind(), rerank::v1::SCORE_KIND_RAW);
  EXPECT_EQ(response_.usage().document_tokens(), 9);
  EXPECT_EQ(response_.timings().compute().seconds(), 1);
}

TEST_F(RerankServiceTest, PassesTheChoicesOn) {
  rerank::v1::RerankRequest request = MakeRequest("q", {"a", "bb", "c"});
  request.set_top_k(2);
  request.set_model("large");
  request.set_return_documents(true);
  request.set_score_kind(rerank::v1::SCORE_KIND_SIGMOID);
  request.set_truncation(rerank::v1::TRUNCATION_REFUSE);
  ASSERT_TRUE(Rerank(request).ok());
  ASSERT_EQ(response_.results_size(), 2);
  EXPECT_EQ(response_.results(0).document(), "bb");
  EXPECT_EQ(response_.results(1).document(), "a");
  EXPECT_EQ(response_.model(), "large");
  EXPECT_EQ(response_.score_kind(), rerank::v1::SCORE_KIND_SIGMOID);
  EXPECT_EQ(server_->mini().calls(), 0);
  EXPECT_EQ(server_->large().last_request()->truncation, Truncation::kRefuse);
}

TEST_F(RerankServiceTest, TopKMayBeLargerThanTheNumberOfDocuments) {
  rerank::v1::RerankRequest request = MakeRequest("q", {"a", "bb"});
  request.set_top_k(4'000'000'000);
  ASSERT_TRUE(Rerank(request).ok());
  EXPECT_EQ(response_.results_size(), 2);
}

TEST_F(RerankServiceTest, NoDocumentsIsAnEmptyAnswer) {
  rerank::v1::RerankRequest request = MakeRequest("q", {});
  request.set_model("large");
  ASSERT_TRUE(Rerank(request).ok());
  EXPECT_EQ(response_.results_size(), 0);
  EXPECT_EQ(response_.model(), "large");
  EXPECT_EQ(response_.score_kind(), rerank::v1::SCORE_KIND_RAW);
}

TEST_F(RerankServiceTest, TakesTenThousandDocuments) {
  rerank::v1::RerankRequest request = MakeRequest("q", {});
  for (int i = 0; i < 10'000; ++i) request.add_documents(std::string(1 + i % 997, 'x'));
  request.set_return_documents(true);
  ASSERT_TRUE(Rerank(request).ok());
  ASSERT_EQ(response_.results_size(), 10'000);
  for (const auto& result : response_.results()) {
    ASSERT_EQ(result.document(), request.documents(static_cast<int>(result.index())));
  }
}

TEST_F(RerankServiceTest, AnswersMayBeLargerThanGrpcsDefaultLimit) {
  rerank::v1::RerankRequest request = MakeRequest("q", {});
  for (int i = 0; i < 20; ++i) request.add_documents(std::string(1 << 20, 'x'));
  request.set_return_documents(true);
  const grpc::Status status = Rerank(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.results(19).document().size(), 1 << 20);
}

TEST_F(RerankServiceTest, NamesTheEmptyField) {
  grpc::Status status = Rerank(MakeRequest("q", {"a", "b", "c", "", "e"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "documents[3] is empty");
  EXPECT_EQ(FieldOf(status), "documents[3]");
  EXPECT_EQ(ReasonOf(status), "EMPTY_FIELD");
  status = Rerank(MakeRequest("", {"a"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "query");
  EXPECT_EQ(server_->mini().calls(), 0);
}

TEST_F(RerankServiceTest, NamesTheFieldThatIsNotUtf8) {
  const std::string query("\x0A\x01q", 3);
  const std::string document(
      "\x12\x01"
      "d",
      3);
  const std::string broken = query + document + document + document;
  grpc::Status status = SendBytes(channel_, kRerank, broken + "\x12\x02 \xFF");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "documents[3] is not valid UTF-8 (at byte 1)");
  EXPECT_EQ(FieldOf(status), "documents[3]");
  EXPECT_EQ(ReasonOf(status), "INVALID_UTF8");
  EXPECT_EQ(FieldOf(SendBytes(channel_, kRerank, "\x0A\x01\xC3")), "query");
  EXPECT_EQ(FieldOf(SendBytes(channel_, kRerank, query + "\x22\x03\xED\xA0\x80")), "model");
  EXPECT_EQ(FieldOf(SendBytes(channel_, "/rerank.v1.RerankService/GetModel", "\x0A\x01\xC3")),
            "name");
}

TEST_F(RerankServiceTest, RefusesBytesThatAreNoMessage) {
  for (const char* method : {"Rerank", "ListModels", "GetModel"}) {
    const grpc::Status status = SendBytes(
        channel_, std::string("/rerank.v1.RerankService/") + method, "\x0A\x7F too short");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << method;
    EXPECT_EQ(ReasonOf(status), "MALFORMED_REQUEST") << method;
  }
}

TEST_F(RerankServiceTest, AnEmptyMessageIsARequestWithoutAQuery) {
  EXPECT_EQ(FieldOf(SendBytes(channel_, kRerank, "")), "query");
}

TEST_F(RerankServiceTest, CompressedRequestsAreRefusedUnlessAllowed) {
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  const grpc::Status status = Rerank(MakeRequest("q", {std::string(100'000, 'a')}), context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(status.error_message(), HasSubstr("'gzip' is disabled"));
  EXPECT_EQ(server_->mini().calls(), 0);
}

TEST_F(RerankServiceTest, UnderstandsGzipWhereAllowed) {
  ServiceOptions options = RerankTestServer::FreePort();
  options.accept_compressed = true;
  Restart(options);
  grpc::ClientContext context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  const grpc::Status status = Rerank(MakeRequest("q", {std::string(100'000, 'a'), "b"}), context);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response_.results(0).score(), 100'000);
  grpc::ClientContext bad_context;
  bad_context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  EXPECT_EQ(FieldOf(SendBytes(channel_, kRerank, "\x0A\x01\xC3", bad_context)), "query");
}

TEST_F(RerankServiceTest, RefusesMessagesOverTheLimit) {
  ServiceOptions options = RerankTestServer::FreePort();
  options.max_message_bytes = 1 << 20;
  options.accept_compressed = true;
  Restart(options);
  EXPECT_TRUE(Rerank(MakeRequest("q", {std::string((1 << 20) - 100, 'a')})).ok());
  for (const auto compression : {GRPC_COMPRESS_NONE, GRPC_COMPRESS_GZIP}) {
    grpc::ClientContext context;
    context.set_compression_algorithm(compression);
    const grpc::Status status = Rerank(MakeRequest("q", {std::string(5 << 20, 'a')}), context);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(), HasSubstr("larger than max"));
    EXPECT_THAT(status.error_message(), HasSubstr("vs. 1048576"));
  }
  EXPECT_EQ(server_->mini().calls(), 1);
}

TEST_F(RerankServiceTest, RefusesMoreDocumentsThanTheLimit) {
  ServiceOptions options = RerankTestServer::FreePort();
  options.max_documents = 2;
  Restart(options);
  EXPECT_TRUE(Rerank(MakeRequest("q", {"a", "b"})).ok());
  const grpc::Status status = Rerank(MakeRequest("q", {"a", "b", "c"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "documents");
  EXPECT_THAT(status.error_message(), HasSubstr("more than the 2"));
}

TEST_F(RerankServiceTest, RefusesMoreCallsThanTheLimit) {
  ServiceOptions options = RerankTestServer::FreePort();
  options.max_concurrent_requests = 2;
  Restart(options);
  server_->mini().HoldBack();
  AsyncRerank first(channel_, MakeRequest("q", {"a"}));
  AsyncRerank second(channel_, MakeRequest("q", {"a"}));
  ASSERT_TRUE(server_->mini().WaitForHeld(2));
  const grpc::Status status = Rerank(MakeRequest("q", {"a"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "TOO_MANY_CALLS");
  const auto retry = DetailOf<google::rpc::RetryInfo>(status);
  ASSERT_TRUE(retry.has_value());
  EXPECT_EQ(retry->retry_delay().seconds(), 1);
  server_->mini().Release();
  EXPECT_TRUE(first.Wait().ok());
  EXPECT_TRUE(second.Wait().ok());
}

TEST_F(RerankServiceTest, UnknownModelListsTheKnownOnes) {
  rerank::v1::RerankRequest request = MakeRequest("q", {"a"});
  request.set_model("minni");
  const grpc::Status status = Rerank(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("mini, large"));
  EXPECT_EQ(ReasonOf(status), "UNKNOWN_MODEL");
}

TEST_F(RerankServiceTest, AnAliasIsTheModelItself) {
  rerank::v1::RerankRequest request = MakeRequest("q", {"a"});
  request.set_model("small");
  ASSERT_TRUE(Rerank(request).ok());
  EXPECT_EQ(response_.model(), "mini");
  EXPECT_EQ(server_->mini().calls(), 1);
  EXPECT_EQ(server_->logs().at(0).model, "mini");
}

TEST_F(RerankServiceTest, PassesOnEveryStatusOfTheModel) {
  for (int code = 1; code <= 16; ++code) {
    server_->mini().FailWith({static_cast<absl::StatusCode>(code), "because"});
    const grpc::Status status = Rerank(MakeRequest("q", {"a"}));
    EXPECT_EQ(static_cast<int>(status.error_code()), code);
    EXPECT_EQ(status.error_message(), "because");
  }
}

TEST_F(RerankServiceTest, PassesOnTheModelsDetails) {
  server_->mini().FailWith(WithReason(
      RetryLater("queue full (512 of 512 tasks), retry later", std::chrono::milliseconds(1500)),
      "QUEUE_FULL"));
  const grpc::Status status = Rerank(MakeRequest("q", {"a"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "QUEUE_FULL");
  const auto retry = DetailOf<google::rpc::RetryInfo>(status);
  ASSERT_TRUE(retry.has_value());
  EXPECT_EQ(retry->retry_delay().seconds(), 1);
  EXPECT_EQ(retry->retry_delay().nanos(), 500'000'000);
}

// gRPC's own retry policy sends again only what came without initial metadata.
TEST_F(RerankServiceTest, ARetryPolicySendsRefusedCallsAgain) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(R"({"methodConfig": [{
    "name": [{"service": "rerank.v1.RerankService"}],
    "retryPolicy": {"maxAttempts": 3, "initialBackoff": "0.01s", "maxBackoff": "0.01s",
                    "backoffMultiplier": 1, "retryableStatusCodes": ["RESOURCE_EXHAUSTED"]}}]})");
  server_->mini().FailNext(2, RetryLater("queue full", std::chrono::milliseconds(1)));
  EXPECT_TRUE(AsyncRerank(server_->Channel(arguments), MakeRequest("q", {"a"})).Wait().ok());
  EXPECT_EQ(server_->mini().calls(), 3);
}

TEST_F(RerankServiceTest, LongMessagesStillReachTheCaller) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "ü";
  server_->mini().FailWith(InvalidField("documents[3]", text));
  const grpc::Status status = Rerank(MakeRequest("q", {"a"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_EQ(FieldOf(status), "documents[3]");
}

TEST_F(RerankServiceTest, ExceptionsBecomeStatuses) {
  server_->mini().Behave([](const RerankRequest&, Reranker::Done) { throw std::bad_alloc(); });
  grpc::Status status = Rerank(MakeRequest("q", {"a"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "out of memory");
  server_->mini().Behave(
      [](const RerankRequest&, Reranker::Done) { throw std::runtime_error("oops"); });
  status = Rerank(MakeRequest("q", {"a"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message(), "oops");
  server_->mini().Behave([](const RerankRequest&, Reranker::Done) { throw 7; });
  EXPECT_EQ(Rerank(MakeRequest("q", {"a"})).error_code(), grpc::StatusCode::INTERNAL);
  server_->mini().Behave([](const RerankRequest& request, Reranker::Done done) {
    std::move(done)(FakeReranker::Score(request));
    throw std::runtime_error("too late to matter");
  });
  EXPECT_TRUE(Rerank(MakeRequest("q", {"a"})).ok());
}

TEST_F(RerankServiceTest, AModelThatInventsADocumentIsInternal) {
  server_->mini().Behave([](const RerankRequest&, Reranker::Done done) {
    RerankResult result;
    result.documents = {{1, 0.5F, false}};
    std::move(done)(std::move(result));
  });
  const grpc::Status status = Rerank(MakeRequest("q", {"a"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(status.error_message(), HasSubstr("\"mini\""));
}

TEST_F(RerankServiceTest, CancellationReachesTheModel) {
  server_->mini().HoldBack();
  AsyncRerank call(channel_, MakeRequest("q", {"a"}));
  ASSERT_TRUE(server_->mini().WaitForHeld(1));
  call.Cancel();
  EXPECT_TRUE(server_->mini().WaitForCancelled(1));
  EXPECT_EQ(call.Wait().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(server_->server().Stop(std::chrono::seconds(60)));  // the model is still silent
  ASSERT_EQ(server_->logs().size(), 1);
  EXPECT_EQ(server_->logs()[0].status.code(), absl::StatusCode::kCancelled);
  server_->mini().Release();  // an answer that nobody waits for any more
}

TEST_F(RerankServiceTest, DeadlineReachesTheModel) {
  server_->mini().HoldBack();
  const auto before = std::chrono::steady_clock::now();
  AsyncRerank call(channel_, MakeRequest("q", {"a"}),
                   std::chrono::system_clock::now() + std::chrono::hours(1));
  ASSERT_TRUE(server_->mini().WaitForHeld(1));
  const TimePoint deadline = server_->mini().last_request()->deadline;
  EXPECT_GT(deadline, before + std::chrono::minutes(59));
  EXPECT_LT(deadline, std::chrono::steady_clock::now() + std::chrono::minutes(61));
  server_->mini().Release();
  EXPECT_TRUE(call.Wait().ok());
  EXPECT_TRUE(Rerank(MakeRequest("q", {"a"})).ok());
  EXPECT_EQ(server_->mini().last_request()->deadline, kNoDeadline);
}

TEST_F(RerankServiceTest, PastTheDeadlineTheModelIsTold) {
  server_->mini().HoldBack();
  AsyncRerank call(channel_, MakeRequest("q", {"a"}),
                   std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  ASSERT_TRUE(server_->mini().WaitForHeld(1));
  EXPECT_TRUE(server_->mini().WaitForCancelled(1));
  EXPECT_EQ(call.Wait().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  server_->mini().Release();
}

TEST_F(RerankServiceTest, ADeadlineInThePastIsExceededAtOnce) {
  AsyncRerank call(channel_, MakeRequest("q", {"a"}),
                   std::chrono::system_clock::now() - std::chrono::seconds(1));
  EXPECT_EQ(call.Wait().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(server_->mini().calls(), 0);
}

// Some of these end before their message has arrived, which is not the caller's mistake.
TEST_F(RerankServiceTest, CallsThatAreCancelledAtOnceAreNotTakenForEmptyOnes) {
  for (int i = 0; i < 300; ++i) {
    AsyncRerank call(channel_, MakeRequest("q", {"a"}));
    call.Cancel();
    call.Wait();
  }
  EXPECT_TRUE(Rerank(MakeRequest("q", {"a"})).ok());
  for (const RequestLog& log : server_->logs()) {
    EXPECT_TRUE(log.status.ok() || absl::IsCancelled(log.status)) << log.status;
  }
}

TEST_F(RerankServiceTest, TheModelMayAnswerAfterTheServerIsGone) {
  server_->mini().HoldBack();
  AsyncRerank call(channel_, MakeRequest("q", {"a"}));
  ASSERT_TRUE(server_->mini().WaitForHeld(1));
  server_->DestroyServer();
  EXPECT_FALSE(call.Wait().ok());
  server_->mini().Release();
}

TEST_F(RerankServiceTest, EchoesAUsableRequestId) {
  grpc::ClientContext context;
  context.AddMetadata("x-request-id", "trace-42");
  ASSERT_TRUE(Rerank(MakeRequest("q", {"a"}), context).ok());
  const auto& metadata = context.GetServerInitialMetadata();
  ASSERT_EQ(metadata.count("x-request-id"), 1);
  EXPECT_EQ(metadata.find("x-request-id")->second, "trace-42");
  EXPECT_EQ(server_->logs().at(0).id, "trace-42");
}

TEST_F(RerankServiceTest, MakesUpARequestIdOtherwise) {
  std::vector<std::string> ids;
  for (const std::string& sent : {std::string(), std::string(129, 'x'), std::string("two words")}) {
    grpc::ClientContext context;
    if (!sent.empty()) context.AddMetadata("x-request-id", sent);
    EXPECT_FALSE(Rerank(MakeRequest("", {"a"}), context).ok());  // errors carry one, too
    const auto& metadata = context.GetServerTrailingMetadata();
    ASSERT_EQ(metadata.count("x-request-id"), 1);
    ids.emplace_back(metadata.find("x-request-id")->second.data(), 16);
    EXPECT_THAT(ids.back(), testing::MatchesRegex("[0-9a-f]{16}"));
  }
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_NE(ids[1], ids[2]);
}

TEST_F(RerankServiceTest, HandsOnTheCallersKeyOfAProvider) {
  grpc::ClientContext context;
  context.AddMetadata("x-rerank-provider-key", "key-of-the-caller");
  ASSERT_TRUE(Rerank(MakeRequest("q", {"a"}), context).ok());
  EXPECT_EQ(server_->mini().last_request()->provider_key.Reveal(), "key-of-the-caller");
  ASSERT_TRUE(Rerank(MakeRequest("q", {"a"})).ok());
  EXPECT_TRUE(server_->mini().last_request()->provider_key.empty());
}

TEST_F(RerankServiceTest, AnEmptyKeyOfAProviderIsNotTheServersOwn) {
  grpc::ClientContext context;
  context.AddMetadata("x-rerank-provider-key", "");
  const grpc::Status status = Rerank(MakeRequest("q", {"a"}), context);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("x-rerank-provider-key is empty"));
}

TEST_F(RerankServiceTest, LogsEachCallOnce) {
  rerank::v1::RerankRequest request = MakeRequest("query", {"a", "bb", "c"});
  request.set_top_k(2);
  ASSERT_TRUE(Rerank(request).ok());
  EXPECT_FALSE(Rerank(MakeRequest("", {"a"})).ok());
  const std::vector<RequestLog> logs = server_->logs();
  ASSERT_EQ(logs.size(), 2);
  EXPECT_EQ(logs[0].method, "Rerank");
  EXPECT_EQ(logs[0].model, "mini");
  EXPECT_THAT(logs[0].peer, HasSubstr("127.0.0.1"));
  EXPECT_EQ(logs[0].documents, 3);
  EXPECT_EQ(logs[0].results, 2);
  EXPECT_EQ(logs[0].usage.query_tokens, 5);
  EXPECT_EQ(logs[0].usage.document_tokens, 4);
  EXPECT_EQ(logs[0].timings.compute, std::chrono::milliseconds(1500));
  EXPECT_GT(logs[0].total.count(), 0);
  EXPECT_TRUE(logs[0].status.ok());
  EXPECT_EQ(logs[1].model, "");
  EXPECT_EQ(logs[1].documents, 1);
  EXPECT_EQ(logs[1].status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(logs[0].id, logs[1].id);
}

TEST_F(RerankServiceTest, ListsTheModelsDefaultFirst) {
  grpc::ClientContext context;
  rerank::v1::ListModelsResponse response;
  ASSERT_TRUE(stub_->ListModels(&context, {}, &response).ok());
  ASSERT_EQ(response.models_size(), 2);
  EXPECT_EQ(response.models(0).name(), "mini");
  EXPECT_TRUE(response.models(0).is_default());
  ASSERT_EQ(response.models(0).aliases_size(), 1);
  EXPECT_EQ(response.models(0).aliases(0), "small");
  EXPECT_EQ(response.models(0).state(), rerank::v1::MODEL_STATE_READY);
  EXPECT_EQ(response.models(1).name(), "large");
  EXPECT_FALSE(response.models(1).is_default());
  EXPECT_EQ(server_->logs().at(0).method, "ListModels");
}

TEST_F(RerankServiceTest, DescribesOneModel) {
  const std::pair<const char*, const char*> cases[] = {{"", "mini"}, {"large", "large"}};
  for (const auto& [asked, expected] : cases) {
    grpc::ClientContext context;
    rerank::v1::GetModelRequest request;
    request.set_name(asked);
    rerank::v1::GetModelResponse response;
    ASSERT_TRUE(stub_->GetModel(&context, request, &response).ok());
    EXPECT_EQ(response.model().name(), expected);
    EXPECT_EQ(response.model().is_default(), response.model().name() == "mini");
  }
  grpc::ClientContext context;
  rerank::v1::GetModelRequest request;
  request.set_name("nope");
  rerank::v1::GetModelResponse response;
  const grpc::Status status = stub_->GetModel(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(status), "UNKNOWN_MODEL");
}

TEST_F(RerankServiceTest, ErrorsNeverRepeatTheText) {
  const std::string secret = "my secret text";
  rerank::v1::RerankRequest request = MakeRequest(secret, {secret, ""});
  const grpc::Status status = Rerank(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), Not(HasSubstr(secret)));
  EXPECT_THAT(status.error_details(), Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace rerankd
