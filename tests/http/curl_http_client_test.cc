#include "http/curl_http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "http/gzip.h"
#include "support/http_test_server.h"
#include "support/silent_listener.h"

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CurlHttpClientTest : public testing::Test {
 protected:
  // The proxies of whoever runs the tests are not asked for their own machine.
  static void SetUpTestSuite() { setenv("no_proxy", "*", 1); }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request,
                                    const HttpBodySink& sink = nullptr) {
    return client_.Send(request, sink, stop_.get_token());
  }
  absl::StatusOr<HttpResponse> Get(const HttpTestServer& server,
                                   const HttpBodySink& sink = nullptr) {
    return Send({.url = server.Url()}, sink);
  }

  static HttpTestServer::Handler Always(std::string answer) {
    return [answer = std::move(answer)](const std::string&) { return answer; };
  }

  std::stop_source stop_;
  CurlHttpClient client_{{.user_agent = "rerankd/test"}};
};

TEST_F(CurlHttpClientTest, SendsWhatItIsGivenAndReturnsWhatComes) {
  HttpTestServer server(
      Always("HTTP/1.1 200 OK\r\nX-One: a\r\nx-two:  b \r\nContent-Length: 5\r\n\r\nhello"));
  const auto response = Send({.url = server.Url("/path?q=1#fragment"),
                              .headers = {{"X-Asked", "yes"}, {"X-Empty", ""}},
                              .secret_headers = {{"Authorization", Secret("Bearer s3cret")}}});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->Header("X-ONE"), "a");
  EXPECT_EQ(response->Header("X-Two"), "b");
  EXPECT_EQ(response->Header("X-Three"), std::nullopt);
  EXPECT_EQ(response->body, "hello");
  EXPECT_THAT(server.requests().at(0),
              AllOf(StartsWith("GET /path?q=1 HTTP/1.1\r\n"), HasSubstr("X-Asked: yes\r\n"),
                    HasSubstr("X-Empty:\r\n"), HasSubstr("Authorization: Bearer s3cret\r\n"),
                    HasSubstr("User-Agent: rerankd/test\r\n")));
}

TEST_F(CurlHttpClientTest, PostsABody) {
  HttpTestServer server(Always("HTTP/1.1 204 No Content\r\n\r\n"));
  const auto response = Send({.method = "POST",
                              .url = server.Url(),
                              .headers = {{"Content-Type", "application/json"}},
                              .body = "{}"});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 204);
  EXPECT_THAT(server.requests().at(0),
              AllOf(StartsWith("POST / HTTP/1.1\r\n"), HasSubstr("Content-Length: 2\r\n"),
                    HasSubstr("Content-Type: application/json\r\n")));
}

