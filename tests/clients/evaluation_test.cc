#include "evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <condition_variable>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "eval.h"

namespace rerankd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

JudgedSet Set(size_t queries) {
  JudgedSet set;
  for (size_t i = 0; i < queries; ++i) {
    const std::string id = "q" + std::to_string(i);
    set.queries.push_back({id, "query", {"a", "b", "c"}, {"A", "B", "C"}});
    set.judgments[id] = {{"c", 1}};
  }
  return set;
}

RerankAnswer Answer(const std::vector<size_t>& order) {
  RerankAnswer answer{.model = "m"};
  for (const size_t index : order) {
    answer.results.push_back(
        {.index = index, .score = 1.0F - 0.25F * static_cast<float>(answer.results.size())});
  }
  return answer;
}

void NoProgress(size_t) {}

TEST(RunQueriesTest, KeepsTheOrderOfEachAnswer) {
  const JudgedSet set = Set(3);
  std::vector<size_t> progress;
  const ModelRun run = RunQueries(
      set.queries, 1, [](const JudgedQuery&) { return Answer({2, 0, 1}); },
      [&](size_t done) { progress.push_back(done); });
  EXPECT_EQ(run.model, "m");
  EXPECT_EQ(run.errors, 0U);
  ASSERT_EQ(run.rankings.size(), 3U);
  EXPECT_THAT(run.rankings[1]->document_ids, ElementsAre("c", "a", "b"));
  EXPECT_THAT(progress, ElementsAre(1, 2, 3));

  std::ostringstream out;
  WriteRun(set.queries, run, out);
  EXPECT_THAT(out.str(), testing::StartsWith("q0 Q0 c 1 1 m\nq0 Q0 a 2 0.75 m\nq0 Q0 b 3 0.5 m\n"
                                             "q1 Q0 c 1 1 m\n"));
}

TEST(RunQueriesTest, AsManyAtATimeAsAsked) {
  const JudgedSet set = Set(6);
  std::mutex mutex;
  std::condition_variable changed;
  size_t running = 0;
  size_t most = 0;
  // Nobody is answered before three calls wait, so one or two at a time would never end.
  const ModelRun run = RunQueries(
      set.queries, 3,
      [&](const JudgedQuery&) {
        std::unique_lock lock(mutex);
        most = std::max(most, ++running);
        changed.notify_all();
        changed.wait_for(lock, std::chrono::seconds(60), [&] { return most >= 3; });
        --running;
        return Answer({0, 1, 2});
      },
      NoProgress);
  EXPECT_EQ(most, 3U);
  EXPECT_EQ(run.errors, 0U);
}

TEST(RunQueriesTest, AFailedQueryIsAnErrorAndTheOthersGoOn) {
  const JudgedSet set = Set(3);
  const ModelRun run = RunQueries(
      set.queries, 1,
      [](const JudgedQuery& query) -> absl::StatusOr<RerankAnswer> {
        if (query.id == "q1") return absl::DeadlineExceededError("late");
        return Answer({0, 2, 1});
      },
      NoProgress);
  EXPECT_EQ(run.errors, 1U);
  EXPECT_EQ(run.first_error, absl::DeadlineExceededError("late"));
  EXPECT_FALSE(run.rankings[1].has_value());
  const EvalRow row = Evaluate(set, run, 1);
  EXPECT_DOUBLE_EQ(*row.reciprocal_rank, 0.5);  // of the two that were answered
  EXPECT_EQ(row.errors, 1U);
  EXPECT_TRUE(row.p50_milliseconds.has_value());
}

TEST(RunQueriesTest, WhatConcernsAllQueriesEndsTheRun) {
  const JudgedSet set = Set(5);
  const auto calls_until_the_end = [&set](const absl::Status& status, bool first_is_fine) {
    size_t calls = 0;
    const ModelRun run = RunQueries(
        set.queries, 1,
        [&](const JudgedQuery&) -> absl::StatusOr<RerankAnswer> {
          if (calls++ == 0 && first_is_fine) return Answer({0, 1, 2});
          return status;
        },
        NoProgress);
    EXPECT_EQ(run.errors, first_is_fine ? 4U : 5U);
    return calls;
  };
  EXPECT_EQ(calls_until_the_end(absl::NotFoundError("no model"), false), 1U);
  EXPECT_EQ(calls_until_the_end(absl::UnavailableError("no server"), false), 1U);
  EXPECT_EQ(calls_until_the_end(absl::UnavailableError("away for now"), true), 5U);
  EXPECT_EQ(calls_until_the_end(absl::InternalError("NaN"), false), 5U);
}

