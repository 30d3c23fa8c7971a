#include "http/curl_async_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "http/gzip.h"
#include "support/http_test_server.h"
#include "support/silent_listener.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

class CurlAsyncClientTest : public testing::Test {
 protected:
  using Answer = std::future<absl::StatusOr<HttpResponse>>;

  static void SetUpTestSuite() { setenv("no_proxy", "*", 1); }

  void SetUp() override { client_.emplace(CurlAsyncClientOptions{.http = {"rerankd/test", {}}}); }

  Answer Send(HttpRequest request, TimePoint deadline = kNoDeadline, std::stop_token stop = {}) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<HttpResponse>>>();
    Answer answer = promise->get_future();
    client_->Send(
        std::make_shared<const HttpRequest>(std::move(request)), deadline, std::move(stop),
        [promise](absl::StatusOr<HttpResponse> result) { promise->set_value(std::move(result)); });
    return answer;
  }
  std::future<absl::Status> RunAt(TimePoint when, std::stop_token stop = {}) {
    auto promise = std::make_shared<std::promise<absl::Status>>();
    auto answer = promise->get_future();
    client_->RunAt(when, std::move(stop),
                   [promise](absl::Status status) { promise->set_value(std::move(status)); });
    return answer;
  }

  static HttpTestServer::Handler Always(std::string answer) {
    return [answer = std::move(answer)](const std::string&) { return answer; };
  }
  static std::optional<std::string> Silence(const std::string&) { return std::nullopt; }

  std::stop_source stop_;
  std::optional<CurlAsyncClient> client_;
};

TEST_F(CurlAsyncClientTest, SendsWhatItIsGivenAndReturnsWhatComes) {
  HttpTestServer server(Always(kOk));
  const auto response = Send({.method = "POST",
                              .url = server.Url("/path"),
                              .headers = {{"Content-Type", "application/json"}},
                              .secret_headers = {{"Authorization", Secret("Bearer s3cret")}},
                              .body = "{}"})
                            .get();
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "hello");
  EXPECT_THAT(server.requests().at(0),
              AllOf(StartsWith("POST /path HTTP/1.1\r\n"), testing::EndsWith("\r\n\r\n{}"),
                    HasSubstr("Authorization: Bearer s3cret\r\n"),
                    HasSubstr("Content-Type: application/json\r\n"),
                    HasSubstr("User-Agent: rerankd/test\r\n")));
}

TEST_F(CurlAsyncClientTest, ALargeBodyIsSentWithoutAsking) {
  HttpTestServer server(Always(kOk));
  const auto response =
      Send({.method = "POST", .url = server.Url(), .body = std::string(3 << 20, 'x')}).get();
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_THAT(server.requests().at(0).substr(0, 1000), Not(HasSubstr("Expect")));
  EXPECT_GT(server.requests().at(0).size(), 3 << 20);
}

TEST_F(CurlAsyncClientTest, EachOfManyGetsItsOwnAnswer) {
  HttpTestServer server([](const std::string& request) {
    const std::string path = request.substr(4, request.find(' ', 4) - 4);
    return "HTTP/1.1 200 OK\r\n\r\n" + path;
  });
  std::vector<Answer> answers;
  for (int i = 0; i < 100; ++i)
    answers.push_back(Send({.url = server.Url("/" + std::to_string(i))}));
  for (int i = 0; i < 100; ++i) {
    const auto response = answers[static_cast<size_t>(i)].get();
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    EXPECT_EQ(response->body, "/" + std::to_string(i));
  }
}

