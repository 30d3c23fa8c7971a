// Requests of every kind to the running program. What the service does with each field is tested
// beside the service; here it is seen that the whole, with a real model, does it too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "integration/fixtures.h"
#include "support/temp_dir.h"
#include "util/json.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;
using testing::AllOf;
using testing::HasSubstr;

// The sample that tools/quickstart.sh sends.
rerank::v1::RerankRequest Sample() {
  const nlohmann::json sample =
      ReadJsonObject(ServerProcess::Variable("RERANKD_SOURCE_DIR") + "/tools/sample/dartmouth.json")
          .value();
  return MakeRequest(sample["query"], sample["documents"].get<std::vector<std::string>>());
}

// What its folder says of the sample, as sigmoids: its expected scores begin with the sample's.
TEST(SampleTest, WithoutConfigurationTheDefaultModelRanksTheSample) {
  ServerProcess server({});
  const auto channel = Dial(server.Address());
  EXPECT_EQ(Health(channel), "SERVING");
  rerank::v1::RerankRequest request = Sample();
  request.set_return_documents(true);
  AsyncRerank call(channel, request);
  ASSERT_TRUE(call.Wait().ok()) << call.Wait().error_message();
  const nlohmann::json expected =
      ReadJsonObject(DefaultModel() + "/expected_scores.json").value().at("pairs");
  ASSERT_EQ(call.response().results_size(), 4);
  EXPECT_EQ(call.response().results(0).index(), 1U) << "the one that answers";
  for (int i = 0; i < 4; ++i) {
    const auto& result = call.response().results(i);
    const nlohmann::json& pair = expected.at(result.index());
    ASSERT_EQ(pair.at("query"), request.query());
    EXPECT_EQ(pair.at("document"), result.document());
    EXPECT_EQ(result.document(), request.documents(static_cast<int>(result.index())));
    EXPECT_NEAR(result.score(), pair.at("sigmoid").get<float>(), 1e-4);
    if (i > 0) {
      EXPECT_LE(result.score(), call.response().results(i - 1).score());
    }
  }
  EXPECT_EQ(call.response().score_kind(), rerank::v1::SCORE_KIND_SIGMOID);
  EXPECT_EQ(call.response().model(), DefaultModelName());
}

// One server with three models for all tests below.
class RequestsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    const auto file = folder_->Write(
        "rerankd.yaml",
        "models:\n"
        "  - {name: cross, path: " +
            TestModel("tiny-cross-encoder") +
            "}\n"
            "  - {name: bi, kind: bi_encoder, path: " +
            TestModel("tiny-bi-encoder") +
            "}\n"
            "  - {name: " +
            DefaultModelName() + ", max_queued_documents: 2000, path: " + DefaultModel() + "}\n");
    server_ = new ServerProcess({"--config", file.string(), "--log-level", "debug"});
    address_ = new std::string(server_->Address());
  }
  static void TearDownTestSuite() {
    server_->Signal(SIGTERM);
    EXPECT_EQ(server_->Wait(), 0);
    EXPECT_EQ(server_->err(), "");
    delete server_;
    delete address_;
    delete folder_;
  }

  grpc::Status Rerank(const rerank::v1::RerankRequest& request) {
    AsyncRerank call(channel_, request);
    const grpc::Status status = call.Wait();
    response_ = call.response();
    return status;
  }

  // Whether `request` is taken on soon, where minutes of work were in its way.
  bool RoomAgain(const rerank::v1::RerankRequest& request) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      const grpc::Status status = Rerank(request);
      if (status.ok()) return true;
      EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    }
    return false;
  }

  static TempDir* folder_;
  static ServerProcess* server_;
  static std::string* address_;
  std::shared_ptr<grpc::Channel> channel_ = Dial(*address_);
  rerank::v1::RerankResponse response_;
};
TempDir* RequestsTest::folder_;
ServerProcess* RequestsTest::server_;
std::string* RequestsTest::address_;

TEST_F(RequestsTest, HealthIsKnownForEveryModel) {
  for (const std::string& name :
       std::vector<std::string>{"", "rerank.v1.RerankService", "cross", "bi", DefaultModelName()}) {
    EXPECT_EQ(Health(channel_, name), "SERVING") << name;
  }
  EXPECT_EQ(Health(channel_, "another"), "NOT_FOUND");
}

