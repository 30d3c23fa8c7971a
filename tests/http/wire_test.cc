// CurlAsyncClient against a server that it did not grow up with: HTTP/2, TLS, connections that
// last.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "http/curl_async_client.h"
#include "support/fake_providers.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

class WireTest : public testing::TestWithParam<std::string> {
 protected:
  using Answer = std::future<absl::StatusOr<HttpResponse>>;

  static void SetUpTestSuite() {
    setenv("no_proxy", "*", 1);
    fake_ = new FakeProviders("0.05");
  }
  static void TearDownTestSuite() {
    delete fake_;
    fake_ = nullptr;
  }
  void SetUp() override {
    if (!fake_->speaks_http2()) GTEST_SKIP() << "the Python package h2 is not here";
    client_.emplace(CurlAsyncClientOptions{.http = {"rerankd/test", {}}});
    before_ = fake_->Requests().size();
  }

  HttpRequest Request(const std::string& listener, const std::string& query) const {
    return {.method = "POST",
            .url = fake_->Url(listener) + "/voyage/v1/rerank",
            .headers = {{"Content-Type", "application/json"}},
            .secret_headers = {{"Authorization", Secret("Bearer key")}},
            .body = R"({"model":"m","documents":["a","b"],"query":")" + query + "\"}",
            .ca_file = fake_->ca()};
  }
  Answer Send(HttpRequest request, TimePoint deadline = kNoDeadline) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<HttpResponse>>>();
    Answer answer = promise->get_future();
    client_->Send(
        std::make_shared<const HttpRequest>(std::move(request)), deadline, stop_.get_token(),
        [promise](absl::StatusOr<HttpResponse> result) { promise->set_value(std::move(result)); });
    return answer;
  }
  // What came since this test began.
  std::vector<nlohmann::json> Requests() const {
    const nlohmann::json all = fake_->Requests();
    return {all.begin() + static_cast<ptrdiff_t>(before_), all.end()};
  }

  static FakeProviders* fake_;
  std::stop_source stop_;
  size_t before_ = 0;
  std::optional<CurlAsyncClient> client_;
};

FakeProviders* WireTest::fake_ = nullptr;

INSTANTIATE_TEST_SUITE_P(, WireTest, testing::Values("http", "https", "https1"),
                         [](const auto& test) { return test.param; });

TEST_P(WireTest, OneConnectionServesOneRequestAfterTheOther) {
  for (int i = 0; i < 3; ++i) {
    const auto response = Send(Request(GetParam(), "a")).get();
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    EXPECT_EQ(response->status, 200);
  }
  std::set<int> connections;
  for (const nlohmann::json& request : Requests()) {
    connections.insert(request.at("connection").get<int>());
    EXPECT_EQ(request.at("http"), GetParam() == "https" ? "2" : "1.1");
  }
  EXPECT_EQ(connections.size(), 1);
}

TEST_P(WireTest, ABurstIsAnsweredInFull) {
  std::vector<Answer> answers;
  for (int i = 0; i < 90; ++i) answers.push_back(Send(Request(GetParam(), "a")));
  for (Answer& answer : answers) {
    const auto response = answer.get();
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    EXPECT_EQ(response->status, 200);
  }
  std::set<int> connections;
  for (const nlohmann::json& request : Requests()) {
    connections.insert(request.at("connection").get<int>());
  }
  if (GetParam() == "https") {
    EXPECT_EQ(connections.size(), 1) << "of a hundred streams";
  } else {
    EXPECT_GT(connections.size(), 50);
  }
}

TEST_P(WireTest, TheServerSeesACancellation) {
  for (const std::string query : {"fault:silent", "fault:stall", "fault:slow:60000"}) {
    const size_t n = Requests().size() + before_;
    stop_ = std::stop_source();
    Answer answer = Send(Request(GetParam(), query));
    fake_->WaitFor(n, /*closed=*/false);
    const TimePoint stopped = steady_clock::now();
    stop_.request_stop();
    EXPECT_EQ(answer.get().status().code(), absl::StatusCode::kCancelled);
    const auto seen =
        std::chrono::nanoseconds(fake_->WaitFor(n, /*closed=*/true).value("closed_ns", int64_t{0}));
    RecordProperty("seen_after_us_" + query, std::to_string((seen - stopped.time_since_epoch()) /
                                                            std::chrono::microseconds(1)));
    printf("%s %s: seen after %.2f ms\n", GetParam().c_str(), query.c_str(),
           Milliseconds(seen - stopped.time_since_epoch()));
  }
  // The connection of the others survives where it can.
  EXPECT_TRUE(Send(Request(GetParam(), "a")).get().status().code() == absl::StatusCode::kCancelled);
  stop_ = std::stop_source();
  EXPECT_TRUE(Send(Request(GetParam(), "a")).get().ok());
}

TEST_P(WireTest, ACancellationIsSeenAndLeavesTheOthersAlone) {
  Answer other =
      Send(Request(GetParam(), "fault:delay:3000"), steady_clock::now() + std::chrono::seconds(60));
  fake_->WaitFor(before_, /*closed=*/false);
  stop_ = std::stop_source();
  Answer answer = Send(Request(GetParam(), "fault:silent"));
  fake_->WaitFor(before_ + 1, /*closed=*/false);
  stop_.request_stop();
  EXPECT_EQ(answer.get().status().code(), absl::StatusCode::kCancelled);
  fake_->WaitFor(before_ + 1, /*closed=*/true);
  EXPECT_FALSE(Requests().at(0).contains("answered"))
      << "it was seen before the other was answered";
  const auto response = other.get();
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 200);
}

TEST_P(WireTest, TheServerSeesADeadline) {
  const auto response =
      Send(Request(GetParam(), "fault:silent"), steady_clock::now() + milliseconds(300)).get();
  EXPECT_EQ(response.status().code(), absl::StatusCode::kDeadlineExceeded);
  fake_->WaitFor(before_, /*closed=*/true);
}

TEST_P(WireTest, BrokenAnswersAreErrors) {
  for (const std::string query : {"fault:reset", "fault:cut"}) {
    const auto response = Send(Request(GetParam(), query)).get();
    EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable)
        << query << ": " << response.status().ToString();
  }
}

// Each may be billed: whether there is another is not for libcurl to say.
TEST_P(WireTest, ARequestIsSentOnceThoughItsConnectionWasKept) {
  for (const std::string query : {"fault:drop", "fault:reset"}) {
    const size_t before = Requests().size();
    ASSERT_TRUE(Send(Request(GetParam(), "a")).get().ok());
    const auto response = Send(Request(GetParam(), query)).get();
    EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable)
        << query << ": " << response.status().ToString();
    EXPECT_THAT(std::string(response.status().message()), HasSubstr("broke"));
    EXPECT_EQ(Requests().size(), before + 2) << query;
  }
  EXPECT_TRUE(Send(Request(GetParam(), "a")).get().ok());
}

TEST_P(WireTest, ABombDoesNotGoOff) {
  HttpRequest request = Request(GetParam(), "fault:bomb:64");
  request.max_body_bytes = 1 << 20;
  EXPECT_EQ(Send(std::move(request)).get().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(WireTest, CertificatesAreChecked) {
  for (const std::string listener : {"wrong_host", "expired"}) {
    const auto response = Send(Request(listener, "a")).get();
    EXPECT_EQ(response.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(response.status().message()), HasSubstr("is not trusted")) << listener;
  }
  HttpRequest stranger = Request("https", "a");
  stranger.ca_file.clear();
  EXPECT_EQ(Send(std::move(stranger)).get().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Requests().empty());
}

}  // namespace
}  // namespace rerankd