TEST_F(CurlHttpClientTest, AHeadHasNoBody) {
  HttpTestServer server(Always("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
  const auto response = Send({.method = "HEAD", .url = server.Url()});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->Header("Content-Length"), "1000");
  EXPECT_THAT(server.requests().at(0), StartsWith("HEAD / "));
}

TEST_F(CurlHttpClientTest, ARedirectIsAnAnswer) {
  HttpTestServer server(
      Always("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"));
  const auto response = Get(server);
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(server.requests().size(), 1);
}

TEST_F(CurlHttpClientTest, OnlyTheLastOfSeveralAnswersCounts) {
  HttpTestServer server(Always(
      "HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
  const auto response = Get(server);
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->Header("X-A"), std::nullopt);
}

TEST_F(CurlHttpClientTest, TheBodyOfSuccessGoesToTheSink) {
  HttpTestServer server(
      Always("HTTP/1.1 206 Partial Content\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello"));
  std::string taken;
  const auto response = Get(server, [&](const HttpResponse& head, std::string_view piece) {
    EXPECT_EQ(head.status, 206);
    EXPECT_EQ(head.Header("X-A"), "1");
    taken += piece;
    return absl::OkStatus();
  });
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(taken, "hello");
  EXPECT_EQ(response->body, "");
}

TEST_F(CurlHttpClientTest, OfAFailureTheSinkSeesNothingAndTheResponseTheBeginning) {
  HttpTestServer server(Always("HTTP/1.1 500 Oh\r\n\r\n" + std::string(1'000'000, 'x')));
  const auto response = Get(
      server, [](const HttpResponse&, std::string_view) { return absl::InternalError("called"); });
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->status, 500);
  EXPECT_EQ(response->body, std::string(65'536, 'x'));
}

TEST_F(CurlHttpClientTest, AnErrorOfTheSinkEndsTheTransfer) {
  HttpTestServer server(Always("HTTP/1.1 200 OK\r\n\r\n" + std::string(1'000'000, 'x')));
  int pieces = 0;
  const auto response = Get(server, [&](const HttpResponse&, std::string_view) {
    ++pieces;
    return absl::DataLossError("enough");
  });
  EXPECT_EQ(response.status(), absl::DataLossError("enough"));
  EXPECT_EQ(pieces, 1);
}

TEST_F(CurlHttpClientTest, ABodyHasABound) {
  HttpTestServer server(Always("HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x')));
  EXPECT_TRUE(Send({.url = server.Url(), .max_body_bytes = 1001}).ok());
  EXPECT_EQ(Send({.url = server.Url(), .max_body_bytes = 1000}).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(CurlHttpClientTest, TheBoundCountsWhatWasCompressed) {
  HttpTestServer server(
      Always("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + std::string(kGzip)));
  const auto response = Get(server);
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->body, std::string(100'000, '\0'));
  EXPECT_THAT(server.requests().at(0), HasSubstr("gzip"));
  EXPECT_EQ(Send({.url = server.Url(), .max_body_bytes = 99'999}).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST_F(CurlHttpClientTest, CompressionCanBeDeclined) {
  HttpTestServer server(Always("HTTP/1.1 200 OK\r\n\r\n"));
  ASSERT_TRUE(Send({.url = server.Url(), .accept_compression = false}).ok());
  EXPECT_THAT(server.requests().at(0),
              AllOf(HasSubstr("Accept-Encoding: identity\r\n"), Not(HasSubstr("gzip"))));
}

TEST_F(CurlHttpClientTest, HeadersHaveABound) {
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int n = 0; n < 201; ++n) many += "X: y\r\n";
  for (const std::string& answer :
       {many + "\r\n", "HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n"}) {
    HttpTestServer server(Always(answer));
    const auto response = Get(server);
    EXPECT_EQ(response.status().code(), absl::StatusCode::kResourceExhausted)
        << response.status().ToString();
  }
}

TEST_F(CurlHttpClientTest, WhatIsNoHttpIsAnError) {
  for (const char* answer :
       {"", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    HttpTestServer server(Always(answer));
    const auto response = Get(server);
    EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable) << answer;
    EXPECT_THAT(std::string(response.status().message()), HasSubstr("127.0.0.1:"));
  }
}

TEST_F(CurlHttpClientTest, NobodyListens) {
  std::string url;
  {
    const HttpTestServer server(Always(""));
    url = server.Url();
  }
  const auto response = Send({.url = url});
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(response.status().message()), HasSubstr("cannot connect to 127.0.0.1:"));
}

TEST_F(CurlHttpClientTest, AServerThatIsSilentIsGivenUp) {
  HttpTestServer server([](const std::string&) { return std::nullopt; });
  const auto stalled = Send({.url = server.Url(), .stall_timeout = std::chrono::milliseconds(1)});
  EXPECT_EQ(stalled.status().code(), absl::StatusCode::kDeadlineExceeded);
  const auto late = Send({.url = server.Url(), .total_timeout = std::chrono::milliseconds(200)});
  EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(late.status().message()), HasSubstr("does not answer"));
}

// Nothing was sent, so it is not known to be slow, but not to be there.
TEST_F(CurlHttpClientTest, AConnectionThatIsNeverMadeIsNoSlowAnswer) {
  const SilentListener listener;
  const auto response =
      Send({.url = listener.Url("https"), .connect_timeout = std::chrono::milliseconds(100)});
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(response.status().message()),
              AllOf(StartsWith("no connection to 127.0.0.1:"), HasSubstr(" within 100 ms;")));
  const auto whole =
      Send({.url = listener.Url("https"), .total_timeout = std::chrono::milliseconds(100)});
  EXPECT_EQ(whole.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(whole.status().message()), HasSubstr(" within 100 ms;"));
}

TEST_F(CurlHttpClientTest, Cancels) {
  HttpTestServer server([&](const std::string&) {
    stop_.request_stop();
    return std::nullopt;
  });
  EXPECT_EQ(Get(server).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Get(server).status().code(), absl::StatusCode::kCancelled);  // not even begun
  EXPECT_EQ(server.requests().size(), 1);
}

TEST_F(CurlHttpClientTest, AHeaderCannotSmuggleAnother) {
  HttpTestServer server(Always("HTTP/1.1 200 OK\r\n\r\n"));
  for (const auto& [name, value] : {std::pair("A", "b\r\nC: s3cret"), std::pair("A\r\nB", "s3cret"),
                                    std::pair("A:", "s3cret"), std::pair("", "s3cret")}) {
    const auto response = Send({.url = server.Url(), .secret_headers = {{name, Secret(value)}}});
    EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(response.status().message()), Not(HasSubstr("s3cret")));
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(CurlHttpClientTest, OnlyHttp) {
  for (const char* url : {"file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1"}) {
    EXPECT_EQ(Send({.url = url}).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace rerankd
