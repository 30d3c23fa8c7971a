#include "providers/rerank_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/errors.h"
#include "providers/provider_errors.h"

namespace rerankd {
namespace {

using testing::ElementsAre;
using testing::Pair;

class RerankAnswerTest : public testing::Test {
 protected:
  absl::StatusOr<RerankResult> Read(std::string body, std::string type = "application/json") {
    HttpResponse response{.status = 200, .body = std::move(body)};
    if (!type.empty()) response.headers = {{"content-type", std::move(type)}};
    return ReadAnswer(dialect_, dialect_.score_kind, request_, {}, response);
  }

  // The answer with these `results`.
  absl::StatusOr<RerankResult> Results(const std::string& results) {
    return Read(R"({"results":[)" + results + "]}");
  }

  std::vector<std::pair<size_t, float>> Ranked(const std::string& results) {
    const auto result = Results(results);
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<std::pair<size_t, float>> ranked;
    if (!result.ok()) return ranked;
    for (const ScoredDocument& document : result->documents) {
      ranked.emplace_back(document.index, document.score);
    }
    return ranked;
  }

  void ExpectBad(const absl::StatusOr<RerankResult>& result, const std::string& message) {
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
    EXPECT_EQ(ReasonOf(result.status()), "PROVIDER_BAD_RESPONSE");
    EXPECT_EQ(std::string(result.status().message()), "x: bad answer: " + message);
  }

