#include "output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <clocale>
#include <string>

namespace rerankd::client {
namespace {

class OutputTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
  void TearDown() override { std::setlocale(LC_CTYPE, "C"); }
};

RerankAnswer TwoResults() {
  RerankAnswer answer;
  answer.results = {{.index = 1, .score = 0.75F, .truncated = true, .document = "bb"},
                    {.index = 0, .score = -11.5F}};
  answer.model = "mini";
  answer.score_kind = ScoreKind::kRaw;
  answer.total_tokens = 7;
  answer.billed_units = 2.5;
  answer.compute = std::chrono::microseconds(1500);
  answer.request_id = "id-1";
  return answer;
}

TEST_F(OutputTest, ShortTextsStayAsTheyAre) {
  EXPECT_EQ(FitColumns("naïve 漢字", 10), "naïve 漢字");
  EXPECT_EQ(FitColumns("", 10), "");
  EXPECT_EQ(FitColumns("exactly", 7), "exactly");
}

TEST_F(OutputTest, CutsBetweenCharacters) {
  EXPECT_EQ(FitColumns("abcdef", 4), "abc…");
  EXPECT_EQ(FitColumns("éééééé", 4), "ééé…");
  EXPECT_EQ(FitColumns("漢字漢字", 4), "漢…");  // two columns each
  EXPECT_EQ(FitColumns("漢字漢字", 5), "漢字…");
  EXPECT_EQ(FitColumns("e\u0301e\u0301e\u0301", 2), "e\u0301…");  // combining: no column of its own
  EXPECT_EQ(FitColumns("😀😀😀", 5), "😀😀…");
  EXPECT_EQ(FitColumns("漢", 1), "…");
  EXPECT_EQ(FitColumns("abc", 0), "");
}

TEST_F(OutputTest, ControlCharactersBecomeSpaces) {
  EXPECT_EQ(FitColumns("a\nb\tc\x1B[31m\x7F", 20), "a b c [31m ");
  EXPECT_EQ(FitColumns("a\u202Eb\u009Bc", 20), "a b c");
}

TEST_F(OutputTest, ShowsBytesThatAreNoCharacters) {
  EXPECT_EQ(FitColumns("caf\xE9!", 20), "caf\xEF\xBF\xBD!");
}

TEST_F(OutputTest, TableIsAligned) {
  EXPECT_EQ(RerankTable(TwoResults(), {"a text that goes on and on and on", "bb"}, 50),
            " rank       score   index  text\n"
            "    1    0.750000       1  bb\n"
            "    2  -11.500000       0  a text that goes on an…\n");
}

TEST_F(OutputTest, JsonHasEverything) {
  EXPECT_EQ(RerankJson(TwoResults()).dump(),
            R"({"model":"mini","score_kind":"raw","results":[)"
            R"({"index":1,"score":0.75,"truncated":true,"document":"bb"},)"
            R"({"index":0,"score":-11.5,"truncated":false}],)"
            R"("usage":{"query_tokens":0,"document_tokens":0,"total_tokens":7,"billed_units":2.5},)"
            R"("timings_ms":{"tokenize":0.0,"queue":0.0,"compute":1.5},"request_id":"id-1"})");
}

TEST_F(OutputTest, ListsModels) {
  const std::vector<Model> models = {{.name = "mini",
                                      .aliases = {"small", "m"},
                                      .state = ModelState::kReady,
                                      .kind = "cross_encoder",
                                      .architecture = "Bert",
                                      .max_tokens = 512,
                                      .device = "cpu",
                                      .precision = "fp32",
                                      .default_score_kind = ScoreKind::kSigmoid,
                                      .default_truncation = Truncation::kLongestFirst,
                                      .parameters = 22'000'000,
                                      .is_default = true},
                                     {.name = "large",
                                      .state = ModelState::kFailed,
                                      .error = "config.json: no such file",
                                      .kind = "cross_encoder",
                                      .device = "cpu",
                                      .precision = "fp32",
                                      .default_truncation = Truncation::kRefuse}};
  EXPECT_EQ(ModelTable(models),
            "name            state   kind           architecture  parameters  max_tokens  device  "
            "precision  score    truncation     aliases\n"
            "mini (default)  ready   cross_encoder  Bert          22000000    512         cpu     "
            "fp32       sigmoid  longest_first  small,m\n"
            "large           failed  cross_encoder  -             -           -           cpu     "
            "fp32       unknown  refuse\n"
            "large could not be loaded: config.json: no such file\n");
  const nlohmann::ordered_json json = ModelsJson(models)["models"];
  EXPECT_EQ(json[0]["default_score_kind"], "sigmoid");
  EXPECT_EQ(json[0]["aliases"].dump(), R"(["small","m"])");
  EXPECT_EQ(json[1]["state"], "failed");
  EXPECT_EQ(json[1]["error"], "config.json: no such file");
}

TEST_F(OutputTest, ErrorsWithoutDetailsAreOneLine) {
  EXPECT_EQ(ErrorText(absl::NotFoundError("gone")), "NOT_FOUND: gone\n");
}

}  // namespace
}  // namespace rerankd::client
