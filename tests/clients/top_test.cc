#include "top.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "support/http_test_server.h"

namespace rerankd::client {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<MetricsSample> Page(const std::string& text) {
  auto page = ParseMetricsPage(text);
  EXPECT_TRUE(page.ok()) << page.status();
  return page.value_or(std::vector<MetricsSample>());
}

// Of a model "m" after so many calls that were answered within 10 ms and so many within 20 ms.
std::string After(int quick, int slow) {
  const auto number = [](int n) { return std::to_string(n) + "\n"; };
  const std::string of = "{model=\"m\",method=\"Rerank\"";
  return "rerankd_calls_in_progress 3\n"
         "process_resident_memory_bytes 1048576\n"
         "process_cpu_seconds_total " +
         number(quick) +
         "rerankd_model_state{model=\"m\",state=\"loading\"} 0\n"
         "rerankd_model_state{model=\"m\",state=\"ready\"} 1\n"
         "rerankd_model_state{model=\"idle\",state=\"not_loaded\"} 1\n"
         "rerankd_calls_total" +
         of + ",code=\"OK\"} " + number(quick) + "rerankd_calls_total" + of +
         ",code=\"INTERNAL\"} " + number(slow) +
         "rerankd_calls_total{model=\"m\",method=\"GetModel\",code=\"OK\"} 999\n"
         "rerankd_calls_total{model=\"\",method=\"Rerank\",code=\"NOT_FOUND\"} 999\n"
         "rerankd_call_documents_sum{model=\"m\"} " +
         number(10 * quick) + "rerankd_tokens_total{model=\"m\"} " + number(1000 * quick) +
         "rerankd_call_duration_seconds_bucket" + of + ",le=\"0.01\"} " + number(quick) +
         "rerankd_call_duration_seconds_bucket" + of + ",le=\"0.02\"} " + number(quick + slow) +
         "rerankd_call_duration_seconds_bucket" + of + ",le=\"+Inf\"} " + number(quick + slow) +
         "rerankd_shed_calls_total{model=\"m\",reason=\"queue_full\"} " + number(slow) +
         "rerankd_shed_calls_total{model=\"m\",reason=\"deadline\"} " + number(slow) +
         "rerankd_queue_documents{model=\"m\"} 12\n"
         "rerankd_queue_documents_limit{model=\"m\"} 100000\n"
         "rerankd_sessions{model=\"m\"} 2\n"
         "rerankd_batch_duration_seconds_sum{model=\"m\"} " +
         number(quick / 10) + "rerankd_batch_fill_ratio_sum{model=\"m\"} " + number(quick) +
         "rerankd_batch_fill_ratio_count{model=\"m\"} " + number(4 * quick);
}

TEST(HistogramQuantileTest, InterpolatesWithinTheBucket) {
  const std::vector<std::pair<double, double>> buckets = {
      {1, 10}, {2, 20}, {4, 40}, {kInfinity, 40}};
  EXPECT_DOUBLE_EQ(*HistogramQuantile(0.5, buckets), 2);
  EXPECT_DOUBLE_EQ(*HistogramQuantile(0.25, buckets), 1);
  EXPECT_DOUBLE_EQ(*HistogramQuantile(0.125, buckets), 0.5);
  EXPECT_DOUBLE_EQ(*HistogramQuantile(0.75, buckets), 3);
}

TEST(HistogramQuantileTest, SkipsEmptyBucketsAndKnowsNoMoreThanTheLastBound) {
  EXPECT_DOUBLE_EQ(*HistogramQuantile(0.5, {{1, 0}, {2, 0}, {4, 10}, {kInfinity, 10}}), 3);
  EXPECT_DOUBLE_EQ(*HistogramQuantile(0.99, {{1, 5}, {2, 5}, {kInfinity, 10}}), 2);
  EXPECT_FALSE(HistogramQuantile(0.5, {{1, 0}, {kInfinity, 0}}).has_value());
  EXPECT_FALSE(HistogramQuantile(0.5, {}).has_value());
}

TEST(TopTest, IsAboutTheTimeBetweenTheLooks) {
  const ServerLoad load = CompareLooks(Page(After(100, 50)), Page(After(140, 60)), 10);
  EXPECT_EQ(load.calls_in_progress, 3);
  EXPECT_DOUBLE_EQ(load.processors, 4);
  ASSERT_THAT(load.models, SizeIs(2));
  const ModelLoad& idle = load.models[0];
  EXPECT_EQ(idle.model, "idle");
  EXPECT_EQ(idle.state, "not_loaded");
  EXPECT_EQ(idle.calls_per_second, 0);
  EXPECT_FALSE(idle.p50.has_value());
  EXPECT_FALSE(idle.queue_documents.has_value());
  const ModelLoad& model = load.models[1];
  EXPECT_EQ(model.model, "m");
  EXPECT_EQ(model.state, "ready");
  EXPECT_DOUBLE_EQ(model.calls_per_second, 5);
  EXPECT_DOUBLE_EQ(model.failed_per_second, 1);
  EXPECT_DOUBLE_EQ(model.shed_per_second, 2);
  EXPECT_DOUBLE_EQ(model.documents_per_second, 40);
  EXPECT_DOUBLE_EQ(model.tokens_per_second, 4000);
  EXPECT_DOUBLE_EQ(*model.p50, 0.01 * 25 / 40);
  EXPECT_DOUBLE_EQ(*model.p99, 0.01 + 0.01 * (49.5 - 40) / 10);
  EXPECT_EQ(model.queue_documents, 12);
  EXPECT_EQ(model.queue_limit, 100'000);
  EXPECT_DOUBLE_EQ(*model.sessions_busy, 4.0 / 10 / 2);
  EXPECT_DOUBLE_EQ(*model.batch_fill, 0.25);
}

TEST(TopTest, AServerThatWasStartedAnewCountsFromNothing) {
  const ServerLoad load = CompareLooks(Page(After(100, 50)), Page(After(20, 0)), 10);
  EXPECT_DOUBLE_EQ(load.models[1].calls_per_second, 2);
  EXPECT_DOUBLE_EQ(*load.models[1].p50, 0.005);
}

TEST(TopTest, TheTableHasALineAModel) {
  const std::string table = TopTable(CompareLooks(Page(After(100, 50)), Page(After(140, 60)), 10));
  EXPECT_THAT(table, HasSubstr("3 calls in progress, 4.0 processors, 1 MiB; the last 10.0 s"));
  EXPECT_THAT(table, HasSubstr("12/100k"));
  EXPECT_THAT(table, HasSubstr("25%"));
  EXPECT_THAT(table, HasSubstr("\nidle "));
  EXPECT_THAT(table, Not(HasSubstr("999")));
}

TEST(TopTest, JsonHasNullForWhatThereIsNot) {
  const auto json = TopJson(CompareLooks(Page(After(100, 50)), Page(After(140, 60)), 10));
  EXPECT_EQ(json["models"][1]["calls_per_second"], 5);
  EXPECT_EQ(json["models"][0]["p99_seconds"], nullptr);
}

TEST(TopTest, AnAddressOrAUrl) {
  for (const auto& [given, url] : {std::pair("host:9464", "http://host:9464/metrics"),
                                   std::pair("host:9464/", "http://host:9464/metrics"),
                                   std::pair("host:9464/of", "http://host:9464/of"),
                                   std::pair("http://host:9464", "http://host:9464/metrics"),
                                   std::pair("http://[::1]:9464/", "http://[::1]:9464/metrics"),
                                   std::pair("https://host/of/metrics", "https://host/of/metrics"),
                                   std::pair("http://host/?a=/b", "http://host/?a=/b")}) {
    const auto made = MetricsUrl(given);
    ASSERT_TRUE(made.ok()) << made.status();
    EXPECT_EQ(*made, url);
  }
  for (const char* const wrong : {"", "ftp://host/metrics", "http://", "host:port", "a b"}) {
    EXPECT_EQ(MetricsUrl(wrong).status().code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
}

TEST(LookAtMetricsTest, SaysWhatIsWrongWithWhoAnswers) {
  setenv("no_proxy", "*", 1);
  std::string body = "<html>";
  const HttpTestServer server([&](const std::string&) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  });
  EXPECT_THAT(std::string(LookAtMetrics(server.Url()).status().message()),
              HasSubstr("has no metrics: line 1"));
  body = "node_load1 0.5\n";
  EXPECT_THAT(std::string(LookAtMetrics(server.Url()).status().message()),
              HasSubstr("no metrics of rerankd"));
  body += "rerankd_build_info{version=\"1\"} 1\n";
  EXPECT_THAT(LookAtMetrics(server.Url()).value(), SizeIs(2));
}

}  // namespace
}  // namespace rerankd::client
