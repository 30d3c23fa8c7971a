#include "tokenizer/tokenizer_json_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

TokenizerJson Read(std::string_view text) {
  absl::StatusOr<TokenizerJson> file = ReadTokenizerJson(text, "f");
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? *std::move(file) : TokenizerJson();
}

TEST(TokenizerJsonReaderTest, KeepsPiecesApart) {
  const TokenizerJson file = Read(
      R"({"a": [1, {"vocab": [["x", 1]]}], "model": {"vocab": [["\u00e9", -1.5], ["b", -2]],
          "type": "Unigram", "deep": {"vocab": [[1]]}}, "z": null})");
  EXPECT_EQ(file.root.dump(), R"({"a":[1,{"vocab":[["x",1]]}],"model":{"deep":{"vocab":[[1]]},)"
                              R"("type":"Unigram","vocab":[]},"z":null})");
  EXPECT_TRUE(file.pieces_status.ok());
  ASSERT_EQ(file.pieces.size(), 2U);
  EXPECT_EQ(file.pieces[0].text, "\u00E9");
  EXPECT_EQ(file.pieces[0].score, -1.5);
  EXPECT_EQ(file.pieces[1].score, -2);
}

// Wherever it stands, the value would be copied or printed by functions that recurse.
TEST(TokenizerJsonReaderTest, RefusesWhatIsNestedTooDeep) {
  const std::string deep = std::string(300'000, '[') + std::string(300'000, ']');
  for (const std::string& text : {"{\"model\": {\"vocab\": {\"a\": " + deep + "}}}",
                                  "{\"model\": {\"merges\": [" + deep + "]}}",
                                  "{\"truncation\": {\"direction\": " + deep + "}}", deep}) {
    EXPECT_EQ(ReadTokenizerJson(text, "f").status(),
              absl::FailedPreconditionError("f: lists and objects are nested more than 100 deep"));
  }
}

TEST(TokenizerJsonReaderTest, LeavesOtherVocabulariesAlone) {
  EXPECT_EQ(Read(R"({"model": {"vocab": {"a": 0}}})").root.dump(),
            R"({"model":{"vocab":{"a":0}}})");
  EXPECT_EQ(Read(R"({"model": [{"vocab": [1]}]})").root.dump(), R"({"model":[{"vocab":[1]}]})");
}

TEST(TokenizerJsonReaderTest, SaysWhichPieceIsNone) {
  for (const char* piece :
       {"1", "\"b\"", "null", "{}", "[]", "[\"b\"]", "[\"b\", 1, 2]", "[1, \"b\"]",
        "[\"b\", \"1\"]", "[\"b\", [1]]", "[\"b\", {\"c\": 1}]", "[\"b\", true]"}) {
    const TokenizerJson file = Read(std::string(R"({"model": {"vocab": [["a", 0], )") + piece +
                                    R"(, ["c", 0]]}, "z": 1})");
    EXPECT_EQ(file.pieces_status.message(),
              "f: model: vocab[1] must be a list of a piece and its score")
        << piece;
    EXPECT_EQ(file.root.at("z"), 1) << piece;
  }
}

TEST(TokenizerJsonReaderTest, OfTwoVocabulariesTheLastCounts) {
  const TokenizerJson file = Read(R"({"model": {"vocab": [1], "vocab": [["a", 0]]}})");
  EXPECT_TRUE(file.pieces_status.ok());
  EXPECT_EQ(file.pieces.size(), 1U);
}

TEST(TokenizerJsonReaderTest, RefusesWhatIsNoObject) {
  EXPECT_EQ(ReadTokenizerJson("{\"a\": 1", "f").status().message(), "f: not valid JSON at byte 8");
  EXPECT_EQ(ReadTokenizerJson("[]", "f").status().message(),
            "f: the top level must be a JSON object");
}

// What serde_json 1.0 makes of them, which is not always the nearest double.
TEST(SerdeJsonNumberTest, RoundsTwice) {
  EXPECT_EQ(SerdeJsonNumber("-7.4715776443481445"), -7.471577644348144);
  EXPECT_EQ(SerdeJsonNumber("-184467440737095516159.0"), -1.844674407370955e20);
  EXPECT_EQ(SerdeJsonNumber("-123456789012345678901234.5e-3"), -1.2345678901234567e20);
  EXPECT_EQ(SerdeJsonNumber("-1.7976931348623157e308"), -1.7976931348623157e308);
  EXPECT_EQ(SerdeJsonNumber("-4.9e-324"), -5e-324);
  EXPECT_EQ(SerdeJsonNumber("-1e-400"), 0);
  EXPECT_EQ(SerdeJsonNumber("0.30000000000000004"), 0.30000000000000004);
  EXPECT_EQ(SerdeJsonNumber("1E+2"), 100);
}

}  // namespace
}  // namespace rerankd
