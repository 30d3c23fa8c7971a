// Hosted models in the real server, against providers on loopback that speak Voyage's, Cohere's and
// Jina's formats, over TLS and HTTP/2, and misbehave on demand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "integration/fixtures.h"
#include "support/fake_providers.h"
#include "support/run_program.h"
#include "support/temp_dir.h"
#include "util/clock.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kServerKey = "s3ntinel-server-key";
const std::string kCallersKey = "s3ntinel-callers-key";
const std::string kFilesKey = "s3ntinel-files-key";

const std::string kQuery =
    "What event in 1956 marked the official birth of artificial intelligence as a discipline?";
const std::vector<std::string> kDocuments = {
    "In 1950, Alan Turing published his seminal paper, 'Computing Machinery and Intelligence,' "
    "proposing the Turing Test as a criterion of intelligence, a foundational concept in the "
    "philosophy and development of artificial intelligence.",
    "The Dartmouth Conference in 1956 is considered the birthplace of artificial intelligence as a "
    "field; here, John McCarthy and others coined the term 'artificial intelligence' and laid out "
    "its basic goals.",
    "In 1951, British mathematician and computer scientist Alan Turing also developed the first "
    "program designed to play chess, demonstrating an early example of AI in game strategy.",
    "The invention of the Logic Theorist by Allen Newell, Herbert A. Simon, and Cliff Shaw in 1955 "
    "marked the creation of the first true AI program, which was capable of solving logic "
    "problems, akin to proving mathematical theorems."};

class ProvidersTest : public testing::Test {
 protected:
  // One server with all kinds of entries is enough for most; each test asks its own.
  struct World {
    TempDir folder;
    FakeProviders fake;
    std::optional<ServerProcess> server;
    std::shared_ptr<grpc::Channel> channel;
  };

  static void SetUpTestSuite() {
    setenv("no_proxy", "*", 1);
    world_ = new World();
    world_->folder.Write("key", kFilesKey);
    const std::string https = world_->fake.Url("https");
    const std::string ca = ", ca_file: " + world_->fake.ca();
    const std::string settings =
        "log: {level: debug}\nmodels:\n"
        "  - {name: local, path: " +
        TestModel("tiny-cross-encoder") + "}\n" +
        "  - {name: voyage, kind: voyage, model: rerank-2.5, base_url: " + https + "/voyage" + ca +
        ", caller_key: allow}\n" +
        "  - {name: cohere, kind: cohere, model: rerank-v3.5, base_url: " + https + "/cohere" + ca +
        "}\n" +
        "  - {name: jina, kind: jina, model: jina-reranker-v2-base-multilingual, base_url: " +
        https + "/jina" + ca + ", max_answer_bytes: 1MiB}\n" +
        // What must not disturb the others has an entry of its own.
        "  - {name: dead, kind: voyage, model: rerank-2.5, base_url: \"http://127.0.0.1:1\", "
        "breaker_calls: 3, breaker_open: 1h, max_retries: 0}\n"
        "  - {name: covered, kind: voyage, model: rerank-2.5, base_url: \"http://127.0.0.1:1\", "
        "max_retries: 0, fallback: [local]}\n"
        "  - {name: wounded, kind: voyage, model: rerank-2.5, base_url: " +
        world_->fake.Url("http") +
        "/voyage, breaker_calls: 2, breaker_open: 200ms, max_retries: 0}\n"
        "  - {name: parted, kind: voyage, model: rerank-2.5, base_url: " +
        world_->fake.Url("https1") + "/voyage" + ca + ", max_documents: 3, split: true}\n" +
        "  - {name: untrusted, kind: voyage, model: rerank-2.5, base_url: " +
        world_->fake.Url("expired") + "/voyage" + ca + "}\n" +
        "  - {name: plain, kind: voyage, model: rerank-2.5, base_url: " + world_->fake.Url("http") +
        "/voyage, breaker_calls: 0, max_retries: 0}\n" +
        "  - {name: again, kind: voyage, model: rerank-2.5, base_url: " +
        world_->fake.Url("https1") + "/voyage" + ca + ", breaker_calls: 0, retry_budget: 0}\n" +
        "  - {name: filed, kind: cohere, model: rerank-v3.5, base_url: " + https + "/cohere" + ca +
        ", api_key_file: " + KeyFile().string() + "}\n" +
        "  - {name: narrow, kind: voyage, model: rerank-2.5, base_url: " + https + "/voyage" + ca +
        ", max_documents: 1, split: true, max_concurrent_calls: 1, max_waiting_calls: 2}\n" +
        "  - {name: keyless, kind: voyage, model: rerank-2.5, api_key_env: NOBODY_HAS_THIS}\n"
        "  - {name: poor, kind: voyage, model: rerank-2.5, api_key_env: NOBODY_HAS_THIS, "
        "fallback: [local]}\n";
    world_->server.emplace(
        std::vector<std::string>{"--config",
                                 world_->folder.Write("rerankd.yaml", settings).string()},
        Keys());
    world_->channel = Dial(world_->server->Address());
  }
  static void TearDownTestSuite() {
    delete world_;
    world_ = nullptr;
  }