TEST(RunQueriesTest, AnAnswerMustHoldEveryDocumentOnce) {
  const JudgedSet set = Set(1);
  for (const std::vector<size_t>& order :
       std::vector<std::vector<size_t>>{{0, 1}, {0, 1, 1}, {0, 1, 3}, {0, 1, 2, 0}}) {
    const ModelRun run =
        RunQueries(set.queries, 1, [&](const JudgedQuery&) { return Answer(order); }, NoProgress);
    EXPECT_EQ(run.errors, 1U);
    EXPECT_EQ(run.first_error.code(), absl::StatusCode::kInternal);
  }
}

TEST(EvaluateTest, QueriesWithoutARelevantDocumentAreInNoMean) {
  JudgedSet set = Set(3);
  set.judgments["q1"] = {{"a", 0}};
  set.judgments.erase("q2");
  EXPECT_EQ(CountJudged(set), 1U);
  const EvalRow row = Evaluate(set, AsGiven(set.queries), 1);
  EXPECT_EQ(row.model, "as given");
  EXPECT_DOUBLE_EQ(*row.ndcg, 0.5);  // 1 / log2(4)
  EXPECT_DOUBLE_EQ(*row.reciprocal_rank, 1.0 / 3);
  EXPECT_EQ(row.p50_milliseconds, std::nullopt);
  EXPECT_EQ(Evaluate(set, AsGiven(set.queries), 2).reciprocal_rank, std::nullopt);
}

const std::vector<EvalRow> kRows = {{.model = "as given", .ndcg = 0.5, .reciprocal_rank = 1.0 / 3},
                                    {.model = "org/模型",
                                     .ndcg = 0.8125,
                                     .reciprocal_rank = 1,
                                     .p50_milliseconds = 12.34,
                                     .p99_milliseconds = 1234.5,
                                     .errors = 2},
                                    {.model = "x"}};

// For the width of characters.
class EvalOutputTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
  void TearDown() override { std::setlocale(LC_CTYPE, "C"); }
};

TEST_F(EvalOutputTest, Table) {
  EXPECT_EQ(EvalTable(kRows),
            "model     nDCG@10   MRR@10     p50 ms     p99 ms  errors\n"
            "as given   0.5000   0.3333          -          -       0\n"
            "org/模型   0.8125   1.0000       12.3     1234.5       2\n"
            "x               -        -          -          -       0\n");
}

TEST_F(EvalOutputTest, Plot) {
  EXPECT_EQ(EvalPlot(kRows, 8 + 10 + 16),
            "          nDCG@10\n"
            "as given  0.5000  ████████\n"
            "org/模型  0.8125  █████████████\n"
            "x              -  \n");
  EXPECT_THAT(EvalPlot(kRows, 0), HasSubstr("as given  0.5000  █████\n"));
  EXPECT_THAT(EvalPlot({{.model = "m", .ndcg = 0.83}}, 5 + 10 + 16), HasSubstr("█████████████▎\n"));
}

TEST_F(EvalOutputTest, Json) {
  const auto json = EvalJson(Set(2), kRows);
  EXPECT_EQ(json["queries"], 2);
  EXPECT_EQ(json["judged_queries"], 2);
  EXPECT_EQ(json["rows"][1]["ndcg_at_10"], 0.8125);
  EXPECT_EQ(json["rows"][1]["errors"], 2);
  EXPECT_TRUE(json["rows"][0]["p50_ms"].is_null());
}

TEST_F(EvalOutputTest, RunFileNames) {
  EXPECT_EQ(RunFileOf({.run_file = "out"}, ""), "out");
  EXPECT_EQ(RunFileOf({.models = {"a/b"}, .run_file = "out"}, "a/b"), "out");
  EXPECT_EQ(RunFileOf({.models = {"a/b", "c"}, .run_file = "out"}, "a/b"), "out.a_b");
}

}  // namespace
}  // namespace rerankd::client
