// rerankctl eval against the running program with the default model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "integration/fixtures.h"
#include "support/run_program.h"
#include "support/temp_dir.h"

namespace rerankd {
namespace {

using testing::HasSubstr;

// Of each query only the last document answers it.
constexpr const char* kQueries =
    R"({"qid": "bread", "query": "how long does sourdough bread have to rise?", "docs": [["b1", "The museum is closed on Mondays and on public holidays."], ["b2", "Our bakery sells rye rolls."], ["b3", "Let a sourdough loaf rise for four to twelve hours, depending on how warm the kitchen is."]]}
{"qid": "moon", "query": "who was the first person on the moon", "docs": [["m1", "The moon pulls the tides."], ["m2", "A moon cake is filled with lotus paste."], ["m3", "In 1969 Neil Armstrong was the first human to walk on the moon."]]}
{"qid": "bike", "query": "why does my bicycle chain fall off", "docs": [{"id": "k1", "text": "The necklace is made of silver links."}, {"id": "k2", "text": "Cycling is good for the heart."}, {"id": "k3", "text": "A bike chain drops when it is worn or slack, or when the derailleur is badly adjusted."}]}
)";
constexpr const char* kJudgments = "bread 0 b3 2\nbread 0 b2 0\nmoon 0 m3 1\nbike 0 k3 1\n";

TEST(EvalTest, TheDefaultModelFindsWhatAnswers) {
  const TempDir folder;
  const std::string data = folder.Write("set.jsonl", kQueries).string();
  const std::string qrels = folder.Write("set.qrels", kJudgments).string();
  ServerProcess server({});
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"eval",     "--data",        data, "--qrels", qrels,
                                          "--target", server.Address()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunProgram(RERANKCTL, arguments, folder, "", {"COLUMNS=80"});
  };
  const Outcome outcome = run({"--json", "--run-file", (folder.path() / "run").string()});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  ASSERT_EQ(json.at("rows").size(), 2U);
  EXPECT_DOUBLE_EQ(json["rows"][0]["ndcg_at_10"], 0.5);  // 1 / log2(4)
  EXPECT_DOUBLE_EQ(json["rows"][1]["ndcg_at_10"], 1.0);
  EXPECT_DOUBLE_EQ(json["rows"][1]["mrr_at_10"], 1.0);
  EXPECT_EQ(json["rows"][1]["errors"], 0);
  EXPECT_EQ(json["rows"][1]["model"], DefaultModelName());
  EXPECT_THAT(Slurp(folder.path() / "run"), testing::StartsWith("bread Q0 b3 1 "));

  const Outcome plot = run({"--plot", "--concurrency", "3"});
  EXPECT_EQ(plot.code, 0) << plot.err;
  EXPECT_THAT(plot.out, HasSubstr("as given"));
  EXPECT_THAT(plot.out, HasSubstr("█"));
}

}  // namespace
}  // namespace rerankd