  static fs::path KeyFile() { return world_->folder.path() / "key"; }

  static std::vector<std::string> Keys() {
    return {"VOYAGE_API_KEY=" + kServerKey, "CO_API_KEY=" + kServerKey,
            "JINA_API_KEY=" + kServerKey};
  }

  static rerank::v1::RerankRequest Request(const std::string& model, const std::string& query) {
    rerank::v1::RerankRequest request = MakeRequest(query, kDocuments);
    request.set_model(model);
    return request;
  }

  // What a caller without much patience gets. All of it is searched for keys.
  static grpc::Status Rerank(const rerank::v1::RerankRequest& request,
                             rerank::v1::RerankResponse* response = nullptr,
                             const std::string& key = "",
                             std::chrono::seconds deadline = std::chrono::seconds(20)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + deadline);
    if (!key.empty()) context.AddMetadata("x-rerank-provider-key", key);
    rerank::v1::RerankResponse own;
    if (response == nullptr) response = &own;
    const grpc::Status status =
        rerank::v1::RerankService::NewStub(world_->channel)->Rerank(&context, request, response);
    EXPECT_THAT(status.error_message() + status.error_details() + response->DebugString(),
                Not(HasSubstr("s3ntinel")));
    return status;
  }
  static grpc::Status Ask(const std::string& model, const std::string& query) {
    return Rerank(Request(model, query));
  }

  static rerank::v1::Model Describe(const std::string& name) {
    grpc::ClientContext context;
    rerank::v1::GetModelRequest request;
    request.set_name(name);
    rerank::v1::GetModelResponse response;
    const grpc::Status status =
        rerank::v1::RerankService::NewStub(world_->channel)->GetModel(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.model();
  }

  // How often a call with this query has come to the provider.
  static int TimesSent(const std::string& query) {
    int times = 0;
    for (const nlohmann::json& request : world_->fake.Requests()) {
      times += request.value("/body/query"_json_pointer, "") == query ? 1 : 0;
    }
    return times;
  }

  static World* world_;
};

ProvidersTest::World* ProvidersTest::world_ = nullptr;

TEST_F(ProvidersTest, TheFourDocumentsAreRankedWithTextIndexAndScore) {
  for (const std::string model : {"voyage", "cohere", "jina"}) {
    rerank::v1::RerankRequest request = Request(model, kQuery);
    request.set_top_k(3);
    request.set_return_documents(true);
    rerank::v1::RerankResponse response;
    const grpc::Status status = Rerank(request, &response);
    ASSERT_TRUE(status.ok()) << model << ": " << status.error_message();
    ASSERT_EQ(response.results_size(), 3);
    EXPECT_EQ(response.model(), model);
    EXPECT_EQ(response.score_kind(), rerank::v1::SCORE_KIND_PROVIDER);
    EXPECT_EQ(response.results(0).index(), 1);
    EXPECT_EQ(response.results(0).document(), kDocuments[1]);
    EXPECT_GT(response.results(0).score(), response.results(1).score());
  }
}

