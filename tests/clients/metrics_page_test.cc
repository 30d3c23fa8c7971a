#include "metrics_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace rerankd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(MetricsPageTest, ReadsNamesLabelsAndValues) {
  const auto page = ParseMetricsPage(
      "# HELP a_total What it is.\n"
      "# TYPE a_total counter\n"
      "a_total 3\n"
      "\n"
      "b{model=\"m\",le=\"+Inf\"} 1.5e3 1700000000000\r\n"
      "  c { x = \"1\" , } -0.25\n"
      "d{} +Inf\n"
      "e Nan");
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->size(), 5U);
  EXPECT_EQ((*page)[0].name, "a_total");
  EXPECT_EQ((*page)[0].value, 3);
  EXPECT_THAT((*page)[1].labels, ElementsAre(Pair("le", "+Inf"), Pair("model", "m")));
  EXPECT_EQ((*page)[1].value, 1500);
  EXPECT_EQ((*page)[2].name, "c");
  EXPECT_THAT((*page)[2].labels, ElementsAre(Pair("x", "1")));
  EXPECT_EQ((*page)[2].value, -0.25);
  EXPECT_TRUE(std::isinf((*page)[3].value));
  EXPECT_TRUE(std::isnan((*page)[4].value));
}

TEST(MetricsPageTest, ValuesOfLabelsMayHoldAnything) {
  const auto page = ParseMetricsPage("a{x=\"} \\\"quoted\\\" \\\\ \\n,\"} 1\n");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ((*page)[0].labels.at("x"), "} \"quoted\" \\ \n,");
}

TEST(MetricsPageTest, WhatIsNoMetricIsNamedByItsLine) {
  for (const char* line : {"<html>", "a", "a{", "a{x}", "a{x=1} 1", "a{x=\"1} 1", "a{x=\"1\"",
                           "a 1x", "{x=\"1\"} 1", "a{x=\"\\"}) {
    const auto page = ParseMetricsPage(std::string("ok 1\n") + line);
    ASSERT_FALSE(page.ok()) << line;
    EXPECT_THAT(std::string(page.status().message()), HasSubstr("line 2")) << line;
  }
}

TEST(MetricsPageTest, NothingIsNoMetrics) {
  EXPECT_TRUE(ParseMetricsPage("").value().empty());
  EXPECT_TRUE(ParseMetricsPage("\n# a comment\n").value().empty());
}

}  // namespace
}  // namespace rerankd::client
