#include "observability/metrics_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <chrono>
#include <list>
#include <string>

#include "http/curl_http_client.h"
#include "observability/process_metrics.h"
#include "support/metrics_text.h"
#include "support/raw_http2.h"

namespace rerankd {
namespace {

using testing::HasSubstr;

HttpResponse Get(const std::string& url) {
  CurlHttpClient client({.user_agent = "test"});
  const auto response = client.Send({.url = url}, nullptr, {});
  EXPECT_TRUE(response.ok()) << response.status();
  return response.value_or(HttpResponse());
}

class MetricsEndpointTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("no_proxy", "*", 1); }
};

TEST_F(MetricsEndpointTest, AnswersWithWhatWasAddedUntilItIsRemoved) {
  const auto endpoint = MetricsEndpoint::Start({.listen = "127.0.0.1:0"});
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  const std::string url = "http://" + (*endpoint)->address() + "/metrics";
  const auto process = std::make_shared<ProcessMetrics>();
  (*endpoint)->Add(process);
  const HttpResponse response = Get(url);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(std::string(*response.Header("content-type")), HasSubstr("text/plain"));
  EXPECT_GT(MetricsText(response.body).Value("process_resident_memory_bytes"), 0);
  (*endpoint)->Remove(process);
  EXPECT_FALSE(MetricsText(Get(url).body).Has("process_resident_memory_bytes"));
}

TEST_F(MetricsEndpointTest, ServesNothingElse) {
  const auto endpoint = MetricsEndpoint::Start({.listen = "127.0.0.1:0"});
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  for (const char* path : {"/", "/etc/passwd", "/metrics/../../etc/passwd", "/metric"}) {
    EXPECT_EQ(Get("http://" + (*endpoint)->address() + path).status, 404) << path;
  }
}

TEST_F(MetricsEndpointTest, AnAddressInUseIsAnErrorThatNamesIt) {
  const auto first = MetricsEndpoint::Start({.listen = "127.0.0.1:0"});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = MetricsEndpoint::Start({.listen = (*first)->address()});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr((*first)->address()));
}

TEST_F(MetricsEndpointTest, WhatIsNoIpv4AddressIsRefusedWithWhatToWrite) {
  for (const char* const listen : {"[::1]:9464", "[::]:9464", "unix:/run/metrics.sock"}) {
    const auto endpoint = MetricsEndpoint::Start({.listen = listen});
    EXPECT_EQ(endpoint.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(endpoint.status().message()), HasSubstr("no IPv4 address"));
  }
}

// Prometheus gives a scrape up after so long, unless it is told otherwise.
constexpr std::chrono::milliseconds kScrapeTimeout{10'000};

absl::StatusOr<HttpResponse> Scrape(const MetricsEndpoint& endpoint) {
  CurlHttpClient client({.user_agent = "test"});
  return client.Send(
      {.url = "http://" + endpoint.address() + "/metrics", .total_timeout = kScrapeTimeout},
      nullptr, {});
}

// Two dozen hold every thread, and some more wait for one.
TEST_F(MetricsEndpointTest, ThoseWhoSayNothingOrTooLittleKeepNoScrapeOut) {
  const auto endpoint = MetricsEndpoint::Start({.listen = "127.0.0.1:0"});
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  const auto process = std::make_shared<ProcessMetrics>();
  (*endpoint)->Add(process);
  std::list<RawHttp2> connections;
  for (int i = 0; i < 24; ++i) {
    const RawHttp2& one = connections.emplace_back((*endpoint)->address());
    EXPECT_TRUE(one.Send(i % 2 == 0 ? "GET /metrics HTTP/1.1\r\nHost: " : ""));
  }
  const auto scraped = Scrape(**endpoint);
  ASSERT_TRUE(scraped.ok()) << scraped.status();
  EXPECT_EQ(scraped->status, 200);
  // Nobody had to go away by himself.
  for (const RawHttp2& one : connections) EXPECT_TRUE(one.IsClosed());
}

TEST_F(MetricsEndpointTest, ARequestWithoutEndIsDropped) {
  const auto endpoint = MetricsEndpoint::Start({.listen = "127.0.0.1:0"});
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  const RawHttp2 hostile((*endpoint)->address());
  EXPECT_TRUE(hostile.Send("GET /metrics HTTP/1.1\r\n"));
  const std::string header = "x: " + std::string(1000, 'x') + "\r\n";
  size_t sent = 0;
  while (sent < (size_t{64} << 20) && hostile.Send(header)) sent += header.size();
  EXPECT_LT(sent, size_t{64} << 20);
  EXPECT_TRUE(Scrape(**endpoint).ok());
}

}  // namespace
}  // namespace rerankd