TEST_F(RequestsTest, ReflectionListsTheServices) {
  // ServerReflectionRequest{list_services: ""} and an answer that names services in plain text; one
  // message either way, so a unary call will do.
  const grpc::Slice list_services(std::string("\x3A\x00", 2));
  const grpc::ByteBuffer request(&list_services, 1);
  grpc::ByteBuffer response;
  grpc::ClientContext context;
  std::promise<grpc::Status> done;
  grpc::GenericStub(channel_).UnaryCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", {}, &request,
      &response, [&done](grpc::Status status) { done.set_value(std::move(status)); });
  ASSERT_TRUE(done.get_future().get().ok());
  grpc::Slice bytes;
  ASSERT_TRUE(response.DumpToSingleSlice(&bytes).ok());
  const std::string answer(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
  EXPECT_THAT(answer,
              AllOf(HasSubstr("rerank.v1.RerankService"), HasSubstr("grpc.health.v1.Health")));
}

TEST_F(RequestsTest, ListsModelsWithWhatTheyAre) {
  grpc::ClientContext context;
  rerank::v1::ListModelsResponse response;
  const auto stub = rerank::v1::RerankService::NewStub(channel_);
  ASSERT_TRUE(stub->ListModels(&context, {}, &response).ok());
  ASSERT_EQ(response.models_size(), 3);
  const auto& cross = response.models(0);
  EXPECT_EQ(cross.name(), "cross");
  EXPECT_EQ(cross.kind(), "cross_encoder");
  EXPECT_EQ(cross.architecture(), "BertForSequenceClassification");
  EXPECT_EQ(cross.max_tokens(), 64U);
  EXPECT_EQ(cross.device(), "cpu");
  EXPECT_EQ(cross.precision(), "fp32");
  EXPECT_EQ(cross.default_score_kind(), rerank::v1::SCORE_KIND_RAW);
  EXPECT_TRUE(cross.is_default());
  EXPECT_EQ(response.models(1).kind(), "bi_encoder");
  EXPECT_FALSE(response.models(1).is_default());
  EXPECT_GT(response.models(2).parameters(), 20'000'000U);
}

TEST_F(RequestsTest, ScoresAreThoseOfTheReference) {
  for (const char* const model : {"cross", "bi"}) {
    const bool cross = std::string_view(model) == "cross";
    const nlohmann::json reference =
        ReadJsonObject(TestModel(cross ? "tiny-cross-encoder" : "tiny-bi-encoder") +
                       "/expected_scores.json")
            .value();
    ASSERT_FALSE(reference["pairs"].empty());
    for (const nlohmann::json& pair : reference["pairs"]) {
      rerank::v1::RerankRequest request = MakeRequest(pair["query"], {pair["document"]});
      request.set_model(model);
      ASSERT_TRUE(Rerank(request).ok());
      EXPECT_NEAR(response_.results(0).score(), pair[cross ? "logit" : "cosine"].get<float>(), 1e-4)
          << pair["query"];
    }
  }
}

TEST_F(RequestsTest, SigmoidOnRequest) {
  rerank::v1::RerankRequest request = MakeRequest("Raven.", {"Phedarvo robin pottery bravo"});
  ASSERT_TRUE(Rerank(request).ok());
  const double raw = response_.results(0).score();
  request.set_score_kind(rerank::v1::SCORE_KIND_SIGMOID);
  ASSERT_TRUE(Rerank(request).ok());
  EXPECT_NEAR(response_.results(0).score(), 1 / (1 + std::exp(-raw)), 1e-6);
  EXPECT_EQ(response_.score_kind(), rerank::v1::SCORE_KIND_SIGMOID);
}

