#include "judged_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "evaluation.h"

namespace rerankd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr size_t kAll = std::numeric_limits<size_t>::max();

absl::StatusOr<std::vector<JudgedQuery>> Queries(const std::string& text, size_t limit = kAll) {
  std::istringstream in(text);
  return ReadJudgedQueries(in, limit, "d");
}

absl::StatusOr<std::unordered_map<std::string, Grades>> Judgments(const std::string& text) {
  std::istringstream in(text);
  return ReadJudgments(in, "q");
}

std::string QueriesError(const std::string& text) {
  const auto queries = Queries(text);
  EXPECT_EQ(queries.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(queries.status().message());
}

std::string JudgmentsError(const std::string& text) {
  const auto judgments = Judgments(text);
  EXPECT_EQ(judgments.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(judgments.status().message());
}

TEST(JudgedQueriesTest, ReadsListsAndObjects) {
  const auto queries = Queries(
      "\xEF\xBB\xBF{\"qid\": \"q1\", \"query\": \"one\", \"docs\": [[\"a\", \"A\", 3.5], [7, "
      "\"B\"]]}\r\n"
      "\n"
      "{\"lang\": \"en\", \"qid\": 12, \"query\": \"two\", "
      "\"docs\": [{\"id\": \"a\", \"text\": \"A\", \"title\": null}]}");
  ASSERT_TRUE(queries.ok()) << queries.status();
  ASSERT_EQ(queries->size(), 2U);
  EXPECT_EQ((*queries)[0].id, "q1");
  EXPECT_EQ((*queries)[0].text, "one");
  EXPECT_THAT((*queries)[0].document_ids, ElementsAre("a", "7"));
  EXPECT_THAT((*queries)[0].documents, ElementsAre("A", "B"));
  EXPECT_EQ((*queries)[1].id, "12");
  EXPECT_THAT((*queries)[1].document_ids, ElementsAre("a"));
}

TEST(JudgedQueriesTest, KeepsTheFirstDocuments) {
  const auto queries =
      Queries(R"({"qid": 1, "query": "q", "docs": [["a", "A"], ["b", "B"], ["c", "C"]]})", 2);
  ASSERT_TRUE(queries.ok()) << queries.status();
  EXPECT_THAT((*queries)[0].document_ids, ElementsAre("a", "b"));
}

TEST(JudgedQueriesTest, SaysWhichLineIsWrongAndHow) {
  const std::string good = R"({"qid": "x", "query": "q", "docs": [["a", "A"]]})";
  EXPECT_EQ(QueriesError(""), "d: has no queries");
  EXPECT_EQ(QueriesError("\n\n"), "d: has no queries");
  EXPECT_EQ(QueriesError(good + "\n\n{"), "d:3: not a JSON object");
  EXPECT_EQ(QueriesError("[]"), "d:1: not a JSON object");
  EXPECT_EQ(QueriesError("{\"qid\": \"\xC3\"}"), "d:1: not a JSON object");
  EXPECT_EQ(QueriesError(std::string(100'000, '[')), "d:1: not a JSON object");
  EXPECT_EQ(QueriesError("{}"), "d:1: \"qid\" must be a string or a whole number");
  EXPECT_EQ(QueriesError(R"({"qid": 1.5})"), "d:1: \"qid\" must be a string or a whole number");
  EXPECT_EQ(QueriesError(R"({"qid": "a b"})"),
            "d:1: \"qid\" must not be empty or have white space in it");
  EXPECT_EQ(QueriesError(R"({"qid": 1})"), "d:1: \"query\" must be a string that is not empty");
  EXPECT_EQ(QueriesError(R"({"qid": 1, "query": "q", "docs": {}})"),
            "d:1: \"docs\" must be a list");
  EXPECT_EQ(QueriesError(R"({"qid": 1, "query": "q", "docs": []})"), "d:1: \"docs\" is empty");
  const auto with = [](const std::string& document) {
    return QueriesError(R"({"qid": 1, "query": "q", "docs": [["a", "A"], )" + document + "]}");
  };
  EXPECT_EQ(
      with("7"),
      "d:1: docs[1] must be a list of an id and a text, or an object with \"id\" and \"text\"");
  EXPECT_THAT(with("[\"b\"]"), HasSubstr("docs[1] must be a list"));
  EXPECT_EQ(with("[null, \"B\"]"), "d:1: the id of docs[1] must be a string or a whole number");
  EXPECT_EQ(with("{\"id\": \"b\"}"), "d:1: the text of docs[1] must be a string that is not empty");
  EXPECT_EQ(with("[\"b\", \"\"]"), "d:1: the text of docs[1] must be a string that is not empty");
  EXPECT_EQ(with("[\"a\", \"B\"]"), "d:1: docs[1] has the id \"a\", as one before it");
  EXPECT_EQ(QueriesError(good + "\n" + good), "d:2: the qid \"x\" was there before");
}

TEST(JudgmentsTest, ReadsTrecsColumns) {
  const auto judgments = Judgments("q1 0 a 3\nq1\tQ0\tb\t-1\r\n\n  q2 0  a 0 \n");
  ASSERT_TRUE(judgments.ok()) << judgments.status();
  EXPECT_THAT(judgments->at("q1"), UnorderedElementsAre(Pair("a", 3), Pair("b", -1)));
  EXPECT_THAT(judgments->at("q2"), UnorderedElementsAre(Pair("a", 0)));
}

TEST(JudgmentsTest, SaysWhichLineIsWrongAndHow) {
  EXPECT_EQ(JudgmentsError(" \n"), "q: has no judgments");
  constexpr const char* kForm = "q:2: must be \"qid 0 docid grade\", the grade a whole number";
  for (const char* line :
       {"q 0 a", "q 0 a 1 2", "q 0 a x", "q 0 a 1.5", "q 0 a 99999999999", "q 0 a 1x"}) {
    EXPECT_EQ(JudgmentsError(std::string("q 0 b 1\n") + line), kForm) << line;
  }
  EXPECT_EQ(JudgmentsError("q 0 a 1\nq 0 a 2"), "q:2: \"a\" was judged before for \"q\"");
}

// Published figures of TREC's Deep Learning tracks.
TEST(JudgedSetTest, PublishedFiguresOfRealSets) {
  const char* const source = std::getenv("RERANKD_SOURCE_DIR");  // NOLINT(concurrency-mt-unsafe)
  const auto folder = std::filesystem::path(source) / "../shared/data/rerank-eval";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no judged sets at " << folder;
  for (const auto& [name, as_given, best] :
       {std::tuple("dl19", 0.5058, 0.8922), std::tuple("dl20-heldout", 0.4556, 0.0)}) {
    std::ifstream data(folder / (std::string(name) + ".jsonl"));
    std::ifstream qrels(folder / (std::string(name) + ".qrels"));
    auto queries = ReadJudgedQueries(data, kAll, name);
    ASSERT_TRUE(queries.ok()) << queries.status();
    auto judgments = ReadJudgments(qrels, name);
    ASSERT_TRUE(judgments.ok()) << judgments.status();
    JudgedSet set{*std::move(queries), *std::move(judgments)};
    EXPECT_NEAR(*Evaluate(set, AsGiven(set.queries), 1).ndcg, as_given, 0.00005) << name;
    for (JudgedQuery& query : set.queries) {
      const Grades& grades = set.judgments.at(query.id);
      const auto grade = [&grades](const std::string& id) {
        const auto found = grades.find(id);
        return found == grades.end() ? 0 : found->second;
      };
      std::ranges::sort(query.document_ids, std::ranges::greater(), grade);
    }
    if (best > 0) {
      EXPECT_NEAR(*Evaluate(set, AsGiven(set.queries), 1).ndcg, best, 0.00005) << name;
    }
  }
}

}  // namespace
}  // namespace rerankd::client
