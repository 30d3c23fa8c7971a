#include "observability/logging.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "util/json.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr system_clock::time_point kTime{milliseconds(1'700'000'000'007)};

std::string Text(const LogFields& fields) {
  return FormatLogLine(LogFormat::kText, kTime, LogLevel::kInfo, "event", fields);
}

nlohmann::json Json(const LogFields& fields) {
  const std::string line =
      FormatLogLine(LogFormat::kJson, kTime, LogLevel::kWarning, "event", fields);
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  auto parsed = ParseJson(line, "line");
  EXPECT_TRUE(parsed.ok()) << parsed.status() << "\n" << line;
  return parsed.ok() ? *std::move(parsed) : nlohmann::json::object();
}

TEST(LoggingTest, TextLineHasTimeLevelMessageAndFields) {
  EXPECT_EQ(Text({{"name", "mini"}, {"documents", size_t{4}}, {"total_ms", 1.25}}),
            "2023-11-14T22:13:20.007Z info    event: name=mini documents=4 total_ms=1.250");
  EXPECT_EQ(Text({}), "2023-11-14T22:13:20.007Z info    event");
}

TEST(LoggingTest, JsonLineHasTimeLevelMessageAndFields) {
  const nlohmann::json line = Json({{"name", "mini"}, {"documents", size_t{4}}, {"ms", 1.25}});
  EXPECT_EQ(line["time"], "2023-11-14T22:13:20.007Z");
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["message"], "event");
  EXPECT_EQ(line["name"], "mini");
  EXPECT_EQ(line["documents"], 4);
  EXPECT_EQ(line["ms"], 1.25);
}

TEST(LoggingTest, WhateverAValueHoldsTheLineStaysOneLine) {
  const std::string ugly = "a\nb\r\"c\\\t\x01 \xff=d";
  const std::string text = Text({{"value", ugly}, {"next", "x"}});
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_NE(text.find(R"(value="a\nb\r\"c\\\t\u0001 )"), std::string::npos) << text;
  EXPECT_EQ(Json({{"value", ugly}})["value"], "a\nb\r\"c\\\t\x01 \xEF\xBF\xBD=d");
}

TEST(LoggingTest, AnEmptyTextValueIsStillVisible) {
  EXPECT_EQ(Text({{"model", ""}}), "2023-11-14T22:13:20.007Z info    event: model=\"\"");
}

TEST(LoggingTest, NumbersThatJsonDoesNotKnowAreNull) {
  EXPECT_TRUE(Json({{"x", std::nan("")}})["x"].is_null());
  EXPECT_TRUE(Json({{"x", std::numeric_limits<double>::infinity()}})["x"].is_null());
}

TEST(LoggingTest, WritesLinesFromTheLevelUpToTheChosenStream) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  {
    Logger logger({LogLevel::kWarning, LogFormat::kText, LogOutput::kStdout});
    EXPECT_FALSE(logger.enabled(LogLevel::kInfo));
    logger.Debug("one");
    logger.Info("two");
    logger.Warning("three {}");
    logger.Error("four");
  }
  const std::string out = testing::internal::GetCapturedStdout();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(out.find("two"), std::string::npos) << out;
  EXPECT_NE(out.find("warning three {}\n"), std::string::npos) << out;
  EXPECT_NE(out.find("error   four\n"), std::string::npos) << out;
}

TEST(LoggingTest, LinesOfSeveralThreadsDoNotMix) {
  testing::internal::CaptureStderr();
  {
    Logger logger({.output = LogOutput::kStderr});
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&logger] {
        for (int n = 0; n < 100; ++n) logger.Info("event", {{"value", std::string(100, 'x')}});
      });
    }
  }
  const std::string out = testing::internal::GetCapturedStderr();
  size_t lines = 0;
  for (size_t begin = 0; begin < out.size(); ++lines) {
    const size_t end = out.find('\n', begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(end - begin, Text({{"value", std::string(100, 'x')}}).size());
    begin = end + 1;
  }
  EXPECT_EQ(lines, 400U);
}

}  // namespace
}  // namespace rerankd