TEST_F(CurlAsyncClientTest, ARedirectIsAnAnswer) {
  HttpTestServer server(
      Always("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"));
  const auto response = Send({.url = server.Url()}).get();
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 302);
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(CurlAsyncClientTest, TheBoundCountsWhatWasCompressed) {
  HttpTestServer server(
      Always("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + std::string(kGzip)));
  EXPECT_TRUE(Send({.url = server.Url(), .max_body_bytes = 100'000}).get().ok());
  EXPECT_EQ(Send({.url = server.Url(), .max_body_bytes = 99'999}).get().status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(CurlAsyncClientTest, WhatCannotBeSentIsAnError) {
  HttpTestServer server(Always(kOk));
  EXPECT_EQ(Send({.url = "file:///etc/passwd"}).get().status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Send({.url = server.Url(), .headers = {{"A", "b\r\nC: d"}}}).get().status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(server.requests(), IsEmpty());
}

TEST_F(CurlAsyncClientTest, NobodyListens) {
  std::string url;
  {
    const HttpTestServer server(Always(""));
    url = server.Url();
  }
  const auto response = Send({.url = url}).get();
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("cannot connect to 127.0.0.1:"));
}

// One after the other they would need more time than the deadline leaves them.
TEST_F(CurlAsyncClientTest, AHandshakeThatNeverEndsKeepsNobodyWaiting) {
  const SilentListener listener;
  std::vector<Answer> answers;
  for (int i = 0; i < 100; ++i) {
    answers.push_back(Send({.url = listener.Url("https"), .connect_timeout = milliseconds(500)},
                           steady_clock::now() + seconds(20)));
  }
  // Whether libcurl's timer notices it or ours.
  for (Answer& answer : answers) {
    const absl::Status status = answer.get().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()),
                AllOf(StartsWith("no connection to 127.0.0.1:"), HasSubstr(" within 500 ms;")));
  }
}

TEST_F(CurlAsyncClientTest, ACancelledRequestClosesItsConnection) {
  HttpTestServer server(Silence);
  Answer answer = Send({.url = server.Url()}, kNoDeadline, stop_.get_token());
  while (server.requests().empty()) std::this_thread::yield();
  stop_.request_stop();
  EXPECT_EQ(answer.get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(server.WaitForClose());
}

TEST_F(CurlAsyncClientTest, AnExpiredRequestClosesItsConnection) {
  HttpTestServer server(Silence);
  const auto response = Send({.url = server.Url()}, steady_clock::now() + milliseconds(100)).get();
  EXPECT_EQ(response.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(server.WaitForClose());
}

TEST_F(CurlAsyncClientTest, WhatNobodyWaitsForIsNotEvenSent) {
  HttpTestServer server(Always(kOk));
  stop_.request_stop();
  EXPECT_EQ(Send({.url = server.Url()}, kNoDeadline, stop_.get_token()).get().status().code(),
            absl::StatusCode::kCancelled);
  EXPECT_EQ(Send({.url = server.Url()}, steady_clock::now()).get().status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(server.requests(), IsEmpty());
}

TEST_F(CurlAsyncClientTest, TimersRunInTheOrderOfTheirTimes) {
  const TimePoint now = steady_clock::now();
  std::vector<int> order;
  std::promise<void> last;
  client_->RunAt(now + milliseconds(60), {}, [&](const absl::Status&) {
    order.push_back(3);
    last.set_value();
  });
  client_->RunAt(now + milliseconds(40), {}, [&](const absl::Status&) { order.push_back(2); });
  client_->RunAt(now - seconds(1), {}, [&](const absl::Status&) { order.push_back(1); });
  last.get_future().wait();
  EXPECT_THAT(order, ElementsAre(1, 2, 3));
  EXPECT_GE(steady_clock::now(), now + milliseconds(60));
}

TEST_F(CurlAsyncClientTest, ATimerCanBeCancelled) {
  auto tick = RunAt(kNoDeadline, stop_.get_token());
  stop_.request_stop();
  EXPECT_EQ(tick.get().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(RunAt(steady_clock::now(), stop_.get_token()).get().code(),
            absl::StatusCode::kCancelled);
}

TEST_F(CurlAsyncClientTest, ItsEndEndsWhatIsOpen) {
  HttpTestServer server(Silence);
  Answer request = Send({.url = server.Url()});
  auto timer = RunAt(kNoDeadline);
  while (server.requests().empty()) std::this_thread::yield();
  client_.reset();
  EXPECT_EQ(request.get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(timer.get().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(server.WaitForClose());
}

TEST_F(CurlAsyncClientTest, OnceItIsClosedNothingBegins) {
  HttpTestServer server(Always(kOk));
  client_->Close();
  EXPECT_EQ(Send({.url = server.Url()}).get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(RunAt(steady_clock::now()).get().code(), absl::StatusCode::kUnavailable);
  client_->Close();
  EXPECT_THAT(server.requests(), IsEmpty());
}

TEST_F(CurlAsyncClientTest, WhatTriesAgainAtTheEndEndsToo) {
  HttpTestServer server(Silence);
  std::vector<absl::StatusCode> seen;
  CurlAsyncClient* const client = &*client_;
  client_->RunAt(kNoDeadline, {}, [&](const absl::Status& timer) {
    seen.push_back(timer.code());
    client->Send(std::make_shared<const HttpRequest>(HttpRequest{.url = server.Url()}), kNoDeadline,
                 {}, [&](const absl::StatusOr<HttpResponse>& response) {
                   seen.push_back(response.status().code());
                 });
  });
  client_.reset();
  EXPECT_THAT(seen, ElementsAre(absl::StatusCode::kUnavailable, absl::StatusCode::kUnavailable));
}

TEST_F(CurlAsyncClientTest, AnExceptionStaysWithWhoeverThrewIt) {
  client_->RunAt(steady_clock::now(), {},
                 [](const absl::Status&) { throw std::runtime_error("thrown"); });
  EXPECT_TRUE(RunAt(steady_clock::now()).get().ok());
}

TEST_F(CurlAsyncClientTest, EachRequestEndsOnceWhoeverIsFirst) {
  HttpTestServer server(Always(kOk));
  constexpr int kThreads = 4;
  constexpr int kEach = 50;
  std::atomic<int> ended{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        const auto request = std::make_shared<const HttpRequest>(HttpRequest{.url = server.Url()});
        for (int i = 0; i < kEach; ++i) {
          std::stop_source stop;
          auto done = std::make_shared<std::promise<void>>();
          client_->Send(request, steady_clock::now() + milliseconds(1 + i % 7), stop.get_token(),
                        [&ended, done](const absl::StatusOr<HttpResponse>&) {
                          ++ended;
                          done->set_value();  // a second time would throw
                        });
          if (i % 3 == 0) stop.request_stop();
          if (i % 5 == 0) done->get_future().wait();
        }
      });
    }
  }
  client_.reset();
  EXPECT_EQ(ended, kThreads * kEach);
}

}  // namespace
}  // namespace rerankd