TEST_F(ProvidersTest, WhatAProviderSaysIsWhatTheCallerGets) {
  const std::vector<std::pair<std::string, grpc::StatusCode>> cases = {
      {"fault:status:400", grpc::StatusCode::INVALID_ARGUMENT},
      {"fault:status:401", grpc::StatusCode::FAILED_PRECONDITION},
      {"fault:status:404", grpc::StatusCode::NOT_FOUND},
      {"fault:status:501", grpc::StatusCode::UNIMPLEMENTED},
      {"fault:redirect", grpc::StatusCode::FAILED_PRECONDITION},
      {"fault:status:418", grpc::StatusCode::INTERNAL},
      {"fault:half", grpc::StatusCode::INTERNAL},
      {"fault:error200", grpc::StatusCode::INTERNAL},
      {"fault:html", grpc::StatusCode::INTERNAL},
      {"fault:bad:index", grpc::StatusCode::INTERNAL},
      {"fault:bad:twice", grpc::StatusCode::INTERNAL},
      {"fault:bad:missing", grpc::StatusCode::INTERNAL},
      {"fault:bad:nan", grpc::StatusCode::INTERNAL},
      {"fault:echo", grpc::StatusCode::INVALID_ARGUMENT}};
  for (const std::string model : {"voyage", "cohere", "jina"}) {
    for (const auto& [query, code] : cases) {
      const grpc::Status status = Ask(model, query);
      EXPECT_EQ(status.error_code(), code) << model << " " << query << status.error_message();
      EXPECT_THAT(ReasonOf(status), testing::StartsWith("PROVIDER_")) << model << " " << query;
    }
  }
  EXPECT_THAT(Ask("voyage", "fault:redirect").error_message(),
              HasSubstr("correct base_url, it leads to /elsewhere"));
  EXPECT_THAT(Ask("voyage", "fault:html").error_message(), HasSubstr("a web page"));
  EXPECT_EQ(Ask("jina", "fault:status:403").error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
      << "no balance";
}

TEST_F(ProvidersTest, AThousandDocumentsAreRanked) {
  rerank::v1::RerankRequest request = MakeRequest("which of them is it", {});
  request.set_model("voyage");
  for (int i = 0; i < 1000; ++i) request.add_documents("it is none " + std::string(300, 'x'));
  request.set_documents(700, "which of them is it");
  rerank::v1::RerankResponse response;
  const grpc::Status status = Rerank(request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.results_size(), 1000);
  EXPECT_EQ(response.results(0).index(), 700);
  request.set_query("fault:echo");
  EXPECT_EQ(Rerank(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ProvidersTest, ABombDoesNotGoOff) {
  const grpc::Status status = Ask("jina", "fault:bomb:64");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL) << status.error_message();
}

TEST_F(ProvidersTest, ABurstOfFailuresIsOutlasted) {
  for (const std::string model : {"voyage", "cohere", "jina"}) {
    const grpc::Status status = Ask(model, "fault:burst:503:2:" + model);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_TRUE(Ask("cohere", "fault:burst:429:1").ok());
  EXPECT_EQ(Ask("jina", "fault:cut").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Ask("cohere", "fault:reset").error_code(), grpc::StatusCode::UNAVAILABLE);
}

// What is billed is what the policy says, also where the connection was a kept one.
TEST_F(ProvidersTest, EachAttemptIsOneRequest) {
  for (const std::string model : {"plain", "again"}) {
    const int attempts = model == "plain" ? 1 : 3;  // as its max_retries says
    for (const std::string fault : {"fault:drop:", "fault:reset:"}) {
      ASSERT_TRUE(Ask(model, "leaves its connection open").ok()) << model;
      EXPECT_EQ(Ask(model, fault + model).error_code(), grpc::StatusCode::UNAVAILABLE);
      EXPECT_EQ(TimesSent(fault + model), attempts) << model << " " << fault;
    }
  }
  Ask("voyage", "fault:status:451");
  EXPECT_EQ(TimesSent("fault:status:451"), 1);
}

TEST_F(ProvidersTest, APauseThatIsTooLongForTheCallIsPassedOn) {
  const grpc::Status status = Ask("voyage", "fault:status:429:3600");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "PROVIDER_RATE_LIMIT");
  const auto retry = DetailOf<google::rpc::RetryInfo>(status);
  ASSERT_TRUE(retry.has_value());
  EXPECT_EQ(retry->retry_delay().seconds(), 3600);
}

TEST_F(ProvidersTest, ACallersKeyIsSentWhereItIsAllowed) {
  ASSERT_TRUE(Rerank(Request("voyage", "callers key"), nullptr, kCallersKey).ok());
  bool seen = false;
  for (const nlohmann::json& request : world_->fake.Requests()) {
    if (request.value("/body/query"_json_pointer, "") != "callers key") continue;
    seen = true;
    EXPECT_EQ(request["headers"].value("authorization", ""), "Bearer " + kCallersKey);
  }
  EXPECT_TRUE(seen);
  const grpc::Status refused = Rerank(Request("cohere", kQuery), nullptr, kCallersKey);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  const grpc::Status wrong = Rerank(Request("voyage", "fault:status:401"), nullptr, kCallersKey);
  EXPECT_EQ(wrong.error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ProvidersTest, AProviderSeesThatItsCallerHasGone) {
  for (const std::string model : {"voyage", "wounded"}) {
    const size_t n = world_->fake.Requests().size();
    AsyncRerank call(world_->channel, Request(model, "fault:silent"));
    world_->fake.WaitFor(n, /*closed=*/false);
    const auto cancelled = std::chrono::steady_clock::now();
    call.Cancel();
    const nlohmann::json request = world_->fake.WaitFor(n, /*closed=*/true);
    const auto seen = std::chrono::nanoseconds(request.value("closed_ns", int64_t{0}));
    printf("%s (HTTP/%s): seen %.2f ms after the cancellation\n", model.c_str(),
           request.value("http", "?").c_str(), Milliseconds(seen - cancelled.time_since_epoch()));
    EXPECT_EQ(call.Wait().error_code(), grpc::StatusCode::CANCELLED);
  }
}

TEST_F(ProvidersTest, AProviderSeesThatItsCallersDeadlineHasPassed) {
  constexpr std::chrono::seconds kDeadline{1};
  for (const std::string model : {"voyage", "plain"}) {
    for (const std::string query : {"fault:silent", "fault:stall"}) {
      const size_t n = world_->fake.Requests().size();
      const auto began = std::chrono::steady_clock::now();
      const grpc::Status late = Rerank(Request(model, query), nullptr, "", kDeadline);
      const auto told = std::chrono::steady_clock::now();
      EXPECT_EQ(late.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
      const nlohmann::json request = world_->fake.WaitFor(n, /*closed=*/true);
      const auto seen = std::chrono::nanoseconds(request.value("closed_ns", int64_t{0}));
      printf("%s (HTTP/%s) %s: told %.2f ms and seen %.2f ms after the deadline\n", model.c_str(),
             request.value("http", "?").c_str(), query.c_str(),
             Milliseconds(told - began - kDeadline),
             Milliseconds(seen - (began + kDeadline).time_since_epoch()));
    }
  }
}

TEST_F(ProvidersTest, ADeadProviderShowsInItsOwnHealthAlone) {
  for (int i = 0; i < 4; ++i) {
    const grpc::Status status = Ask("dead", kQuery);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_TRUE(Ask("local", kQuery).ok());
  }
  const grpc::Status refused = Ask("dead", kQuery);
  EXPECT_THAT(refused.error_message(), HasSubstr("did not answer lately"));
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(refused).has_value());
  EXPECT_EQ(Health(world_->channel, "dead"), "NOT_SERVING");
  EXPECT_EQ(Health(world_->channel, "local"), "SERVING");
  EXPECT_EQ(Health(world_->channel, "voyage"), "SERVING") << "another entry of the same provider";
  EXPECT_EQ(Health(world_->channel), "SERVING");
  EXPECT_EQ(Describe("dead").state(), rerank::v1::MODEL_STATE_READY);
  EXPECT_THAT(Describe("dead").error(), HasSubstr("does not answer"));
  EXPECT_TRUE(world_->server->WaitForOutput("provider in trouble: model=dead"));
}

TEST_F(ProvidersTest, AProviderThatRecoversIsAskedAgain) {
  for (int i = 0; i < 3; ++i) Ask("wounded", "fault:status:503");
  EXPECT_THAT(Describe("wounded").error(), HasSubstr("does not answer"));
  for (int i = 0; i < 200 && !Describe("wounded").error().empty(); ++i) {
    std::this_thread::sleep_for(milliseconds(50));
    Ask("wounded", kQuery);
  }
  EXPECT_EQ(Describe("wounded").error(), "");
  EXPECT_EQ(Health(world_->channel, "wounded"), "SERVING");
  EXPECT_TRUE(Ask("wounded", kQuery).ok());
}

TEST_F(ProvidersTest, AnotherModelStandsInAndSaysSo) {
  rerank::v1::RerankResponse response;
  const grpc::Status status = Rerank(Request("covered", kQuery), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.model(), "local");
  EXPECT_EQ(response.results_size(), 4);
  EXPECT_EQ(Health(world_->channel, "covered"), "SERVING");
}

TEST_F(ProvidersTest, ALargeCallIsSentInParts) {
  rerank::v1::RerankRequest request = MakeRequest(kQuery, {});
  request.set_model("parted");
  request.set_top_k(2);
  for (int i = 0; i < 7; ++i) request.add_documents("nothing of it " + std::to_string(i));
  request.set_documents(5, kDocuments[1]);
  request.set_documents(2, kDocuments[0]);
  rerank::v1::RerankResponse response;
  const grpc::Status status = Rerank(request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_EQ(response.results(0).index(), 5);
  EXPECT_EQ(response.results(1).index(), 2);
  request.set_query("fault:status:400");
  EXPECT_EQ(Rerank(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ProvidersTest, ACallThatWouldNeverHaveRoomIsNotSent) {
  const grpc::Status status = Ask("narrow", "four documents");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("max_waiting_calls"));
  EXPECT_EQ(TimesSent("four documents"), 0);
}

TEST_F(ProvidersTest, AKeyThatCannotBeRenewedIsToldOnceAndNamedWhenRefused) {
  world_->folder.Write("key", "");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Ask("filed", kQuery).ok());
  world_->folder.Write("key", kFilesKey + "-2");
  EXPECT_THAT(Ask("filed", "fault:status:401").error_message(),
              HasSubstr("(the key of file " + KeyFile().string() + ")"));
  EXPECT_TRUE(world_->server->WaitForOutput("key renewed: model=filed"));
  const std::string log = world_->server->out();
  const std::string warning = "key not renewed, the last one stays: model=filed";
  const size_t first = log.find(warning);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(log.find(warning, first + 1), std::string::npos);
}

TEST_F(ProvidersTest, ACertificateThatHasExpiredIsRefused) {
  const grpc::Status status = Ask("untrusted", kQuery);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(status), "PROVIDER_TLS");
}

TEST_F(ProvidersTest, AModelWithoutAKeyStandsInNobodysWay) {
  const grpc::Status status = Ask("keyless", kQuery);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("NOBODY_HAS_THIS"));
  EXPECT_EQ(Health(world_->channel, "keyless"), "NOT_SERVING");
}

TEST_F(ProvidersTest, AModelWithoutAKeyLeavesItsCallsToItsFallback) {
  rerank::v1::RerankResponse response;
  const grpc::Status status = Rerank(Request("poor", kQuery), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.model(), "local");
}

// The last: what all of the above, at the level that tells most, has left behind.
TEST_F(ProvidersTest, NoKeyIsInAnythingThatIsPrinted) {
  for (const std::string model : {"voyage", "cohere", "jina", "wounded", "filed"}) {
    for (const std::string query : {"fault:echo", "fault:half", "fault:status:401"}) {
      Ask(model, query);
    }
  }
  Rerank(Request("voyage", "fault:echo"), nullptr, kCallersKey);
  const std::string file = (world_->folder.path() / "rerankd.yaml").string();
  Process check(ServerProcess::Program(), {"check-config", "--config", file}, Keys());
  EXPECT_EQ(check.Wait(), 0) << check.err();
  EXPECT_THAT(check.out() + check.err(), Not(HasSubstr("s3ntinel")));
  grpc::ClientContext context;
  rerank::v1::ListModelsResponse models;
  ASSERT_TRUE(
      rerank::v1::RerankService::NewStub(world_->channel)->ListModels(&context, {}, &models).ok());
  EXPECT_THAT(models.DebugString(), AllOf(HasSubstr("filed"), Not(HasSubstr("s3ntinel"))));
  world_->server->Signal(SIGTERM);
  EXPECT_EQ(world_->server->Wait(), 0);
  const std::string printed = world_->server->out() + world_->server->err();
  EXPECT_THAT(printed, HasSubstr("debug"));
  EXPECT_THAT(printed, Not(HasSubstr("s3ntinel")));
}

TEST(HostedStartTest, ProvidersAloneNeedNeitherNetworkNorModel) {
  const TempDir folder;
  const auto file = folder.Write("rerankd.yaml",
                                 "models:\n  - {name: far, kind: cohere, model: rerank-v3.5, "
                                 "base_url: \"https://provider.invalid\"}\n");
  ServerProcess server({"--config", file.string()}, {"CO_API_KEY=k"});
  const auto channel = Dial(server.Address());
  EXPECT_EQ(Health(channel), "SERVING");
  EXPECT_THAT(server.out(), Not(HasSubstr("model loaded")));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

TEST(HostedStartTest, ADefaultModelWithoutAKeyStopsTheStart) {
  const TempDir folder;
  const auto file = folder.Write(
      "rerankd.yaml",
      "models:\n  - {name: far, kind: cohere, model: rerank-v3.5, api_key_env: NOBODY_HAS_THIS}\n");
  ServerProcess server({"--config", file.string()});
  EXPECT_EQ(server.Wait(), 1);
  EXPECT_THAT(server.err(), AllOf(HasSubstr("far"), HasSubstr("NOBODY_HAS_THIS")));
}

// A key that is nowhere leaves its model out; a file that is named and cannot be used is a mistake.
TEST(HostedStartTest, AFileThatCannotBeUsedStopsTheStart) {
  const TempDir folder;
  const std::string nothing = folder.Write("nothing.pem", "no certificate\n").string();
  const std::string empty = folder.Write("empty", "\n").string();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"api_key_file: /no/such/key", "model \"far\": api_key_file: "},
      {"api_key_file: " + empty, "it is empty"},
      {"ca_file: /no/such/file.pem", "model \"far\": ca_file: "},
      {"ca_file: " + nothing, "nothing.pem holds no certificate"}};
  const auto config = [&](const std::string& setting, const std::string& more = "") {
    return folder
        .Write("rerankd.yaml",
               more + "models:\n  - {name: local, path: " + TestModel("tiny-cross-encoder") +
                   "}\n  - {name: far, kind: cohere, model: rerank-v3.5, "
                   "base_url: \"https://provider.invalid\", " +
                   setting + "}\n")
        .string();
  };
  for (const auto& [setting, problem] : cases) {
    const std::string file = config(setting);
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--config", file},
          std::vector<std::string>{"check-config", "--config", file}}) {
      Process process(ServerProcess::Program(), arguments, {"CO_API_KEY=k"});
      EXPECT_EQ(process.Wait(), arguments.size() == 2 ? 1 : 2) << setting;
      EXPECT_THAT(process.err(), AllOf(HasSubstr("rerankd: model \"far\": "), HasSubstr(problem)));
    }
  }
  ServerProcess lenient({"--config", config(cases.front().first, "on_error: skip\n")});
  const auto channel = Dial(lenient.Address());
  EXPECT_EQ(Health(channel, "local"), "SERVING");
  EXPECT_EQ(Health(channel, "far"), "NOT_SERVING");
}

TEST(HostedStartTest, TheUsualVariableNamesTheCertificatesToTrust) {
  const FakeProviders fake;
  const TempDir folder;
  const std::string file = folder
                               .Write("rerankd.yaml",
                                      "models:\n  - {name: far, kind: cohere, model: rerank-v3.5, "
                                      "base_url: \"" +
                                          fake.Url("https") + "/cohere\"}\n")
                               .string();
  ServerProcess server({"--config", file},
                       {"CO_API_KEY=k", "no_proxy=*", "SSL_CERT_FILE=" + fake.ca()});
  grpc::ClientContext context;
  rerank::v1::RerankResponse response;
  const grpc::Status status = rerank::v1::RerankService::NewStub(Dial(server.Address()))
                                  ->Rerank(&context, MakeRequest(kQuery, kDocuments), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  ServerProcess broken({"--config", file}, {"CO_API_KEY=k", "SSL_CERT_FILE=/no/such/file.pem"});
  EXPECT_EQ(broken.Wait(), 1);
  EXPECT_THAT(broken.err(), HasSubstr("model \"far\": SSL_CERT_FILE: "));
}

}  // namespace
}  // namespace rerankd