TEST_F(RequestsTest, EmptyQuery) {
  const grpc::Status status = Rerank(MakeRequest("", {"a"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "query");
}

TEST_F(RequestsTest, EmptyDocument) {
  const grpc::Status status = Rerank(MakeRequest("q", {"a", "b", "c", "", "e"}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "documents[3]");
  EXPECT_EQ(status.error_message(), "documents[3] is empty");
}

TEST_F(RequestsTest, NoDocuments) {
  for (const char* model : {"cross", "bi"}) {
    rerank::v1::RerankRequest request = MakeRequest("q", {});
    request.set_model(model);
    EXPECT_TRUE(Rerank(request).ok());
    EXPECT_EQ(response_.results_size(), 0);
    EXPECT_EQ(response_.model(), model);
  }
}

TEST_F(RequestsTest, TextWithoutAnyToken) {
  for (const char* model : {"cross", "bi"}) {
    rerank::v1::RerankRequest request = MakeRequest(" ", {"\t", "\xE2\x80\x8B", "word"});
    request.set_model(model);
    EXPECT_TRUE(Rerank(request).ok()) << model;
    EXPECT_EQ(response_.results_size(), 3);
  }
}

TEST_F(RequestsTest, TenThousandDocuments) {
  // Of few different texts, so that each must have the score of its equals.
  std::vector<std::string> documents;
  for (int i = 0; i < 10'000; ++i) {
    std::string text = "number " + std::to_string(i % 97);
    for (int n = 0; n < i % 13; ++n) text += " and more";
    documents.push_back(text);
  }
  for (const char* model : {"cross", "bi"}) {
    rerank::v1::RerankRequest request = MakeRequest("Which number is it?", documents);
    request.set_model(model);
    const grpc::Status status = Rerank(request);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response_.results_size(), 10'000);
    std::map<std::string, float> scores;
    std::set<unsigned> seen;
    for (int i = 0; i < response_.results_size(); ++i) {
      const auto& result = response_.results(i);
      EXPECT_TRUE(seen.insert(result.index()).second);
      if (i > 0) {
        ASSERT_LE(result.score(), response_.results(i - 1).score());
      }
      const auto [score, fresh] = scores.emplace(documents.at(result.index()), result.score());
      EXPECT_NEAR(score->second, result.score(), 1e-5) << score->first;
    }
  }
}

TEST_F(RequestsTest, ADocumentOfAMegabyteIsTruncatedAndSaysSo) {
  std::string large;
  while (large.size() < size_t{1} << 20) large += "many words ";
  for (const char* model : {"cross", "bi"}) {
    rerank::v1::RerankRequest request =
        MakeRequest("Which?", {"short", large, std::string(1 << 20, 'x')});
    request.set_model(model);
    ASSERT_TRUE(Rerank(request).ok());
    std::map<unsigned, bool> truncated;
    for (const auto& result : response_.results()) truncated[result.index()] = result.truncated();
    EXPECT_FALSE(truncated[0]);
    EXPECT_TRUE(truncated[1]);
    EXPECT_FALSE(truncated[2]) << "one word, however long, is one unknown token";
    EXPECT_LE(response_.usage().total_tokens(), 3U * 64 + 64);
  }
}

TEST_F(RequestsTest, WhoWantsNothingTruncatedIsTold) {
  std::string large;
  for (int i = 0; i < 100; ++i) large += "word ";
  rerank::v1::RerankRequest request = MakeRequest("Which?", {"short", large});
  request.set_truncation(rerank::v1::TRUNCATION_REFUSE);
  const grpc::Status status = Rerank(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "documents[1]");
}

TEST_F(RequestsTest, InvalidUtf8) {
  // query: "q", documents: "a", documents: "\xED\xA0\x80" (a lone surrogate)
  const grpc::Status status = SendBytes(channel_, "/rerank.v1.RerankService/Rerank",
                                        std::string_view("\x0A\x01q\x12\x01"
                                                         "a\x12\x03\xED\xA0\x80",
                                                         11));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FieldOf(status), "documents[1]");
}

TEST_F(RequestsTest, UnknownModel) {
  rerank::v1::RerankRequest request = MakeRequest("q", {"a"});
  request.set_model("crss");
  const grpc::Status status = Rerank(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(),
              AllOf(HasSubstr("cross"), HasSubstr("bi"), HasSubstr(DefaultModelName())));
}

TEST_F(RequestsTest, TopKLargerThanTheNumberOfDocuments) {
  rerank::v1::RerankRequest request = MakeRequest("q", {"a", "b", "c"});
  request.set_top_k(4'000'000'000);
  EXPECT_TRUE(Rerank(request).ok());
  EXPECT_EQ(response_.results_size(), 3);
  request.set_top_k(2);
  EXPECT_TRUE(Rerank(request).ok());
  EXPECT_EQ(response_.results_size(), 2);
}

TEST_F(RequestsTest, MoreDocumentsThanAModelTakes) {
  rerank::v1::RerankRequest request = MakeRequest("q", std::vector<std::string>(2001, "a"));
  request.set_model(DefaultModelName());
  const grpc::Status status = Rerank(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("2000"));
}

TEST_F(RequestsTest, WorkOfACallerThatWentAwayIsDropped) {
  // Minutes of work, and all that the model's queue takes.
  rerank::v1::RerankRequest request = LongWork(2000);
  AsyncRerank cancelled(channel_, request);
  ASSERT_TRUE(HasAccepted(*server_, 2000));
  rerank::v1::RerankRequest small = MakeRequest("q", {"a"});
  small.set_model(request.model());
  const grpc::Status refused = Rerank(small);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("queue full"));
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(refused).has_value());
  cancelled.Cancel();
  EXPECT_EQ(cancelled.Wait().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(RoomAgain(small));
}

TEST_F(RequestsTest, WorkPastItsDeadlineIsDropped) {
  rerank::v1::RerankRequest request = LongWork(1999);
  AsyncRerank late(channel_, request, system_clock::now() + milliseconds(500));
  EXPECT_EQ(late.Wait().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  AsyncRerank never(channel_, request, system_clock::now() - seconds(1));
  EXPECT_EQ(never.Wait().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  request = MakeRequest("q", std::vector<std::string>(2000, "a"));
  request.set_model(DefaultModelName());
  EXPECT_TRUE(RoomAgain(request));
}

TEST_F(RequestsTest, ConcurrentCallersGetTheScoresTheyGetAlone) {
  constexpr size_t kCallers = 64;
  std::vector<rerank::v1::RerankRequest> requests;
  for (size_t caller = 0; caller < kCallers; ++caller) {
    rerank::v1::RerankRequest request =
        MakeRequest("What does caller " + std::to_string(caller) + " look for?", {});
    for (size_t n = 0; n < 1 + caller * 7 % 40; ++n) {
      std::string text = "document " + std::to_string(caller * 100 + n);
      for (size_t words = 0; words < (caller + n) * 5 % 60; ++words) text += " word";
      request.add_documents(text);
    }
    request.set_model(caller % 2 == 0 ? "cross" : "bi");
    requests.push_back(request);
  }
  std::vector<std::map<unsigned, float>> alone;
  for (const auto& request : requests) {
    ASSERT_TRUE(Rerank(request).ok());
    auto& scores = alone.emplace_back();
    for (const auto& result : response_.results()) scores[result.index()] = result.score();
  }
  std::vector<std::unique_ptr<AsyncRerank>> calls;
  calls.reserve(kCallers);
  for (size_t caller = 0; caller < kCallers; ++caller) {
    calls.push_back(std::make_unique<AsyncRerank>(Dial(*address_), requests[caller]));
  }
  for (size_t caller = 0; caller < kCallers; ++caller) {
    ASSERT_TRUE(calls[caller]->Wait().ok()) << calls[caller]->Wait().error_message();
    ASSERT_EQ(calls[caller]->response().results_size(), requests[caller].documents_size());
    for (const auto& result : calls[caller]->response().results()) {
      EXPECT_NEAR(result.score(), alone[caller].at(result.index()), 1e-5)
          << "caller " << caller << " document " << result.index();
    }
  }
}

TEST(LimitsTest, AMessageOverTheLimit) {
  ServerProcess server(
      {"--model-path", TestModel("tiny-cross-encoder"), "--max-message-bytes", "64KiB"});
  const auto channel = Dial(server.Address());
  AsyncRerank over(channel, MakeRequest("q", {std::string(64 << 10, 'x')}));
  EXPECT_EQ(over.Wait().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  AsyncRerank under(channel, MakeRequest("q", {std::string(63 << 10, 'x')}));
  EXPECT_TRUE(under.Wait().ok()) << under.Wait().error_message();
}

}  // namespace
}  // namespace rerankd