  Dialect dialect_{.name = "x", .top_at = "/top_n"};
  RerankRequest request_{.query = "q", .documents = {"a", "b", "c"}};
};

constexpr char kThree[] =
    R"({"index":2,"relevance_score":0.75},{"index":0,"relevance_score":0.5},
       {"index":1,"relevance_score":0.25})";

TEST_F(RerankAnswerTest, KeepsTheOrderOfEqualScores) {
  EXPECT_THAT(Ranked(R"({"index":2,"relevance_score":1},{"index":0,"relevance_score":1.0},
                        {"index":1,"relevance_score":1})"),
              ElementsAre(Pair(2, 1), Pair(0, 1), Pair(1, 1)));
  // Equal as floats only.
  EXPECT_THAT(Ranked(R"({"index":2,"relevance_score":0.50000000002},
                        {"index":0,"relevance_score":0.50000000001},
                        {"index":1,"relevance_score":0.5})"),
              ElementsAre(Pair(2, 0.5F), Pair(0, 0.5F), Pair(1, 0.5F)));
}

TEST_F(RerankAnswerTest, SortsWhatIsNotSorted) {
  EXPECT_THAT(Ranked(R"({"index":2,"relevance_score":0.5},{"index":0,"relevance_score":0.75},
                        {"index":1,"relevance_score":0.5})"),
              ElementsAre(Pair(0, 0.75F), Pair(1, 0.5F), Pair(2, 0.5F)));
}

TEST_F(RerankAnswerTest, CutsToWhatWasAskedFor) {
  request_.top_k = 2;
  EXPECT_THAT(Ranked(kThree), ElementsAre(Pair(2, 0.75F), Pair(0, 0.5F)));
  request_.top_k = 7;
  EXPECT_EQ(Ranked(kThree).size(), 3U);
}

TEST_F(RerankAnswerTest, OneThatWasNotToldHowManyMustAnswerAll) {
  dialect_.top_at = "";
  request_.top_k = 1;
  EXPECT_THAT(Ranked(kThree), ElementsAre(Pair(2, 0.75F)));
  ExpectBad(Results(R"({"index":2,"relevance_score":1})"),
            "results has 1 entries where 3 were asked for");
}

TEST_F(RerankAnswerTest, OtherNumbersThanWereAskedFor) {
  ExpectBad(Results(""), "results has 0 entries where 3 were asked for");
  ExpectBad(Results(std::string(kThree) + R"(,{"index":0,"relevance_score":0.1})"),
            "results has 4 entries for 3 documents");
  request_.top_k = 2;
  ExpectBad(Results(R"({"index":0,"relevance_score":1})"),
            "results has 1 entries where 2 were asked for");
}

TEST_F(RerankAnswerTest, BadEntries) {
  request_.top_k = 1;
  const std::pair<const char*, const char*> rows[] = {
      {R"(7)", "results[0] is not an object"},
      {R"(null)", "results[0] is not an object"},
      {R"({"relevance_score":1})", "results[0].index is missing"},
      {R"({"index":null,"relevance_score":1})", "results[0].index is not a whole number"},
      {R"({"index":"0","relevance_score":1})", "results[0].index is not a whole number"},
      {R"({"index":1.0,"relevance_score":1})", "results[0].index is not a whole number"},
      {R"({"index":true,"relevance_score":1})", "results[0].index is not a whole number"},
      {R"({"index":3,"relevance_score":1})", "results[0].index is 3, and there are 3 documents"},
      {R"({"index":-1,"relevance_score":1})", "results[0].index is -1, and there are 3 documents"},
      {R"({"index":18446744073709551615,"relevance_score":1})",
       "results[0].index is 18446744073709551615, and there are 3 documents"},
      {R"({"index":0})", "results[0].relevance_score is missing"},
      {R"({"index":0,"score":1})", "results[0].relevance_score is missing"},
      {R"({"index":0,"relevance_score":null})", "results[0].relevance_score is not a number"},
      {R"({"index":0,"relevance_score":"0.5"})", "results[0].relevance_score is not a number"},
      {R"({"index":0,"relevance_score":1e300})", "results[0].relevance_score is too large"},
      {R"({"index":1,"relevance_score":1},{"index":1,"relevance_score":0.5})",
       "results[1].index is 1, as that of an earlier entry"},
  };
  for (const auto& [results, message] : rows) {
    SCOPED_TRACE(results);
    ExpectBad(Results(results), message);
  }
}

TEST_F(RerankAnswerTest, BadBodies) {
  ExpectBad(Read(R"({"results":[{"index":0,"relevance_score":NaN}]})"), "is not JSON at byte 42");
  ExpectBad(Read(R"({"results":[{"index":0,"relevance_score":1e999}]})"),
            "has a number that is too large");
  ExpectBad(Read("[" + std::string(100'000, '[')), "nests more than 32 deep");
  ExpectBad(Read("<html>", "text/html; charset=utf-8"),
            "is text/html; charset=utf-8, not JSON: a web page, of a proxy perhaps; check base_url "
            "and HTTPS_PROXY");
  ExpectBad(Read("{}"), "results is missing");
  ExpectBad(Read("[]"), "results is missing");
  ExpectBad(Read("7"), "results is missing");
  ExpectBad(Read(R"({"results":null})"), "results is missing");
  ExpectBad(Read(R"({"results":{}})"), "results is not a list");
  ExpectBad(Read(R"({"message":"we are closed"})"), "results is missing; it says: we are closed");
}

TEST_F(RerankAnswerTest, AnAnswerThatEndsEarlyIsTriedAgain) {
  const std::string body = R"({"results":[{"index":0,"relevance_score":0.5}]})";
  for (size_t size = 0; size < body.size(); ++size) {
    const auto result = Read(body.substr(0, size));
    ExpectBad(result, "ends early");
    EXPECT_EQ(RetryRuleOf(result.status()), RetryRule::kOnce);
  }
  EXPECT_EQ(RetryRuleOf(Read("{]").status()), RetryRule::kNever);
}

TEST_F(RerankAnswerTest, WhatIsQuotedIsNotOfTheRequest) {
  request_.query = "a query of more than twenty bytes";
  ExpectBad(Read("{}", request_.query), "is [...], not JSON");
  ExpectBad(Read("{\"detail\":\"" + request_.query + "?\"}"),
            "results is missing; it says: [...]?");
}

TEST_F(RerankAnswerTest, TypesThatAreJson) {
  const std::string body = std::string(R"({"results":[)") + kThree + "]}";
  for (const char* type : {"", "application/json", "Application/JSON; charset=utf-8", "text/json",
                           "application/problem+json"}) {
    EXPECT_TRUE(Read(body, type).ok()) << type;
  }
}

TEST_F(RerankAnswerTest, NoNegativeZero) {
  request_.documents = {"a"};
  const auto ranked = Ranked(R"({"index":0,"relevance_score":-0.0})");
  EXPECT_FALSE(std::signbit(ranked.at(0).second));
}

TEST_F(RerankAnswerTest, UsageIsReadWhereItMakesSense) {
  dialect_.total_tokens_at = {"/meta/tokens", "/usage/total_tokens"};
  dialect_.billed_units_at = {"/meta/units"};
  const auto usage = [&](const std::string& more) {
    const auto result = Read(std::string(R"({"results":[)") + kThree + "]," + more + "}");
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->usage : TokenUsage();
  };
  EXPECT_EQ(usage(R"("usage":{"total_tokens":7})").total_tokens, 7U);
  EXPECT_EQ(usage(R"("meta":{"tokens":5.0},"usage":{"total_tokens":7})").total_tokens, 5U);
  EXPECT_EQ(usage(R"("meta":{"units":1.5})").billed_units, 1.5);
  for (const char* more : {R"("usage":null)", R"("usage":[])", R"("usage":{"total_tokens":"7"})",
                           R"("usage":{"total_tokens":-7})", R"("usage":{"total_tokens":1e30})"}) {
    EXPECT_EQ(usage(more).total_tokens, 0U) << more;
  }
}

TEST_F(RerankAnswerTest, BareScoresAreInTheOrderOfTheDocuments) {
  dialect_.index = "";
  dialect_.top_at = "";
  EXPECT_THAT(Ranked("0.25, 0.75, 0.25"),
              ElementsAre(Pair(1, 0.75F), Pair(0, 0.25F), Pair(2, 0.25F)));
  ExpectBad(Results("0.25, 0.75"), "results has 2 entries where 3 were asked for");
  ExpectBad(Results("0.25, null, 1"), "results[1] is not a number");
}

TEST_F(RerankAnswerTest, AListMayBeTheWholeAnswer) {
  dialect_.results_at = {""};
  EXPECT_TRUE(Read(std::string("[") + kThree + "]").ok());
  ExpectBad(Read(R"([{"index":5,"relevance_score":1},1,1])"),
            "[0].index is 5, and there are 3 documents");
  ExpectBad(Read(R"({"error":"busy"})"), "the list of results is missing; it says: busy");
}

}  // namespace
}  // namespace rerankd
