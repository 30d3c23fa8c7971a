#include "observability/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <thread>
#include <vector>

#include "support/metrics_text.h"

namespace rerankd {
namespace {

using testing::Contains;
using testing::Not;

MetricsText Text(const Metrics& metrics) {
  return MetricsText(prometheus::TextSerializer().Serialize(metrics.registry()->Collect()));
}

TEST(MetricsTest, WhatRatesLookAtIsThereBeforeTheFirstCall) {
  const Metrics metrics({{"mini"}}, "1.2.3");
  const MetricsText text = Text(metrics);
  for (const char* code : {"OK", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE"}) {
    EXPECT_EQ(text.Value("rerankd_calls_total",
                         {{"model", "mini"}, {"method", "Rerank"}, {"code", code}}),
              0)
        << code;
  }
  EXPECT_EQ(text.Value("rerankd_build_info", {{"version", "1.2.3"}}), 1);
  EXPECT_EQ(text.Value("rerankd_batch_tokens_count", {{"model", "mini"}}), 0);
}

TEST(MetricsTest, OnlyModelsOfTheConfigurationHaveSeries) {
  const Metrics metrics({{"mini"}}, "1");
  EXPECT_EQ(metrics.models.Find("of a stranger"), nullptr);
  EXPECT_EQ(metrics.models.Find(""), nullptr);
  EXPECT_THAT(Text(metrics).LabelValues(), Not(Contains("of a stranger")));
}

TEST(MetricsTest, AModelIsEitherComputedHereOrHosted) {
  const Metrics metrics({{"here"}, {"there", true}}, "1");
  EXPECT_NE(metrics.engines.Find("here"), nullptr);
  EXPECT_EQ(metrics.providers.Find("here"), nullptr);
  EXPECT_EQ(metrics.engines.Find("there"), nullptr);
  EXPECT_NE(metrics.providers.Find("there"), nullptr);
}

TEST(MetricsTest, AMethodThatIsNotInTheApiIsAnother) {
  Metrics metrics({{"mini"}}, "1");
  metrics.calls_without_model.Of("Anything").Answered(12, "UNIMPLEMENTED").Increment();
  metrics.calls_without_model.Of("Whatever").Answered(12, "UNIMPLEMENTED").Increment();
  EXPECT_EQ(Text(metrics).Value("rerankd_calls_total",
                                {{"model", ""}, {"method", "other"}, {"code", "UNIMPLEMENTED"}}),
            2);
}

TEST(MetricsTest, ThereIsABoundForTenantsPastWhichTheyAreCountedTogether) {
  Metrics metrics({{"mini"}}, "1");
  const size_t before = Text(metrics).LabelValues().size();
  for (size_t i = 0; i < Metrics::kMostTenants + 100; ++i) {
    metrics.tenants.Of("t" + std::to_string(i)).calls.Increment();
  }
  metrics.tenants.Of("t0").calls.Increment();
  const MetricsText text = Text(metrics);
  EXPECT_EQ(text.LabelValues().size(), before + Metrics::kMostTenants + 1);
  const auto calls = [&](const std::string& tenant) {
    return text.Value("rerankd_tenant_calls_total", {{"tenant", tenant}});
  };
  EXPECT_EQ(calls("t0"), 2);
  EXPECT_EQ(calls("t999"), 1);
  EXPECT_EQ(calls("(others)"), 100);
}

TEST(MetricsTest, CountsFromManyThreadsAtOnce) {
  Metrics metrics({{"mini"}}, "1");
  constexpr int kThreads = 4;
  constexpr int kCalls = 1000;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int call = 0; call < kCalls; ++call) {
          CallMetrics& of = metrics.models.Find("mini")->calls.Of("GetModel");
          of.Answered(5, "NOT_FOUND").Increment();
          of.seconds.Observe(0.003);
        }
      });
    }
  }
  const MetricsText text = Text(metrics);
  EXPECT_EQ(text.Value("rerankd_calls_total",
                       {{"model", "mini"}, {"method", "GetModel"}, {"code", "NOT_FOUND"}}),
            kThreads * kCalls);
  EXPECT_EQ(text.Value("rerankd_call_duration_seconds_bucket",
                       {{"model", "mini"}, {"method", "GetModel"}, {"le", "0.005"}}),
            kThreads * kCalls);
  EXPECT_EQ(text.Value("rerankd_call_duration_seconds_bucket",
                       {{"model", "mini"}, {"method", "GetModel"}, {"le", "0.002"}}),
            0);
}

TEST(MetricsTest, RequestsToAProviderAreTakenByTheirStatus) {
  const Metrics metrics({{"there", true}}, "1");
  const ProviderMetrics& provider = *metrics.providers.Find("there");
  for (const int status : {200, 204, 302, 404, 429, 503, 0}) provider.Requests(status).Increment();
  const MetricsText text = Text(metrics);
  for (const auto& [outcome, count] : {std::pair<const char*, int>{"2xx", 2},
                                       {"other", 1},
                                       {"4xx", 1},
                                       {"429", 1},
                                       {"5xx", 1},
                                       {"no_answer", 1}}) {
    EXPECT_EQ(
        text.Value("rerankd_provider_requests_total", {{"model", "there"}, {"outcome", outcome}}),
        count)
        << outcome;
  }
}

}  // namespace
}  // namespace rerankd
