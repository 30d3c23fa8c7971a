#include "rerankd/client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "core/errors.h"
#include "support/rerank_test_server.h"
#include "support/temp_dir.h"

namespace rerankd::client {
namespace {

using ::testing::HasSubstr;

// How long anything a test waits for may take before it counts as a hang.
constexpr std::chrono::seconds kPatience{120};

class ClientTest : public testing::Test {
 protected:
  // A client of server_ with these options, and pauses that a test can afford.
  Client With(Client::Options options) const {
    options.target = server_.address();
    options.retry.initial_backoff = std::chrono::milliseconds(1);
    options.retry.max_backoff = std::chrono::milliseconds(1);
    return Client(std::move(options));
  }

  RerankTestServer server_;
  Client client_{{.target = server_.address()}};
};

TEST_F(ClientTest, Reranks) {
  const auto answer = client_.Rerank("q", {"a", "bbb", "cc"},
                                     {.top_k = 2,
                                      .model = "large",
                                      .return_documents = true,
                                      .score_kind = ScoreKind::kSigmoid,
                                      .truncation = Truncation::kLongestFirst,
                                      .request_id = "my-id"});
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->results.size(), 2);
  EXPECT_EQ(answer->results[0].index, 1);
  EXPECT_EQ(answer->results[0].score, 3);
  EXPECT_EQ(answer->results[0].document, "bbb");
  EXPECT_EQ(answer->results[1].index, 2);
  EXPECT_EQ(answer->model, "large");
  EXPECT_EQ(answer->score_kind, ScoreKind::kSigmoid);
  EXPECT_EQ(answer->query_tokens, 1);
  EXPECT_EQ(answer->document_tokens, 6);
  EXPECT_EQ(answer->total_tokens, 7);
  EXPECT_EQ(answer->tokenize, std::chrono::microseconds(1));
  EXPECT_EQ(answer->queue, std::chrono::microseconds(2));
  EXPECT_EQ(answer->compute, std::chrono::milliseconds(1500));
  EXPECT_EQ(answer->request_id, "my-id");
  EXPECT_EQ(server_.large().last_request()->truncation, rerankd::Truncation::kLongestFirst);
}

TEST_F(ClientTest, GivesTheServersDetails) {
  const auto empty = client_.Rerank("q", {"a", ""});
  EXPECT_EQ(empty.status().code(), absl::StatusCode::kInvalidArgument);
  ErrorDetails details = DetailsOf(empty.status());
  EXPECT_EQ(details.reason, "EMPTY_FIELD");
  ASSERT_EQ(details.violations.size(), 1);
  EXPECT_EQ(details.violations[0].field, "documents[1]");
  EXPECT_EQ(details.retry_after, std::nullopt);
  server_.mini().FailWith(RetryLater("queue full", std::chrono::seconds(60)));
  const auto full = client_.Rerank("q", {"a"});
  EXPECT_EQ(DetailsOf(full.status()).retry_after, std::chrono::seconds(60));
  EXPECT_EQ(server_.mini().calls(), 1) << "it may not come back within its deadline";
  EXPECT_EQ(DetailsOf(absl::InternalError("none")).reason, "");
}

TEST_F(ClientTest, RefusesWhatGrpcCouldNotSend) {
  for (const auto& answer : {client_.Rerank("\xFF", {"a"}), client_.Rerank("q", {"a", "\xC3"}),
                             client_.Rerank("q", {"a"}, {.model = "\xED\xA0\x80"}),
                             client_.Rerank("q", {"a"}, {.request_id = "line\nbreak"}),
                             client_.Rerank("q", {"a"}, {.provider_key = "k\xC3\xA9y"}),
                             With({.metadata = {{"Upper", "a"}}}).Rerank("q", {"a"}),
                             With({.metadata = {{"x-bin", "a"}}}).Rerank("q", {"a"}),
                             With({.api_key = "a\nb"}).Rerank("q", {"a"})}) {
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(server_.mini().calls(), 0);
}

TEST_F(ClientTest, GivesUpAtTheDeadline) {
  server_.mini().HoldBack();
  // One that the server has heard of, however slow the machine is.
  for (std::chrono::milliseconds deadline{200}; server_.mini().calls() == 0; deadline *= 2) {
    Client impatient({.target = server_.address(), .deadline = deadline});
    EXPECT_EQ(impatient.Rerank("q", {"a"}).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_TRUE(server_.mini().WaitForCancelled(1)) << "nothing may be left running";
}

TEST_F(ClientTest, SendsAgainWhatMayPass) {
  const absl::Status full = RetryLater("queue full", std::chrono::milliseconds(1));
  for (const absl::Status& failure : {absl::UnavailableError("draining"), full}) {
    server_.mini().FailNext(4, failure);
    const size_t before = server_.mini().calls();
    const auto answer = With({}).Rerank("q", {"a"});
    EXPECT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(server_.mini().calls() - before, 5);
  }
}

TEST_F(ClientTest, GivesUpAfterTheLastAttempt) {
  server_.mini().FailWith(absl::UnavailableError("draining"));
  const auto answer = With({}).Rerank("q", {"a"});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(answer.status().message(), "draining");
  EXPECT_EQ(server_.mini().calls(), 5);
  With({.retry = {.max_attempts = 1}}).Rerank("q", {"a"}).IgnoreError();
  EXPECT_EQ(server_.mini().calls(), 6);
}

TEST_F(ClientTest, SendsNothingAgainThatWillNotPass) {
  server_.mini().FailWith(absl::ResourceExhaustedError("no balance"));
  EXPECT_EQ(With({}).Rerank("q", {"a"}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(server_.mini().calls(), 1);
}

TEST_F(ClientTest, RefusesARequestThatIsTooLarge) {
  Client small = With({.max_message_bytes = 1000});
  EXPECT_EQ(small.Rerank("q", {std::string(2000, 'x')}).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(server_.mini().calls(), 0);
  EXPECT_TRUE(small.Rerank("q", {"a"}).ok());
}

TEST_F(ClientTest, ReadsAnAnswerAboveGrpcsOwnLimit) {
  const auto answer =
      client_.Rerank("q", {std::string(size_t{5} << 20, 'x')}, {.return_documents = true});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->results[0].document->size(), size_t{5} << 20);
}

TEST_F(ClientTest, CancelsACall) {
  server_.mini().HoldBack();
  std::stop_source stop;
  std::jthread canceller([&] {
    ASSERT_TRUE(server_.mini().WaitForHeld(1));
    stop.request_stop();
  });
  const auto answer = client_.Rerank("q", {"a"}, {.cancel = stop.get_token()});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(server_.mini().WaitForCancelled(1)) << "the server must hear of it";
  EXPECT_EQ(client_.Rerank("q", {"a"}, {.cancel = stop.get_token()}).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(server_.mini().calls(), 1);
}

TEST_F(ClientTest, CancelsThePauseBetweenAttempts) {
  std::stop_source stop;
  server_.mini().Behave([&stop](const RerankRequest&, Reranker::Done done) {
    std::move(done)(RetryLater("queue full", std::chrono::seconds(20)));
    stop.request_stop();
  });
  EXPECT_EQ(client_.Rerank("q", {"a"}, {.cancel = stop.get_token()}).status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(server_.mini().calls(), 1);
}

TEST_F(ClientTest, CallsAllAddressesOfAName) {
  RerankTestServer other;
  constexpr char kNobody[] = "127.0.0.1:1";
  Client client(
      {.target = fmt::format("ipv4:{},{},{}", kNobody, server_.address(), other.address()),
       .retry = {.max_attempts = 1}});
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (server_.mini().calls() == 0 || other.mini().calls() == 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), end) << "one of the two is never called";
    const auto answer = client.Rerank("q", {"a"});
    ASSERT_TRUE(answer.ok()) << answer.status();
  }
}

TEST_F(ClientTest, ListsModels) {
  const auto models = client_.ListModels();
  ASSERT_TRUE(models.ok());
  ASSERT_EQ(models->size(), 2);
  EXPECT_EQ(models->at(0).name, "mini");
  EXPECT_TRUE(models->at(0).is_default);
  EXPECT_EQ(models->at(0).aliases, std::vector<std::string>{"small"});
  EXPECT_EQ(models->at(0).state, ModelState::kReady);
  EXPECT_EQ(models->at(0).default_score_kind, ScoreKind::kRaw);
  EXPECT_EQ(models->at(1).default_score_kind, ScoreKind::kSigmoid);
  EXPECT_EQ(models->at(1).default_truncation, Truncation::kOnlyDocument);
}

TEST_F(ClientTest, SaysThatModelsMayNotBeUnloaded) {
  const absl::Status status = client_.UnloadModel("mini").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(DetailsOf(status).reason, "ADMIN_DISABLED");
  EXPECT_EQ(client_.LoadModel("\xFF").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ClientAdminTest, LoadsReloadsAndUnloads) {
  ServiceOptions options = RerankTestServer::FreePort();
  options.admin = true;
  RerankTestServer server(options);
  Client client({.target = server.address()});
  auto model = client.UnloadModel("small");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->name, "mini");
  EXPECT_EQ(model->state, ModelState::kNotLoaded);
  EXPECT_EQ(*client.IsServing("mini"), false);
  server.FailLoads(absl::FailedPreconditionError("broken"));
  EXPECT_EQ(DetailsOf(client.LoadModel("mini").status()).reason, "MODEL_FAILED");
  EXPECT_EQ(client.ListModels()->at(0).state, ModelState::kFailed);
  EXPECT_EQ(client.ListModels()->at(0).error, "broken");
  server.FailLoads(absl::OkStatus());
  model = client.LoadModel("mini");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->state, ModelState::kReady);
  EXPECT_TRUE(client.ReloadModel("mini").ok());
  EXPECT_TRUE(*client.IsServing("mini"));
}

TEST_F(ClientTest, KnowsWhetherTheServerServes) {
  EXPECT_TRUE(*client_.IsServing());
  EXPECT_TRUE(*client_.IsServing("large"));
  EXPECT_EQ(client_.IsServing("nope").status().code(), absl::StatusCode::kNotFound);
  server_.server().BeginShutdown();
  EXPECT_FALSE(*client_.IsServing());
}

TEST(ClientWaitTest, WaitsForAServerThatStartsLater) {
  const TempDir folder;
  ServiceOptions options;
  options.listen = {"unix:" + (folder.path() / "rerankd").string()};
  absl::StatusOr<bool> serving = false;
  std::jthread waiter(
      [&] { serving = Client({.target = options.listen[0]}).WaitUntilServing("mini"); });
  const RerankTestServer server(options);
  waiter.join();
  ASSERT_TRUE(serving.ok()) << serving.status();
  EXPECT_TRUE(*serving);
}

TEST(ClientWaitTest, GivesUpWithTheLastError) {
  const TempDir folder;
  Client client({.target = "unix:" + (folder.path() / "nobody").string(),
                 .deadline = std::chrono::milliseconds(300)});
  const auto serving = client.WaitUntilServing();
  EXPECT_EQ(serving.status().code(), absl::StatusCode::kUnavailable) << serving.status();
  EXPECT_THAT(std::string(serving.status().message()), HasSubstr("No such file"));
}

}  // namespace
}  // namespace rerankd::client
