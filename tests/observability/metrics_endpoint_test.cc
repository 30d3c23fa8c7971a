#include "observability/metrics_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>

#include <string>

#include "http/curl_http_client.h"
#include "observability/process_metrics.h"
#include "support/metrics_text.h"

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

}  // namespace
}  // namespace rerankd
